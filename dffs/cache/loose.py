"""Blocks of a file that are blobs of their own on this node: read where they are.

What was written here lies so until the file is put together. A reader that comes before that copies
nothing but what it asked for. One object per content that is read; thread-safe.
"""

from __future__ import annotations

import os
import threading

from blobstore import Blob
from dffs.cache.node import NodeCache
from dffs.meta.types import Block

_OPEN = 32


class LooseBlocks:
    """Keeps the blobs that were read last, and so their descriptors."""

    def __init__(self, cache: NodeCache) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._open: dict[int, Blob] = {}
        self.used = False

    def find(self, index: int, block: Block, extent: int) -> Blob | None:
        """The blob that holds all of a block's `extent` bytes of the file."""
        blob = self._open.get(index)
        if blob is not None:
            return blob
        if block.is_hole or not extent == block.length_bytes == block.stored_bytes:
            return None
        blob = self._cache.own_blob(block)
        if blob is not None:
            with self._lock:
                self._open[index] = blob
                if len(self._open) > _OPEN:
                    del self._open[next(iter(self._open))]
            self.used = True
        return blob

    def pread(self, blob: Blob, start: int, size: int) -> bytes:
        """Bytes of a block that was found."""
        return os.pread(blob.fileno(), size, start)

    def read_into(self, blob: Blob, start: int, view: memoryview) -> bool:
        """The same into a buffer; False if they are not all there."""
        return os.preadv(blob.fileno(), [view], start) == len(view)

    def clear(self) -> None:
        """Nobody reads for now."""
        with self._lock:
            self._open.clear()
