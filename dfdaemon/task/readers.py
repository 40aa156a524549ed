"""Handles that readers hold on a task: of a finished blob, or of one that is being fetched.

They implement ``task.service.TaskHandle``. A reader sees verified bytes only, in order.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from blobstore.blob import Blob
from dfcore.errors import DigestMismatch, Unavailable
from dfcore.ranges import ByteRange
from dfdaemon.task.service import Extent, Traffic

if TYPE_CHECKING:
    from dfdaemon.task.conductor import Conductor

EXTENT_BYTES = 8 << 20
"""The longest extent: how far a reader's connection runs between two looks at the task."""


class FinishedHandle:
    """A reader of a blob that is complete and sealed in the store."""

    was_local = True

    def __init__(self, blob: Blob, peer_id: str) -> None:
        self.task_id = blob.id
        self.peer_id = peer_id
        self.size_bytes = blob.geometry.size_bytes
        self.response_headers: Mapping[str, str] = dict(blob.meta.response_headers)
        self._blob = blob
        self._pin = ExitStack()
        self._pin.enter_context(blob.pin())

    async def extents(self, wanted: ByteRange) -> AsyncIterator[Extent]:
        offset = wanted.start
        while offset < wanted.end:
            length = min(EXTENT_BYTES, wanted.end - offset)
            yield Extent(self._blob.fileno(), offset, length)
            offset += length

    async def finished(self) -> Traffic:
        return Traffic(local_bytes=self.size_bytes)

    def link_to(self, path: Path, *, overwrite: bool) -> None:
        self._blob.link_to(path, overwrite=overwrite)

    async def aclose(self) -> None:
        self._pin.close()


class RunningHandle:
    """A reader of a task that a conductor works on."""

    was_local = False

    def __init__(self, conductor: Conductor, wanted: ByteRange | None) -> None:
        self._conductor = conductor
        self._generation = conductor.generation
        self._blob: Blob | None = None
        self._pin = ExitStack()
        self._open = True
        conductor.add_interest(self, wanted)

    async def described(self) -> None:
        """Wait until the size is known; from then on the blob stays while this handle is open."""
        await self._conductor.described()
        self._blob = self._conductor.blob
        self._pin.enter_context(self._blob.pin())

    @property
    def task_id(self) -> str:
        return self._conductor.spec.task_id

    @property
    def peer_id(self) -> str:
        return self._conductor.peer_id

    @property
    def size_bytes(self) -> int:
        return self._conductor.geometry.size_bytes

    @property
    def response_headers(self) -> Mapping[str, str]:
        assert self._blob is not None, "a handle is given out once the task is described"
        return dict(self._blob.meta.response_headers)

    async def extents(self, wanted: ByteRange) -> AsyncIterator[Extent]:
        conductor = self._conductor
        offset = wanted.start
        while offset < wanted.end:
            conductor.raise_if_failed()
            if conductor.generation != self._generation:
                if offset > wanted.start:
                    raise DigestMismatch("the content did not verify; its bytes were thrown away")
                self._generation = conductor.generation
            end = min(conductor.visible_end(offset), wanted.end, offset + EXTENT_BYTES)
            if end > offset:
                conductor.shown(end)
                assert self._blob is not None
                yield Extent(self._blob.fileno(), offset, end - offset)
                offset = end
            else:
                await conductor.wait_for_bytes(offset)

    async def finished(self) -> Traffic:
        return await self._conductor.wanted_fetched()

    def link_to(self, path: Path, *, overwrite: bool) -> None:
        if self._blob is None or not self._blob.complete:
            raise Unavailable("the file is not complete yet")
        self._blob.link_to(path, overwrite=overwrite)

    async def aclose(self) -> None:
        if self._open:
            self._open = False
            self._pin.close()
            self._blob = None
            self._conductor.remove_interest(self)
