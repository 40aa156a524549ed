"""Which volume a request may use: by its own secret, by the configuration, or by the manager's word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from dfcore.errors import BadInput, ConfigError, Denied, NotFound, Unavailable
from dfinfra.http import ClientLimits, client_session
from dfkube.csi.config import CsiConfig, VolumeConfig
from dfkube.csi.wish import Wish

URL_SECRET = "metaURL"
PASSPHRASE_SECRET = "passphrase"
TOKEN_SECRET = "token"


@dataclass(frozen=True, slots=True)
class Key:
    """How to open a volume. Its repr hides what is secret."""

    url: str
    passphrase: str = ""

    def __repr__(self) -> str:
        return "Key(…)"


class Access:
    """Answers for one driver."""

    def __init__(self, config: CsiConfig) -> None:
        self._config = config

    async def key(self, wish: Wish, secrets: Mapping[str, str]) -> Key:
        """Raises BadInput, NotFound, Denied, Unavailable."""
        if url := secrets.get(URL_SECRET):
            return Key(url, secrets.get(PASSPHRASE_SECRET, ""))
        if not wish.volume:
            raise BadInput("volumeAttributes.volume: is missing, and so is a secret with metaURL")
        volume = self._config.volumes.get(wish.volume)
        if volume is None:
            raise NotFound(f"volumeAttributes.volume: {wish.volume!r} is not known to the driver")
        await self._check(volume, wish, secrets.get(TOKEN_SECRET, ""))
        return configured_key(volume)

    async def _check(self, volume: VolumeConfig, wish: Wish, token: str) -> None:
        # Who may make persistent volumes has chosen this one: pods do not.
        if wish.claimed or (volume.open and wish.model):
            return
        if not wish.model:
            raise Denied("a folder of a volume is for pods that bring its metaURL in a secret")
        if not token or not self._config.manager_url:
            raise Denied(f"the model {wish.model} is for pods that bring a token in a secret")
        base = self._config.manager_url.rstrip("/")
        limits = ClientLimits(connect_s=5.0, read_s=10.0)
        try:
            async with (
                client_session(limits) as session,
                session.get(
                    f"{base}/api/v1/models/{wish.model}",
                    headers={"Authorization": f"Bearer {token}"},
                    allow_redirects=False,
                ) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable("the manager cannot be asked whether the pod may read") from error
        if status in (401, 403, 404):
            raise Denied(f"the pod's token may not read the model {wish.model}")
        if status != 200:
            raise Unavailable(f"the manager answered with {status}")


def configured_key(volume: VolumeConfig) -> Key:
    """What the files of the configuration say. Raises ConfigError."""
    return Key(_secret(volume.url_file), _secret(volume.passphrase_file))


def _secret(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text().strip()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
