"""Files of dffs volumes: ``dffs://volume/path``, by the manager's name of the volume.

A node is asked for the task that a mount on it would ask for (``dffs://UUID/sha256:…``): a seed that has
the volume for its memory brings it to the swarm, and what was brought is there when the mount opens it.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from dfcore.errors import BadInput
from manager.jobs.files import Access, PlannedFile
from manager.jobs.sources.hub import matches
from manager.jobs.spec import PreheatSpec
from manager.models.desk import Desk
from manager.models.names import FileEntry

PUBLIC = "/public"
"""After a task's URL: the volume's files are everybody's."""


class VolumeSource:
    """The volumes that the manager knows."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def plan(self, spec: PreheatSpec) -> list[PlannedFile]:
        """The files below each path that the patterns leave."""
        files: list[PlannedFile] = []
        for url in spec.urls:
            parts = urlsplit(url)
            volume, path = parts.netloc, unquote(parts.path).strip("/")
            if not volume or parts.query or parts.fragment:
                raise BadInput(f"args.url: {url[:200]} is not dffs://volume/path")
            base, end, found = await self._desk.on_shelf(volume, self._scan, volume, path)
            files += [
                PlannedFile(
                    name=entry.path,
                    url=f"{base}{entry.digest}{end}",
                    size_bytes=entry.size_bytes,
                    digest=entry.digest,
                )
                for entry in found
                if matches(entry.path, spec.include, spec.exclude)
            ]
        return files

    async def access(self, file: PlannedFile) -> Access:
        """The task's URL says all: it holds no right."""
        return Access(file.url)

    def _scan(self, volume: str, path: str) -> tuple[str, str, list[FileEntry]]:
        shelf = self._desk.shelf(volume)
        record = shelf.volume.format
        return f"dffs://{record.uuid}/", PUBLIC if record.public_files else "", shelf.scan(path)
