"""``X-Dragonfly-Output-Path``: the content also lands in a file of the requester's choice.

The daemon may be root and its clients are not, so a path is refused unless it lies, with all links
followed, below a directory that the configuration allows. Made by the server, used by ``response``.
"""

from __future__ import annotations

import os
from pathlib import Path

from dfcore.errors import BadInput, Denied
from dfdaemon.task.service import TaskHandle
from dfinfra.offload import Pool

_HEADER = "X-Dragonfly-Output-Path"


class Output:
    """One allowed place."""

    def __init__(self, path: Path, pool: Pool, *, force_hard_link: bool) -> None:
        self.path = path
        self._pool = pool
        self._force_hard_link = force_hard_link

    async def link(self, handle: TaskHandle) -> None:
        """Put the finished content there. Raises BadInput or Denied in the words of the header."""
        await self._pool.run(self._link, handle)

    def _link(self, handle: TaskHandle) -> None:
        try:
            handle.link_to(self.path, overwrite=False)
            linked = self.path.stat().st_nlink > 1
        except FileExistsError:
            raise BadInput(f"{_HEADER}: {self.path} exists already") from None
        except OSError as error:
            raise Denied(f"{_HEADER}: {self.path}: {error.strerror}") from None
        if self._force_hard_link and not linked:
            self.path.unlink()
            raise BadInput(
                f"X-Dragonfly-Force-Hard-Link: {self.path} is not on the file system of the cache"
            )


class Outputs:
    """Says which paths are allowed: those below ``directories``."""

    def __init__(self, directories: tuple[Path, ...], pool: Pool) -> None:
        self._directories = directories
        self._pool = pool

    async def allow(self, path: str, *, force_hard_link: bool = False) -> Output:
        """The place; Denied if it is not under an allowed directory."""
        resolved = await self._pool.run(self._resolve, path)
        return Output(resolved, self._pool, force_hard_link=force_hard_link)

    def _resolve(self, path: str) -> Path:
        wanted = Path(path)
        if wanted.is_absolute() and wanted.name not in ("", "..") and "\0" not in path:
            # The file itself is made new, so only its folder can hide a link.
            parent = Path(os.path.realpath(wanted.parent))
            for directory in self._directories:
                if parent.is_relative_to(os.path.realpath(directory)):
                    return parent / wanted.name
        raise Denied(f"{_HEADER}: {path[:200]!r} is not below a directory of proxy.outputDirs")
