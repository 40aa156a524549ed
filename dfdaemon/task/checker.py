"""The digest of a whole blob, computed beside the transfer and off the event loop.

It follows the in-order frontier: each unit is hashed as soon as all before it are in the store, from
the page cache, so that the answer is there moments after the last unit.
"""

from __future__ import annotations

from collections.abc import Callable

from blobstore.blob import Blob
from dfcore.digest import Digest, Hasher, new_hasher
from dfinfra.offload import Pool

BUFFER_BYTES = 256 << 10
"""Small enough to stay in a core's cache between the read and the hash."""

BATCH_BYTES = 32 << 20
"""The most that one call in a thread hashes, so that a cancelled task lets go of it soon."""


class ContentChecker:
    """Hashes one blob in order.

    ``frontier`` tells how many bytes from the start are in the store; it is asked anew whenever the
    hash has caught up. Not thread-safe: one job calls it.
    """

    def __init__(self, blob: Blob, algorithm: str, frontier: Callable[[], int], pool: Pool) -> None:
        self._blob = blob
        self._algorithm = algorithm
        self._frontier = frontier
        self._pool = pool
        self.restart()

    def restart(self) -> None:
        """Begin again at the first byte."""
        self._hasher: Hasher = new_hasher(self._algorithm, self._blob.geometry.size_bytes)
        self._done = 0

    async def catch_up(self) -> None:
        """Hash what is there and not hashed yet."""
        while (end := self._frontier()) > self._done:
            end = min(end, self._done + BATCH_BYTES)
            await self._pool.run(self._hash, self._hasher, self._done, end)
            self._done = end

    def _hash(self, hasher: Hasher, offset: int, end: int) -> None:
        buffer = memoryview(bytearray(min(BUFFER_BYTES, end - offset)))
        while offset < end:
            count = self._blob.read_into(offset, buffer[: end - offset])
            hasher.update(buffer[:count])
            offset += count

    @property
    def complete(self) -> bool:
        return self._done == self._blob.geometry.size_bytes

    def digest(self) -> Digest:
        """The digest of the whole blob; call when complete."""
        return self._hasher.digest()
