"""How many uploads go at once: as many as make it faster, and no more.

A far store needs many to hide its latency; a near or busy one gets slower with each further one, and
so does the node. The number grows while throughput does, and is tried again now and then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_START = 4
# It grows by half of itself, so that a far store is reached with many before the file is at its end.
_GROWTH = 1.5
_GAIN = 1.05
_RETRY_S = 20.0


class Gate:
    """At most `limit` at once. Thread-safe; `clock` gives seconds."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._changed = threading.Condition()
        self._inside = 0
        self._began = 0.0
        self._done = 0
        self._bytes = 0
        #: What was reached with how many, and when a larger number was tried last.
        self._best = (0.0, min(_START, limit))
        self._tried = 0.0
        self.width = min(_START, limit)

    @contextmanager
    def passing(self, size_bytes: int) -> Iterator[None]:
        """Wait for a place, and have it measured how long the bytes take."""
        with self._changed:
            waited = self._inside >= self.width
            self._changed.wait_for(lambda: self._inside < self.width)
            self._inside += 1
            if not waited or not self._began:
                self._measure_anew()
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._done += 1
                self._bytes += size_bytes
                # Only while others wait is it the number of places that limits the throughput.
                if self._done >= 2 * self.width:
                    self._judge()
                # No more than find a place: each that wakes for nothing takes the interpreter's lock.
                self._changed.notify(max(self.width - self._inside, 0))

    def _measure_anew(self) -> None:
        self._began, self._done, self._bytes = self._clock(), 0, 0

    def _judge(self) -> None:
        now = self._clock()
        rate = self._bytes / max(now - self._began, 1e-6)
        best, at = self._best
        if rate > best * _GAIN or self.width == at:
            # Better than before, or the same number measured again: conditions change.
            self._best = (rate, self.width)
            if rate > best * _GAIN or now - self._tried > _RETRY_S:
                self._tried = now
                self.width = min(int(self.width * _GROWTH), self._limit)
        else:
            self.width = at
            self._tried = now
        self._measure_anew()
