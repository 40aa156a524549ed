"""System calls on blob files that the standard library lacks or does only halfway.

Called by Blob, the store and the ledger, always on threads that may block.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_OFF_T = ctypes.c_int64
_UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
COPY_BYTES = 1 << 20


class OwnedFd:
    """A file descriptor that closes when nobody refers to it any more.

    That is what makes `Blob.fileno()` safe: the number cannot come to mean another file while
    the blob that gave it is still in somebody's hands.
    """

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.close(self.number)


def pwrite_all(fd: int, view: memoryview, offset: int) -> None:
    """pwrite(2) until all of `view` is written."""
    written = os.pwrite(fd, view, offset)
    while written < len(view):
        more = os.pwrite(fd, view[written:], offset + written)
        if more == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written += more


def preadv_all(fd: int, view: memoryview, offset: int) -> int:
    """preadv(2) until `view` is full or the file ends; how many bytes were read."""
    done = 0
    while done < len(view):
        got = os.preadv(fd, [view[done:]], offset + done)
        if got == 0:
            break
        done += got
    return done


def reserve(fd: int, size_bytes: int) -> None:
    """Give the file its full length and, where the file system can, its blocks.

    fallocate(2) itself: posix_fallocate() would write zeros where the file system cannot.
    OSError ENOSPC if there is no room.
    """
    if _libc.fallocate(fd, 0, _OFF_T(0), _OFF_T(size_bytes)) == 0:
        return
    code = ctypes.get_errno()
    if code not in _UNSUPPORTED:
        raise OSError(code, os.strerror(code))
    os.ftruncate(fd, size_bytes)


def sync_file_system(directory: Path) -> None:
    """Write everything of the file system of `directory` to its disk; OSError if that failed."""
    with _opened(directory) as fd:
        if _libc.syncfs(fd) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(directory))


def sync_file(path: Path) -> None:
    """Write the bytes of one file, and its name, to the disk. FileNotFoundError if it is gone."""
    with _opened(path) as fd:
        os.fdatasync(fd)


def sync_directory(path: Path) -> None:
    """Write the names in a directory to the disk."""
    with _opened(path) as fd:
        os.fsync(fd)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def copy_bytes(source_fd: int, target_fd: int, size_bytes: int) -> None:
    """Copy the whole of one file into another, in the kernel where it can."""
    done = 0
    while done < size_bytes:
        try:
            got = os.copy_file_range(source_fd, target_fd, size_bytes - done, done, done)
        except OSError as error:
            if error.errno not in (*_UNSUPPORTED, errno.EXDEV):
                raise
            break
        if got == 0:
            break
        done += got
    _copy_by_hand(source_fd, target_fd, done, size_bytes)


def _copy_by_hand(source_fd: int, target_fd: int, start: int, end: int) -> None:
    while start < end:
        data = os.pread(source_fd, min(COPY_BYTES, end - start), start)
        if not data:
            raise OSError(errno.EIO, "the blob's file is shorter than the blob")
        pwrite_all(target_fd, memoryview(data), start)
        start += len(data)
