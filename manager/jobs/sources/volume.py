"""Files of dffs volumes: ``dffs://volume/path``.

A node gets them from the manager, by a URL that holds a grant for one content and a while. The task is
named by the content's digest, as a mount on the node names it: what was brought is there when the mount
asks.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from urllib.parse import unquote, urlsplit

from dfcore.errors import BadInput, ConfigError
from manager.jobs.files import Access, PlannedFile
from manager.jobs.sources.hub import matches
from manager.jobs.spec import PreheatSpec
from manager.jobs.vault import Vault
from manager.models.desk import Desk
from manager.models.names import FileEntry

GRANT_MARGIN_S = 3600
PARAMS = ("until", "grant")


class VolumeSource:
    """The volumes that the manager knows. ``base`` is where nodes reach its REST."""

    def __init__(self, desk: Desk, vault: Vault, base: str, for_s: float) -> None:
        self._desk = desk
        self._vault = vault
        self._base = base.rstrip("/")
        self._for_s = int(for_s) + GRANT_MARGIN_S

    async def plan(self, spec: PreheatSpec) -> list[PlannedFile]:
        """The files below each path that the patterns leave."""
        if not self._base:
            raise ConfigError(
                "server.publicUrl: must be set, nodes get the volume's files from there"
            )
        files: list[PlannedFile] = []
        for url in spec.urls:
            parts = urlsplit(url)
            volume, path = parts.netloc, unquote(parts.path).strip("/")
            if not volume or parts.query or parts.fragment:
                raise BadInput(f"args.url: {url[:200]} is not dffs://volume/path")
            found = await self._desk.on_shelf(volume, self._scan, volume, path)
            files += [
                PlannedFile(
                    name=entry.path,
                    url=f"dffs://{volume}/{entry.digest}",
                    size_bytes=entry.size_bytes,
                    digest=entry.digest,
                    content=entry.digest,
                )
                for entry in found
                if matches(entry.path, spec.include, spec.exclude)
            ]
        return files

    async def access(self, file: PlannedFile) -> Access:
        """The content's address with a fresh grant."""
        volume, _, digest = file.url.removeprefix("dffs://").partition("/")
        until = int(time.time()) + self._for_s
        grant = self._vault.grant(granted(volume, digest, until))
        path = f"/api/v1/content/{volume}/{digest}"
        url = f"{self._base}{path}?until={until}&grant={grant}"
        return Access(url, filtered_query_params=PARAMS)

    def _scan(self, volume: str, path: str) -> list[FileEntry]:
        return self._desk.shelf(volume).scan(path)


def granted(volume: str, digest: str, until: int) -> str:
    """What a grant is about."""
    return f"{volume}/{digest}/{until}"


MakeVolumeSource = Callable[[PreheatSpec], Awaitable[VolumeSource]]
