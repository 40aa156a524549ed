"""How the stand-in CAS cuts a file into xorbs: 32 MiB of raw bytes each, in 64 KiB chunks.

The serialised form (8-byte chunk headers, scheme 0: not compressed) is computed when it is
read, so that a large file needs no second copy. Format: facts, section 3.3 (xet-core docs).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tests.standin.content import Content

CHUNK_BYTES = 64 << 10
HEADER_BYTES = 8
XORB_CHUNKS = 512
XORB_BYTES = XORB_CHUNKS * CHUNK_BYTES


@dataclass(frozen=True)
class Term:
    """A run of chunks [first, last) of one xorb, `length` raw bytes long."""

    xorb: Xorb
    first: int
    last: int

    @property
    def length(self) -> int:
        """Raw bytes of the run."""
        return min(self.last * CHUNK_BYTES, self.xorb.raw_size) - self.first * CHUNK_BYTES

    @property
    def serialised(self) -> tuple[int, int]:
        """First and last byte (inclusive) of the run in the serialised xorb."""
        start = self.first * (CHUNK_BYTES + HEADER_BYTES)
        return start, start + self.length + (self.last - self.first) * HEADER_BYTES - 1


class Xorb(Content):
    """Serialised chunks of bytes [start, start + raw_size) of a file."""

    def __init__(self, file: Content, index: int) -> None:
        super().__init__(b"")
        self._file = file
        self.start = index * XORB_BYTES
        self.raw_size = min(XORB_BYTES, file.size - self.start)
        self.chunks = -(-self.raw_size // CHUNK_BYTES)
        self.size = self.raw_size + self.chunks * HEADER_BYTES
        self.hash = hashlib.blake2s(f"{file.xet_hash}/{index}".encode()).hexdigest()

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the serialised form."""
        step = CHUNK_BYTES + HEADER_BYTES
        end = min(offset + size, self.size)
        blocks = [self._chunk(index) for index in range(offset // step, -(-end // step))]
        skip = offset % step
        return b"".join(blocks)[skip : skip + end - offset]

    def _chunk(self, index: int) -> bytes:
        start = index * CHUNK_BYTES
        length = min(CHUNK_BYTES, self.raw_size - start)
        packed = length.to_bytes(3, "little")
        return b"\0" + packed + b"\0" + packed + self._file.read(self.start + start, length)


def xorbs_of(file: Content) -> list[Xorb]:
    """All xorbs of a file, in order."""
    return [Xorb(file, index) for index in range(-(-file.size // XORB_BYTES))]


def terms_of(file: Content, start: int, end: int) -> tuple[list[Term], int]:
    """Terms that hold bytes [start, end), and where in the first of them `start` lies."""
    terms = []
    for xorb in xorbs_of(file)[start // XORB_BYTES : -(-end // XORB_BYTES)]:
        base = xorb.start
        first = max(0, start - base) // CHUNK_BYTES
        last = min(xorb.chunks, -(-(end - base) // CHUNK_BYTES))
        terms.append(Term(xorb, first, last))
    return terms, start % CHUNK_BYTES
