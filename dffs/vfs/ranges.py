"""Operations on ranges of a file that rows can do: fallocate, SEEK_DATA and SEEK_HOLE, copies."""

from __future__ import annotations

import errno

from dffs.meta.types import Attr, MetaError
from dffs.vfs.errors import as_os_error
from dffs.vfs.inode import Inode
from dffs.vfs.parts import Parts

_KEEP_SIZE = 0x01
_PUNCH_HOLE = 0x02
_ZERO_RANGE = 0x10
SEEK_DATA = 3
SEEK_HOLE = 4
_COPY_BYTES = 1 << 20
#: One call copies so much at most by bytes; the caller asks again for the rest.
_COPY_MOST = 64 << 20


def allocate(inode: Inode, parts: Parts, mode: int, offset: int, length: int) -> Attr:
    """fallocate(2): edges of holes are written as zeros, whole blocks lose their rows."""
    if offset < 0 or length <= 0:
        raise MetaError(errno.EINVAL)
    if mode & (_PUNCH_HOLE | _ZERO_RANGE):
        for start, stop in _edges(inode.attr.size_bytes, parts.block_bytes, offset, length):
            inode.write(start, memoryview(bytes(stop - start)))
    inode.commit()
    try:
        attr = parts.meta.fallocate(inode.ino, mode, offset, length)
    except Exception as error:
        raise as_os_error(error) from error
    inode.changed_by_engine(attr)
    return attr


def _edges(size: int, block: int, offset: int, length: int) -> list[tuple[int, int]]:
    """Parts of blocks at the ends of a range, as far as the file reaches."""
    end = min(offset + length, size)
    if offset >= end:
        return []
    first, last = -(-offset // block) * block, end // block * block
    if end == size:
        last = -(-end // block) * block  # the file's last block goes as a whole
    if first > last:
        return [(offset, end)]
    return [(a, b) for a, b in ((offset, min(first, end)), (last, end)) if a < b]


def seek(inode: Inode, parts: Parts, offset: int, whence: int) -> int:
    """lseek(2) with SEEK_DATA or SEEK_HOLE."""
    inode.commit()
    size = inode.attr.size_bytes
    if not 0 <= offset < size or whence not in (SEEK_DATA, SEEK_HOLE):
        raise MetaError(errno.ENXIO if whence in (SEEK_DATA, SEEK_HOLE) else errno.EINVAL)
    try:
        at = offset
        for start, end in parts.meta.data_ranges(inode.ino, offset):
            if whence == SEEK_DATA:
                return max(start, offset)
            if start > at:
                return at
            at = max(at, end)
    except Exception as error:
        raise as_os_error(error) from error
    if whence == SEEK_DATA:
        raise MetaError(errno.ENXIO)
    return min(at, size)


def copy_range(
    source: Inode, source_offset: int, target: Inode, target_offset: int, length: int, parts: Parts
) -> int:
    """copy_file_range(2): by rows where both sides lie on block borders, by bytes otherwise."""
    source.commit()
    target.commit()
    length = min(length, max(source.attr.size_bytes - source_offset, 0))
    if length <= 0:
        return 0
    try:
        done = parts.meta.copy_range(source.ino, source_offset, target.ino, target_offset, length)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise
    except Exception as error:
        raise as_os_error(error) from error
    else:
        target.look_again()
        return done
    return _copy_bytes(source, source_offset, target, target_offset, min(length, _COPY_MOST))


def _copy_bytes(source: Inode, source_offset: int, target: Inode, offset: int, length: int) -> int:
    done = 0
    buffer = memoryview(bytearray(min(length, _COPY_BYTES)))
    while done < length:
        got = source.read_into(source_offset + done, buffer[: min(length - done, _COPY_BYTES)])
        if not got:
            break
        target.write(offset + done, buffer[:got])
        done += got
    return done
