"""Large buffers in huge pages: a fresh 4 MiB one costs two page faults instead of a thousand.

Used wherever a block is in memory. Where the kernel has no huge pages to give they are plain memory.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator
from contextlib import contextmanager

_HUGE = 2 << 20
_ADVICE = getattr(mmap, "MADV_HUGEPAGE", None)


def new_buffer(size_bytes: int) -> memoryview:
    """Writable memory of this size; its content is undefined. Given back when nobody refers to it."""
    if size_bytes < _HUGE or _ADVICE is None:
        return memoryview(bytearray(size_bytes))
    # Huge pages are aligned; what is too much at both ends is never touched and costs nothing.
    pages = mmap.mmap(-1, size_bytes + _HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    pages.madvise(_ADVICE)
    start = -ctypes.addressof(ctypes.c_char.from_buffer(pages)) % _HUGE
    return memoryview(pages)[start : start + size_bytes]


class Borrowed:
    """Buffers that are lent for a moment and used again. Thread-safe; keeps the last `keep`."""

    def __init__(self, keep: int = 8) -> None:
        self._keep = keep
        self._free: list[memoryview] = []

    @contextmanager
    def lend(self, size_bytes: int) -> Iterator[memoryview]:
        """A buffer of at least the largest size asked for so far, cut to this size."""
        try:
            buffer = self._free.pop()
        except IndexError:
            buffer = new_buffer(size_bytes)
        if len(buffer) < size_bytes:
            buffer = new_buffer(size_bytes)
        yield buffer[:size_bytes]
        if len(self._free) < self._keep:
            self._free.append(buffer)
