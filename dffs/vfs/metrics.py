"""Counts of what the files of a process did, for `dffs stats` and the admin port. Thread-safe."""

from __future__ import annotations

import threading
from collections import Counter


class Counters:
    """Names and growing numbers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, name: str, amount: int = 1) -> None:
        """Count."""
        with self._lock:
            self._counts[name] += amount

    def snapshot(self) -> dict[str, int]:
        """All counts as of now."""
        with self._lock:
            return dict(self._counts)
