"""What files consist of: open and release, block rows, whole-file digests."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping

from dffs.meta import keys, rows
from dffs.meta.access import READ, WRITE, need
from dffs.meta.attributes import clear_suid as drop_suid
from dffs.meta.core import Core
from dffs.meta.records import BLOCKS_PER_ROW, Node, unpack_row
from dffs.meta.types import (
    FILE_BYTES_MAX,
    Attr,
    Block,
    Caller,
    ContentMoved,
    FileKind,
    InodeFlag,
    MetaError,
)
from dffs.meta.work import Work

KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 0x01, 0x02, 0x10
_MODES = frozenset({0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, ZERO_RANGE, ZERO_RANGE | KEEP_SIZE})
_RIGHTS = {os.O_RDONLY: READ, os.O_WRONLY: WRITE, os.O_RDWR: READ | WRITE}


class Content(Core):
    """What files consist of."""

    def open(self, caller: Caller, ino: int, flags: int) -> Attr:
        """Check the rights, truncate for O_TRUNC, keep the inode."""
        writes = bool(flags & (os.O_WRONLY | os.O_RDWR)) or bool(flags & os.O_TRUNC)
        if writes and self.read_only:
            raise MetaError(errno.EROFS)
        self.ensure_session()
        self._keep(ino)  # before it is read: an unlink in between must see it
        try:
            if flags & os.O_TRUNC:
                return self._write(lambda work: _open(work, caller, ino, flags), ino)
            return self._read(lambda work: _open(work, caller, ino, flags))
        except BaseException:
            self._let_go(ino)
            raise

    def keep(self, ino: int) -> None:
        """As `open`, without a look."""
        self.ensure_session()
        self._keep(ino)

    def release(self, ino: int) -> None:
        """Undo one `open`, `keep` or `create` of this session."""
        if self._let_go(ino) and ino in self._claimed:
            self._claimed.discard(ino)
            key = keys.held(ino, self.sid)
            self._write(lambda work: work.txn.delete(key), ino)

    def ensure_session(self) -> None:
        """Have a session before something is kept for it (see Sessions)."""
        raise NotImplementedError

    def blocks(self, ino: int, first: int, count: int) -> list[Block]:
        """The blocks of a range."""
        return self._read(lambda work: rows.read(work, ino, first, count))

    def write_blocks(
        self,
        ino: int,
        changes: Mapping[int, Block],
        *,
        size_bytes: int | None = None,
        mtime_ns: int | None = None,
        expect_version: int | None = None,
        expect_blocks: Mapping[int, Block] | None = None,
        clear_suid: bool = False,
    ) -> Attr:
        """Put block rows in place; the file becomes at least `size_bytes` long."""

        def op(work: Work) -> Node:
            touched = {index // BLOCKS_PER_ROW for index in changes}
            references = [keys.reference(block.digest) for block in changes.values()]
            row_keys = [keys.row(ino, number) for number in touched]
            work.load((ino,), (), (keys.SETTINGS, *row_keys, *references))
            node = _file(work, ino)
            _check_expected(work, node, expect_version, expect_blocks)
            rows.replace(work, node, changes)
            if size_bytes is not None and size_bytes > node.size:
                _grow(work, node, size_bytes)
            rows.content_changed(work, node)
            node.mtime_ns = work.now_ns if mtime_ns is None else mtime_ns
            node.ctime_ns = work.now_ns
            if clear_suid:
                drop_suid(node)
            work.save(node)
            work.note("write", ino)
            return node

        return self._write(op, ino).attr()

    def fallocate(
        self,
        ino: int,
        mode: int,
        offset: int,
        length: int,
        changes: Mapping[int, Block] | None = None,
        *,
        expect_version: int | None = None,
    ) -> Attr:
        """Grow, punch a hole or zero a range."""
        if mode not in _MODES:
            raise MetaError(errno.EOPNOTSUPP)
        if offset < 0 or length <= 0:
            raise MetaError(errno.EINVAL)
        end = offset + length
        if end > FILE_BYTES_MAX:
            raise MetaError(errno.EFBIG)

        def op(work: Work) -> Node:
            work.load((ino,), (), (keys.SETTINGS,))
            node = _file(work, ino)
            _check_expected(work, node, expect_version, None)
            if mode & (PUNCH_HOLE | ZERO_RANGE):
                _zero(work, node, offset, end)
                rows.replace(work, node, changes or {})
                rows.content_changed(work, node)
            if not mode & KEEP_SIZE and end > node.size:
                _grow(work, node, end)
                rows.content_changed(work, node)
            node.mtime_ns = node.ctime_ns = work.now_ns
            work.save(node)
            work.note("write", ino)
            return node

        return self._write(op, ino).attr()

    def copy_range(
        self, source: int, source_offset: int, target: int, target_offset: int, length: int
    ) -> int:
        """Copy rows."""

        def op(work: Work) -> int:
            work.load((source, target), (), (keys.SETTINGS,))
            here, there = _file(work, source, changing=False), _file(work, target)
            return _copy(work, here, source_offset, there, target_offset, length)

        return self._write(op, source, target)

    def set_content(self, ino: int, version: int, digest: str) -> bool:
        """The whole file of that version is known to have this digest."""
        raw = _parse_digest(digest)

        def op(work: Work) -> bool:
            node = work.find(ino)
            if node is None or node.version != version or node.kind != FileKind.FILE:
                return False
            if node.content:
                work.txn.delete(keys.content(node.content, ino))
            node.content = raw
            work.txn.put(keys.content(raw, ino), b"")
            work.save(node)
            return True

        return self._write(op, ino)

    def by_content(self, digest: str) -> int | None:
        """Some inode whose whole content has the digest."""
        prefix = keys.content(_parse_digest(digest), 0)[:-8]

        def op(work: Work) -> int | None:
            for key, _ in work.txn.scan(prefix, keys.after(prefix), limit=16):
                node = work.find(int.from_bytes(key[-8:], "big"))
                if node is not None and node.nlink:
                    return node.ino
            return None

        return self._read(op)

    def data_ranges(self, ino: int, offset: int) -> Iterator[tuple[int, int]]:
        """(start, end) of stored data at or after `offset`."""
        block_bytes = self._read(lambda work: work.settings).block_size_bytes
        low = offset // block_bytes // BLOCKS_PER_ROW
        prefix = keys.row(ino, 0)[:9]
        for key, raw in self._read(
            lambda work: work.txn.scan(keys.row(ino, low), keys.after(prefix))
        ):
            base = int.from_bytes(key[9:], "big") * BLOCKS_PER_ROW
            for slot, block in enumerate(unpack_row(raw)):
                start = (base + slot) * block_bytes
                end = start + block.length_bytes
                if not block.is_hole and end > offset:
                    yield max(start, offset), end


def _open(work: Work, caller: Caller, ino: int, flags: int) -> Attr:
    work.load((ino,), (), (keys.SETTINGS,) if flags & os.O_TRUNC else ())
    node = work.node(ino)
    rights = _RIGHTS.get(flags & os.O_ACCMODE, READ | WRITE)
    if flags & os.O_TRUNC:
        rights |= WRITE
    if node.kind == FileKind.DIRECTORY and rights & WRITE:
        raise MetaError(errno.EISDIR)
    if node.kind == FileKind.SYMLINK:
        raise MetaError(errno.ELOOP)
    need(work, caller, node, rights)
    if (
        rights & WRITE
        and node.flags & InodeFlag.APPEND_ONLY
        and (not flags & os.O_APPEND or flags & os.O_TRUNC)
    ):
        raise MetaError(errno.EPERM)
    if flags & os.O_TRUNC and node.kind == FileKind.FILE and node.size:
        rows.resize(work, node, 0)
        work.note("truncate", ino)
    return node.attr()


def _file(work: Work, ino: int, *, changing: bool = True) -> Node:
    node = work.node(ino)
    if node.kind != FileKind.FILE:
        raise MetaError(errno.EISDIR if node.is_directory else errno.EINVAL)
    if changing and node.flags & InodeFlag.IMMUTABLE:
        raise MetaError(errno.EPERM)
    return node


def _check_expected(
    work: Work, node: Node, version: int | None, blocks: Mapping[int, Block] | None
) -> None:
    if version is not None and node.version != version:
        raise ContentMoved(errno.ESTALE)
    for index, block in (blocks or {}).items():
        if rows.read(work, node.ino, index, 1)[0] != block:
            raise ContentMoved(errno.ESTALE)


def _grow(work: Work, node: Node, size: int) -> None:
    if size > FILE_BYTES_MAX:
        raise MetaError(errno.EFBIG)
    work.charge_size(node, size - node.size)
    node.size = size


def _zero(work: Work, node: Node, offset: int, end: int) -> None:
    """Make holes of the whole blocks in a range, the one at the file's end included."""
    block_bytes = work.settings.block_size_bytes
    first = -(-offset // block_bytes)
    last = end // block_bytes if end < node.size else -(-end // block_bytes)
    stored = -(-node.size // block_bytes)
    rows.replace(work, node, rows.holes(range(first, min(last, stored))))


def _copy(
    work: Work, source: Node, source_offset: int, target: Node, target_offset: int, length: int
) -> int:
    block_bytes = work.settings.block_size_bytes
    length = min(length, source.size - source_offset)
    if length <= 0:
        return 0
    to_end = source_offset + length == source.size and target_offset + length >= target.size
    if (
        source_offset % block_bytes
        or target_offset % block_bytes
        or (length % block_bytes and not to_end)
    ):
        raise MetaError(errno.EINVAL)
    count = -(-length // block_bytes)
    first, to = source_offset // block_bytes, target_offset // block_bytes
    overlaps = source.ino == target.ino and abs(first - to) < count
    if overlaps:
        raise MetaError(errno.EINVAL)
    copied = rows.read(work, source.ino, first, count)
    rows.replace(work, target, {to + index: block for index, block in enumerate(copied)})
    if target_offset + length > target.size:
        _grow(work, target, target_offset + length)
    rows.content_changed(work, target)
    target.mtime_ns = target.ctime_ns = work.now_ns
    work.save(target)
    work.note("write", target.ino)
    return length


def _parse_digest(digest: str) -> bytes:
    algorithm, _, value = digest.partition(":")
    if algorithm != "sha256" or len(value) != 64:
        raise MetaError(errno.EINVAL, f"{digest!r} is no sha256 digest")
    return bytes.fromhex(value)
