"""Blocks in memory: what is left when there is no disk to keep them on. Thread-safe, bounded."""

from __future__ import annotations

import threading

from dfcore.lru import Lru


class MemoryCache:
    """Up to `limit_bytes` of blocks, the last used ones."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._blocks: Lru[bytes, memoryview] = Lru()
        self._lock = threading.Lock()

    def get(self, digest: bytes) -> memoryview | None:
        """A block, if it is here."""
        with self._lock:
            return self._blocks.get(digest)

    def put(self, digest: bytes, data: memoryview) -> None:
        """Keep a block. `data` must not change any more."""
        if len(data) > self.limit_bytes:
            return
        with self._lock:
            self._blocks.put(digest, data, len(data))
            for victim in self._blocks.victims(self._blocks.total_size - self.limit_bytes):
                self._blocks.pop(victim)

    @property
    def used_bytes(self) -> int:
        """Bytes held."""
        return self._blocks.total_size
