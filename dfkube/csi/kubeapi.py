"""The few questions that the provisioner asks the API server, as the account of its pod."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from dfcore.errors import ConfigError, MeganeuraError, Unavailable
from dfinfra.http import ClientLimits, client_session

Json = dict[str, Any]

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
WATCH_S = 240


class RefusedError(MeganeuraError):
    """The API server said no; the text is its reason."""

    code = "refused_by_kubernetes"


class KubeApi:
    """Inside of its ``async with``."""

    def __init__(self, base: str, folder: Path = ACCOUNT) -> None:
        """``folder`` holds the account's token, which changes, and the authority."""
        self._base = base
        self._folder = folder
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def of_pod(cls) -> KubeApi:
        """As the environment of every pod says. Raises ConfigError outside of one."""
        try:
            host = os.environ["KUBERNETES_SERVICE_HOST"]
            port = os.environ["KUBERNETES_SERVICE_PORT"]
        except KeyError as error:
            raise ConfigError(f"{error.args[0]} is not set: this is no pod") from error
        return cls(f"https://{f'[{host}]' if ':' in host else host}:{port}")

    async def open(self) -> None:
        """Raises ConfigError if the account's authority cannot be read."""
        tls = None
        if self._base.startswith("https:"):
            try:
                tls = ssl.create_default_context(cafile=str(self._folder / "ca.crt"))
            except OSError as error:
                raise ConfigError(f"{self._folder / 'ca.crt'}: {error.strerror}") from error
        limits = ClientLimits(connect_s=10.0, read_s=WATCH_S + 30.0)
        self._session = client_session(limits, tls=tls)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def list(self, path: str) -> list[Json]:
        """All objects at a path such as ``/api/v1/persistentvolumes``.

        Raises Unavailable, RefusedError, as all of these do.
        """
        return list((await self._ask("GET", path)).get("items") or [])

    async def create(self, path: str, value: Json) -> None:
        """Make an object; one that is there already is fine."""
        await self._ask("POST", path, value, fine=(409,))

    async def delete(self, path: str) -> None:
        """Take an object away; one that is not there is fine."""
        await self._ask("DELETE", path, fine=(404,))

    async def changes(self, path: str) -> AsyncIterator[None]:
        """One for each object that is there, and one for each change, until the server ends it."""
        url = f"{self._base}{path}?watch=1&timeoutSeconds={WATCH_S}"
        assert self._session is not None
        try:
            async with self._session.get(url, headers=self._headers()) as answer:
                if answer.status != 200:
                    raise RefusedError(_reason(answer.status, await answer.read()))
                async for data in answer.content.iter_any():
                    if b"\n" in data:
                        yield None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"the API server does not answer: {error}") from error

    async def _ask(
        self, method: str, path: str, value: Json | None = None, fine: tuple[int, ...] = ()
    ) -> Json:
        assert self._session is not None
        try:
            async with self._session.request(
                method, f"{self._base}{path}", json=value, headers=self._headers()
            ) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"the API server does not answer: {error}") from error
        if answer.status >= 300 and answer.status not in fine:
            raise RefusedError(_reason(answer.status, body))
        found = json.loads(body or b"{}")
        return found if isinstance(found, dict) else {}

    def _headers(self) -> dict[str, str]:
        # Read each time: the kubelet renews it.
        token = (self._folder / "token").read_text().strip()
        return {"Authorization": f"Bearer {token}", "Accept": "application/json"}


def _reason(status: int, body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"the API server answered with {status}"
