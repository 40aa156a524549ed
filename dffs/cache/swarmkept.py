"""A file in the dfdaemon's hands, used like one of the node's own cache: nothing is stored twice.

Each block is compared with its digest when it is first used; once the daemon has checked the whole, that
is enough. When the daemon fails, it is `broken`, and the reader opens a file of its own cache.
"""

from __future__ import annotations

import os

from dffs.blocks.names import block_digest
from dffs.buffers import Borrowed
from dffs.meta.types import Block
from dffs.vfs.swarm import SwarmFile
from dfinfra.logs import get_logger

_log = get_logger("dffs")
_BUFFERS = Borrowed()


class SwarmKept:
    """Has the shape of `CachedFile`."""

    def __init__(self, source: SwarmFile, size_bytes: int, block_bytes: int) -> None:
        self._source = source
        self.block_bytes = block_bytes
        self.have = bytearray(-(-size_bytes // block_bytes))
        self.complete = False
        self._look()

    def _look(self) -> None:
        if not self.complete and self._source.complete_fd() is not None:
            self.have[:] = b"\1" * len(self.have)
            self.complete = True

    @property
    def broken(self) -> bool:
        """It brings nothing any more."""
        return self._source.failed and not self.complete

    @property
    def fd(self) -> int:
        """Of the daemon's file. Only when it is complete."""
        fd = self._source.complete_fd()
        assert fd is not None
        return fd

    def read_into(self, offset: int, view: memoryview) -> int:
        """Bytes that were compared before."""
        return len(view) if self._source.read_into(offset, view) else 0

    def pread(self, size: int, offset: int) -> bytes:
        """The same, copied once if it can be."""
        if self.complete:
            return os.pread(self.fd, size, offset)
        data = bytearray(size)
        return bytes(data) if self._source.read_into(offset, memoryview(data)) else b""

    def fetch(self, index: int, block: Block) -> bool:
        """Have the daemon bring a block, and compare it; False if that does not work."""
        self._look()
        if self.have[index]:
            return True
        if block.length_bytes != block.stored_bytes:
            return False  # a part of its object only: the digest is of another length
        with _BUFFERS.lend(block.stored_bytes) as view:
            if not self._source.read_into(index * self.block_bytes, view):
                return False
            if block_digest(view) != block.digest:
                _log.error("the daemon has other bytes than the volume", block=block.digest.hex())
                return False
        self.have[index] = 1
        self._look()
        return True

    def put(self, index: int, data: memoryview, extent: int) -> None:
        """Nothing is written into the daemon's files."""

    def close(self) -> None:
        """Nobody reads any more."""
        self._source.close()
