"""Whole files into memory by parallel `preadv`, buffered where the bytes are in the page cache already.

An mmap of a model faults page by page: over FUSE that bounds a load to 1-3 GB/s, parallel large reads
give two to ten times as much (fal-ai/flashpack#24). O_DIRECT saves the copy through the page cache when
bytes come from a device; it is tried, and left where the file system refuses it.
"""

from __future__ import annotations

import errno
import mmap
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dfcore.errors import BadInput, NotFound

Direct = bool | Literal["auto"]
_ALIGNMENT = 4096
_PART_BYTES = 16 << 20
_PROBES = 64
# What O_DIRECT may answer when the file system, or this offset, cannot have it.
_NOT_DIRECT = (errno.EINVAL, errno.EOPNOTSUPP)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file in memory. `data` is page-aligned and writable; it lives as long as somebody holds it."""

    data: memoryview
    direct: bool
    """Whether the reads went around the page cache."""

    def __len__(self) -> int:
        return len(self.data)


def parallel_load(
    path: str | os.PathLike[str],
    *,
    threads: int = 8,
    part_bytes: int = _PART_BYTES,
    direct: Direct = "auto",
) -> Loaded:
    """The whole file at `path`, read by `threads` readers in parts of `part_bytes`.

    `direct="auto"` reads around the page cache unless the file is in it already. Raises NotFound,
    BadInput, or the OSError of a read; a file that shrinks meanwhile is an OSError (EIO).
    """
    with _opened(path) as fd:
        size = os.fstat(fd).st_size
        # Anonymous memory: page-aligned, as O_DIRECT wants it. One page at least, for empty files.
        room = -(-max(size, 1) // _ALIGNMENT) * _ALIGNMENT
        view = memoryview(_memory(room))
        went_direct = _fill(fd, Path(path), view, size, threads, part_bytes, direct)
    return Loaded(view[:size], went_direct)


def parallel_read_into(
    path: str | os.PathLike[str],
    buffer: memoryview,
    *,
    offset: int = 0,
    threads: int = 8,
    part_bytes: int = _PART_BYTES,
) -> int:
    """Fill `buffer` (pinned or shared memory, for one) from `offset` of the file; returns its bytes.

    Less than the buffer's size where the file ends before. Reads through the page cache.
    """
    view = buffer.cast("B")
    with _opened(path) as fd:
        size = max(min(len(view), os.fstat(fd).st_size - offset), 0)
        _read_parts(fd, view, offset, size, threads, part_bytes)
    return size


def _memory(size: int) -> mmap.mmap:
    """Anonymous memory, of huge pages where there are: with small ones, half the time is faults."""
    memory = mmap.mmap(-1, size)
    with suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def _fill(
    fd: int, path: Path, view: memoryview, size: int, threads: int, part_bytes: int, direct: Direct
) -> bool:
    if direct is True or (direct == "auto" and not cached(fd, size)):
        direct_fd = _open_direct(path)
        if direct_fd is not None:
            try:
                part = -(-part_bytes // _ALIGNMENT) * _ALIGNMENT
                _read_parts(direct_fd, view, 0, len(view), threads, part, until=size)
                return True
            except OSError as error:
                if error.errno not in _NOT_DIRECT:
                    raise
            finally:
                os.close(direct_fd)
        if direct is True:
            raise BadInput(f"{path}: its file system has no O_DIRECT")
    _read_parts(fd, view, 0, size, threads, part_bytes)
    return False


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[int]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NotFound(f"{os.fspath(path)}: no such file") from error
    try:
        yield fd
    finally:
        os.close(fd)


def _open_direct(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECT)
    except OSError:
        return None


def _read_parts(
    fd: int,
    view: memoryview,
    offset: int,
    size: int,
    threads: int,
    part_bytes: int,
    *,
    until: int | None = None,
) -> None:
    """Read `size` bytes; `until`: the file's end, where the last part may be shorter than asked for."""
    end = size if until is None else until
    if threads < 1 or part_bytes < _ALIGNMENT:
        raise BadInput("at least one thread, and parts of at least 4096 bytes")
    stop = threading.Event()

    def one(start: int) -> None:
        length = min(part_bytes, size - start)
        _read_part(fd, view[start : start + length], offset + start, min(end - start, length), stop)

    starts = range(0, min(size, end), part_bytes)
    if len(starts) <= 1 or threads == 1:
        for start in starts:
            one(start)
        return
    with ThreadPoolExecutor(min(threads, len(starts)), thread_name_prefix="load") as pool:
        _raise_first([pool.submit(one, start) for start in starts], stop)


def _raise_first(parts: list[Future[None]], stop: threading.Event) -> None:
    first: BaseException | None = None
    for part in parts:
        error = part.exception()
        if error is not None and first is None:
            first = error
            stop.set()
    if first is not None:
        raise first


def _read_part(fd: int, view: memoryview, offset: int, needed: int, stop: threading.Event) -> None:
    done = 0
    while done < needed and not stop.is_set():
        got = os.preadv(fd, [view[done:]], offset + done)
        if got == 0:
            raise OSError(errno.EIO, "the file became shorter while it was read")
        done += got


def cached(fd: int, size: int) -> bool:
    """Whether the file is, by a few samples, in the page cache (`preadv2` with RWF_NOWAIT)."""
    if not size:
        return True
    probe = [bytearray(1)]
    for step in range(min(_PROBES, -(-size // _ALIGNMENT))):
        try:
            if os.preadv(fd, probe, size * step // _PROBES, os.RWF_NOWAIT) != 1:
                return False
        except BlockingIOError:
            return False
        except OSError:
            # FUSE and others do not know the flag: then nobody can say, and buffered is safe.
            return True
    return True
