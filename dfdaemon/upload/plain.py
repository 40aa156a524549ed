"""Pieces for plain Dragonfly peers: the same bytes, cut and vouched for in Dragonfly's way.

Their protocol has no "busy", so requests wait for a place instead of being refused. Their digest is
a crc32 of the piece, which nothing here keeps: it is computed from the (verified) file when first
asked for, and remembered.
"""

from __future__ import annotations

import asyncio
import os
import zlib

from dfcore.lru import Lru
from dfdaemon.upload.served import ServedTask, UnitSource
from dfdaemon.vortex.pieces import PieceContent
from dfinfra.offload import Pool

_READ_SIZE = 1 << 20
_MAX_REMEMBERED = 65536


class PlainPieces:
    """Makes PieceContent packets; remembers digests."""

    def __init__(self, places: int) -> None:
        self.places = asyncio.Semaphore(places)
        self._pool = Pool("piece-digest", 2)
        self._digests: Lru[tuple[str, int], tuple[int, str]] = Lru()

    @staticmethod
    def holds(served: ServedTask, piece: int) -> bool:
        """The whole piece is here and verified."""
        geometry = served.blob.geometry
        if piece >= geometry.piece_count:
            return False
        units = geometry.units_of_piece(piece)
        run = ((1 << len(units)) - 1) << units.start
        return served.blob.held.bits & run == run

    async def content(self, task_id: str, blob: UnitSource, piece: int) -> PieceContent:
        """What precedes the bytes of the piece. The caller pins the blob."""
        place = blob.geometry.piece_range(piece)
        key = (task_id, piece)
        # The units' own digests tell whether the content is still what was summed up.
        stamp = hash(tuple(blob.digests(unit) for unit in blob.geometry.units_of_piece(piece)))
        known = self._digests.get(key)
        if known is None or known[0] != stamp:
            crc = await self._pool.run(_crc32, blob.fileno(), place.start, place.size)
            known = (stamp, f"crc32:{crc}")
            self._digests.put(key, known)
            for oldest in self._digests.victims(len(self._digests) - _MAX_REMEMBERED):
                self._digests.pop(oldest)
        return PieceContent(piece, place.start, place.size, known[1], parent_id="")

    def close(self) -> None:
        self._pool.close()


def _crc32(fd: int, offset: int, size: int) -> int:
    crc = 0
    end = offset + size
    while offset < end:
        block = os.pread(fd, min(_READ_SIZE, end - offset), offset)
        if not block:
            raise OSError("the blob's file is shorter than the blob")
        crc = zlib.crc32(block, crc)
        offset += len(block)
    return crc
