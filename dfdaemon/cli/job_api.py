"""How ``dfctl job``, ``dfctl secret`` and ``dfctl model`` reach the manager: its REST API, with a token.

Where it is and who asks come from ``--manager`` and ``--token`` or the environment; the token goes into
a header and nowhere else.
"""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import click

from dfcore.errors import (
    BadInput,
    Denied,
    MeganeuraError,
    NotFound,
    OriginBroken,
    Unauthorized,
    Unavailable,
)

DEFAULT_MANAGER = "http://127.0.0.1:8080"
_BY_STATUS: dict[int, type[MeganeuraError]] = {
    400: BadInput,
    401: Unauthorized,
    403: Denied,
    404: NotFound,
    422: BadInput,
}


@dataclass(frozen=True, slots=True)
class ManagerAccess:
    """Where the manager is, and the personal access token of whoever asks."""

    url: str
    token: str = field(repr=False)


def manager_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which manager is asked; the command gets ``access``."""

    @functools.wraps(command)
    def with_access(*args: Any, manager_url: str, token: str, **values: Any) -> Any:
        return command(*args, access=_access(manager_url, token), **values)

    decorated = click.option(
        "--token",
        envvar="DFCTL_TOKEN",
        default="",
        help="Personal access token; better given by the environment.",
    )(with_access)
    return click.option(
        "--manager",
        "manager_url",
        envvar="DFCTL_MANAGER",
        default=DEFAULT_MANAGER,
        show_default=True,
        metavar="URL",
        help="The manager's REST address.",
    )(decorated)


def _access(url: str, token: str) -> ManagerAccess:
    try:
        good = urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname
    except ValueError:
        good = None
    if not good:
        raise BadInput(f"--manager {url[:100]!r}: must be like {DEFAULT_MANAGER}")
    return ManagerAccess(url.rstrip("/"), token.strip())


class ManagerApi:
    """A session with the manager."""

    def __init__(self, access: ManagerAccess) -> None:
        self._access = access
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {"Accept": "application/json"}
        if self._access.token:
            headers["Authorization"] = f"Bearer {self._access.token}"
        self._session = aiohttp.ClientSession(
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=300),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open session, for content."""
        assert self._session is not None, "not entered"
        return self._session

    def url(self, path: str) -> str:
        """The full address of a path."""
        return f"{self._access.url}{path}"

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        """The answer's document. Raises what the manager says."""
        params = {key: str(value) for key, value in (query or {}).items() if value is not None}
        try:
            async with self.session.request(
                method, self.url(path), json=body, params=params
            ) as answer:
                await self.check(answer)
                return await answer.json() if answer.content_type == "application/json" else None
        except aiohttp.ClientError as error:
            raise self.unreachable(error) from error

    async def lines(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[str]:
        """The lines of an answer that comes bit by bit, without their ends. Raises like ``ask``."""
        accept = {"Accept": "text/event-stream", **headers}
        try:
            async with self.session.get(self.url(path), headers=accept) as answer:
                await self.check(answer)
                if answer.content_type != "text/event-stream":
                    raise OriginBroken(f"{self._access.url} is not a manager")
                rest = b""
                async for chunk in answer.content.iter_any():
                    *whole, rest = (rest + chunk).split(b"\n")
                    for line in whole:
                        yield line.decode()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self.unreachable(error) from error

    def parsed(self, text: str) -> dict[str, Any]:
        """A document of the manager. Raises OriginBroken for anything else."""
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise OriginBroken(f"{self._access.url} is not a manager")
        return found

    async def pages(self, path: str, query: Mapping[str, Any] | None = None) -> list[Any]:
        """All rows of a list."""
        rows: list[Any] = []
        page = 1
        while True:
            found = await self.ask(
                "GET", path, query={**(query or {}), "page": page, "per_page": 500}
            )
            rows += found
            if len(found) < 500:
                return rows
            page += 1

    async def check(self, answer: aiohttp.ClientResponse) -> None:
        """Raise what an answer says is wrong."""
        if answer.status < 400:
            return
        try:
            line = str((await answer.json())["message"])
        except (ValueError, KeyError, TypeError, aiohttp.ClientError):
            line = f"the manager answers {answer.status}"
        if answer.status == 401 and not self._access.token:
            line = "the manager wants to know who asks: give a token by DFCTL_TOKEN"
        kind = _BY_STATUS.get(answer.status, MeganeuraError)
        if answer.status in (429, 503):
            raise Unavailable(line)
        raise kind(line)

    def unreachable(self, error: Exception) -> MeganeuraError:
        """The one line for a manager that cannot be asked."""
        if isinstance(error, aiohttp.ClientConnectorError):
            return Unavailable(f"no manager answers at {self._access.url}; --manager names another")
        if isinstance(error, aiohttp.ContentTypeError):
            return OriginBroken(f"{self._access.url} is not a manager")
        return Unavailable(f"{self._access.url}: {type(error).__name__}")
