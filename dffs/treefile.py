"""A file of a volume as Python's io sees it."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from dffs.vfs.api import OpenFileApi

if TYPE_CHECKING:
    from typing_extensions import Buffer


class TreeReader(io.RawIOBase):
    """Reads an open file of a volume. One thread at a time, but for `pread`."""

    def __init__(self, handle: OpenFileApi) -> None:
        super().__init__()
        self._handle = handle
        self._at = 0

    @property
    def size_bytes(self) -> int:
        """The file's size now."""
        return self._handle.attr.size_bytes

    @property
    def handle(self) -> OpenFileApi:
        """The open file."""
        return self._handle

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The offset of the next read."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; past the end is allowed."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size_bytes}[whence]
        if base + offset < 0:
            raise ValueError("negative offset")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Buffer) -> int:
        """Fill a buffer; fewer bytes at the end of the file only."""
        got = self._handle.read_into(self._at, buffer)
        self._at += got
        return got

    def pread(self, offset: int, size: int) -> bytes:
        """Read at an offset, without moving. Thread-safe."""
        return self._handle.read(offset, size)

    def close(self) -> None:
        """Release the file."""
        if not self.closed:
            self._handle.release()
        super().close()
