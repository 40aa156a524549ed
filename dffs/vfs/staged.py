"""The written bytes of one block on their way to the object store. Pure; its owner locks."""

from __future__ import annotations

from enum import Enum, auto


class Stage(Enum):
    """Where a staged block is."""

    OPEN = auto()  #: writes go into it
    SENT = auto()  #: it is being uploaded and does not change


class StagedBlock:
    """A buffer and which parts of it were written: disjoint, sorted (start, end) pairs."""

    __slots__ = ("buffer", "extents", "in_order", "index", "pooled", "stage")

    def __init__(self, index: int, buffer: memoryview, *, pooled: bool) -> None:
        self.index = index
        self.buffer = buffer
        self.pooled = pooled
        self.extents: list[tuple[int, int]] = []
        self.stage = Stage.OPEN
        #: Its content is part of the whole file's digest, which is computed beside the upload.
        self.in_order = False

    @property
    def capacity(self) -> int:
        """Bytes that fit."""
        return len(self.buffer)

    @property
    def end(self) -> int:
        """Where the written bytes end."""
        return self.extents[-1][1] if self.extents else 0

    def view(self, length: int) -> memoryview:
        """The first bytes of the buffer."""
        return self.buffer[:length]

    def grow(self, buffer: memoryview, *, pooled: bool) -> None:
        """Move into a larger buffer."""
        buffer[: self.end] = self.buffer[: self.end]
        self.buffer, self.pooled = buffer, pooled

    def write(self, start: int, data: memoryview) -> None:
        """Take bytes; they fit."""
        end = start + len(data)
        self.buffer[start:end] = data
        last = self.extents[-1] if self.extents else None
        if last is not None and last[0] <= start <= last[1]:
            # The usual case: it goes on where the last write ended.
            self.extents[-1] = (last[0], max(end, last[1]))
        else:
            self.extents = merged([*self.extents, (start, end)])

    def covers(self, length: int) -> bool:
        """Whether every byte up to `length` was written."""
        return len(self.extents) == 1 and self.extents[0][0] == 0 and self.extents[0][1] >= length

    def fill_gaps(self, base: memoryview, length: int) -> memoryview:
        """The block's first `length` bytes: what was written, and `base` (then zeros) between."""
        at = 0
        for start, end in [*self.extents, (length, length)]:
            stop = min(start, length)
            if stop > at:
                kept = base[at:stop]
                self.buffer[at : at + len(kept)] = kept
                self.buffer[at + len(kept) : stop] = bytes(stop - at - len(kept))
            at = max(at, end)
        return self.buffer[:length]

    def pieces(self, start: int, stop: int) -> list[tuple[int, bytes]]:
        """Copies of the written bytes from `start` to `stop`, with their places in the block."""
        found = []
        for lo, hi in self.extents:
            lo, hi = max(lo, start), min(hi, stop)  # noqa: PLW2901
            if lo < hi:
                found.append((lo, bytes(self.buffer[lo:hi])))
        return found


def merged(extents: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same bytes as disjoint, sorted pairs; those that touch become one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(extents):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
