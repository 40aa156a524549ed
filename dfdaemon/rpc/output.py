"""Where DownloadTask may place files, and what it checks of them before.

The daemon may be root and its clients are not, so only places below ``download.outputDirs`` are
taken, with all links in the way followed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dfcore.digest import Digest, new_hasher
from dfcore.errors import BadInput, Denied, DigestMismatch
from dfcore.ranges import ByteRange
from dfdaemon.task.registry import TaskRegistry
from dfdaemon.task.service import Extent, TaskHandle
from dfdaemon.task.spec import TaskSpec
from dfinfra.offload import Pool
from dfinfra.pb import common_pb2

_READ_SIZE = 1 << 20


@dataclass(frozen=True, slots=True)
class Output:
    """One allowed place."""

    path: Path
    overwrite: bool
    force_hard_link: bool

    def put(self, handle: TaskHandle) -> None:
        """Place the finished content there: a link if possible. Blocking."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle.link_to(self.path, overwrite=self.overwrite)
            linked = self.path.stat().st_nlink > 1
        except OSError as error:
            raise Denied(f"output_path {self.path}: {error.strerror}") from None
        if self.force_hard_link and not linked:
            self.path.unlink()
            raise BadInput(f"output_path {self.path} is not on the file system of the cache")


class Outputs:
    """``directories`` are those of the configuration."""

    def __init__(self, registry: TaskRegistry, directories: Sequence[Path], disk: Pool) -> None:
        self._registry = registry
        self._directories = tuple(path.resolve() for path in directories)
        self._disk = disk

    def place_for(self, download: common_pb2.Download, *, local: bool) -> Output | None:
        """The place that a Download names, if any. Raises BadInput, Denied."""
        if not download.output_path:
            return None
        if not local:
            raise Denied("an output path is taken over the node's own socket only")
        if download.HasField("range"):
            raise BadInput("output_path cannot go with a range")
        path = Path(download.output_path)
        if not path.is_absolute() or path.name in ("", "..") or "\0" in download.output_path:
            raise BadInput("output_path must be the absolute path of a file")
        # The file itself is made new, so only its folder can hide a link.
        real = path.parent.resolve() / path.name
        if not any(real.parent.is_relative_to(folder) for folder in self._directories):
            raise Denied(f"{path} is under none of the node's download.outputDirs")
        return Output(real, download.overwrite, download.force_hard_link)

    async def check_digest(self, handle: TaskHandle, spec: TaskSpec) -> None:
        """What was held before the digest was asked for, perhaps under another algorithm's."""
        if not handle.was_local or spec.digest is None:
            return
        blob = self._registry.blob(spec.task_id)
        if blob is not None and blob.digest == spec.digest:
            return
        found = await self._disk.run(_digest_of, await _all_of(handle), spec.digest)
        if found != spec.digest:
            raise DigestMismatch(f"the content is {found}, not {spec.digest}")


async def _all_of(handle: TaskHandle) -> list[Extent]:
    return [extent async for extent in handle.extents(ByteRange(0, handle.size_bytes))]


def _digest_of(extents: Sequence[Extent], wanted: Digest) -> Digest:
    hasher = new_hasher(wanted.algorithm, sum(extent.length for extent in extents))
    for extent in extents:
        end = extent.offset + extent.length
        for offset in range(extent.offset, end, _READ_SIZE):
            hasher.update(os.pread(extent.fd, min(_READ_SIZE, end - offset), offset))
    return hasher.digest()


def read_extent(extent: Extent) -> bytes:
    """The bytes of an extent. Blocking."""
    return os.pread(extent.fd, extent.length, extent.offset)
