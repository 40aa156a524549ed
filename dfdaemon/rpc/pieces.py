"""The pieces of a DownloadTask in order, each as soon as all of it is here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dfcore.errors import DigestMismatch, TimedOut
from dfcore.pieces import Geometry
from dfcore.ranges import ByteRange
from dfdaemon.rpc.messages import piece_message
from dfdaemon.rpc.output import read_extent
from dfdaemon.task.service import Extent, TaskHandle
from dfdaemon.task.spec import TaskSpec
from dfinfra.offload import Pool
from dfinfra.pb import common_pb2


class PieceTeller:
    """Tells the pieces of one download, with their bytes if those were asked for."""

    def __init__(
        self, handle: TaskHandle, spec: TaskSpec, download: common_pb2.Download, disk: Pool
    ) -> None:
        self._handle = handle
        self._geometry = Geometry.for_size(handle.size_bytes, spec.piece_length)
        self._with_content = download.need_piece_content
        self._disk = disk

    async def pieces(
        self, span: ByteRange | None, deadline: float
    ) -> AsyncIterator[common_pb2.Piece]:
        """The pieces that hold ``span`` (None: all).

        Raises DigestMismatch if bytes that were given out turned out wrong: what comes now does not
        belong to them.
        """
        left = list(self._numbers(span))
        try:
            async for number, content in self._arriving(left, deadline):
                left.remove(number)
                yield self._message(number, content)
        except DigestMismatch:
            if self._with_content:
                raise
            async with until(deadline):
                await self._handle.finished()
            for number in left:
                yield self._message(number, b"")

    def _numbers(self, span: ByteRange | None) -> range:
        units = self._geometry.units_of(span or ByteRange(0, self._geometry.size_bytes))
        if not units:
            return range(0)
        piece_of = self._geometry.piece_of_unit
        return range(piece_of(units[0]), piece_of(units[-1]) + 1)

    async def _arriving(
        self, numbers: list[int], deadline: float
    ) -> AsyncIterator[tuple[int, bytes]]:
        content = bytearray()
        async for part in self._parts(numbers, deadline):
            if self._with_content:
                content += await self._disk.run(read_extent, part)
            number = part.offset // self._geometry.piece_length
            if part.offset + part.length == self._geometry.piece_range(number).end:
                yield number, bytes(content)
                content.clear()

    async def _parts(self, numbers: list[int], deadline: float) -> AsyncIterator[Extent]:
        """What is here by now, in order, cut where pieces end."""
        if not numbers:
            return
        place, length = self._geometry.piece_range, self._geometry.piece_length
        extents = self._handle.extents(ByteRange(place(numbers[0]).start, place(numbers[-1]).end))
        while True:
            async with until(deadline):
                extent = await anext(extents, None)
            if extent is None:
                return
            at, end = extent.offset, extent.offset + extent.length
            while at < end:
                stop = min(end, (at // length + 1) * length)
                yield Extent(extent.fd, at, stop - at)
                at = stop

    def _message(self, number: int, content: bytes) -> common_pb2.Piece:
        message = piece_message(number, self._geometry)
        if self._handle.was_local:
            message.traffic_type = common_pb2.LOCAL_PEER
        if self._with_content:
            message.content = content
        return message


@asynccontextmanager
async def until(deadline: float) -> AsyncIterator[None]:
    """TimedOut once the deadline, in the loop's time, has passed."""
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except TimeoutError:
        raise TimedOut("the download did not end within its timeout") from None
