"""The digest of a whole file while it is written from beginning to end, on a thread of its own.

The writer offers each block when it is complete; one that comes out of turn, or is written again, ends
it: the digest is then unknown until somebody reads the file as a whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Executor, Future


class FileHash:
    """The owner locks; `executor` must run one call at a time for one file."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._hash = hashlib.sha256()
        self._last: Future[None] | None = None
        self.size_bytes = 0
        self.valid = True

    def offer(self, offset: int, data: memoryview, done: Callable[[], None]) -> bool:
        """Take the bytes at `offset`; `done` is called when they were looked at. False: not taken."""
        if not self.valid or offset != self.size_bytes:
            self.valid = False
            return False
        self.size_bytes += len(data)
        self._last = self._executor.submit(self._update, data, done)
        return True

    def _update(self, data: memoryview, done: Callable[[], None]) -> None:
        try:
            self._hash.update(data)
        finally:
            done()

    def spoil(self, offset: int) -> None:
        """Bytes at `offset` change."""
        if offset < self.size_bytes:
            self.valid = False

    def digest(self) -> str | None:
        """`sha256:…` of all that was offered, None if that is not the file."""
        if self._last is not None:
            self._last.result()
        return f"sha256:{self._hash.hexdigest()}" if self.valid else None
