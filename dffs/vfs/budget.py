"""The bound on bytes that wait in memory, and the buffers they wait in.

One Budget for all writers of a process: who wants more waits until uploads give something back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from dffs.buffers import new_buffer

_PRESSURE_S = 0.02


class Budget:
    """`limit_bytes` in all; a single wish above that is granted when nothing else is out."""

    def __init__(self, limit_bytes: int, relieve: Callable[[], None]) -> None:
        self._limit = limit_bytes
        self._used = 0
        self._relieve = relieve
        self._freed = threading.Condition()

    @property
    def used_bytes(self) -> int:
        """Bytes that are out."""
        return self._used

    def take(self, size_bytes: int) -> None:
        """Wait for room; others are asked to make some meanwhile. Never call it with a lock held."""
        with self._freed:
            if self._fits(size_bytes):
                self._used += size_bytes
                return
        while True:
            self._relieve()
            with self._freed:
                self._freed.wait_for(lambda: self._fits(size_bytes), timeout=_PRESSURE_S)
                if self._fits(size_bytes):
                    self._used += size_bytes
                    return

    def _fits(self, size_bytes: int) -> bool:
        return not self._used or self._used + size_bytes <= self._limit

    def give(self, size_bytes: int) -> None:
        """Bytes are out no more."""
        with self._freed:
            self._used -= size_bytes
            self._freed.notify_all()


class BufferPool:
    """Buffers of one size, used again: fresh ones cost page faults."""

    def __init__(self, size_bytes: int, keep: int) -> None:
        self._size = size_bytes
        self._keep = keep
        self._free: list[memoryview] = []

    def get(self) -> memoryview:
        """A buffer with anything in it."""
        try:
            return self._free.pop()
        except IndexError:
            return new_buffer(self._size)

    def put(self, buffer: memoryview) -> None:
        """A buffer that nobody else looks at any more."""
        if len(buffer) == self._size and len(self._free) < self._keep:
            self._free.append(buffer)
