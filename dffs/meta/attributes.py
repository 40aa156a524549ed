"""Attributes: stat, chmod, chown, truncate, utimens, access, flags."""

from __future__ import annotations

import errno
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from dffs.meta import acl, keys, records, rows
from dffs.meta.access import WRITE, need, need_owner
from dffs.meta.core import Core
from dffs.meta.inodes import store_access_acl
from dffs.meta.records import Node
from dffs.meta.trees import Trees
from dffs.meta.types import (
    FILE_BYTES_MAX,
    Attr,
    Caller,
    ContentMoved,
    FileKind,
    InodeFlag,
    MetaError,
    QuotaKind,
)
from dffs.meta.work import Work

_DAY_NS = 86400 * 10**9
_SETTABLE = InodeFlag.IMMUTABLE | InodeFlag.APPEND_ONLY


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a setattr asks for; None leaves a value as it is."""

    mode: int | None
    uid: int | None
    gid: int | None
    size: int | None
    atime_ns: int | None
    mtime_ns: int | None
    atime_now: bool
    mtime_now: bool
    opened: bool

    @property
    def sets_times(self) -> bool:
        return self.atime_ns is not None or self.mtime_ns is not None


class Attributes(Core):
    """Attributes of one inode."""

    def getattr(self, ino: int) -> Attr:
        """The attributes."""
        raw = self.engine.transact(lambda txn: txn.get(keys.inode(ino)), read_only=True)
        if raw is None:
            raise MetaError(errno.ENOENT)
        return records.unpack_attr(ino, raw)

    def getattrs(self, inos: Sequence[int]) -> list[Attr | None]:
        """The attributes of many inodes; None for what is not there."""
        wanted = [keys.inode(ino) for ino in inos]
        raws = self.engine.transact(lambda txn: txn.get_many(wanted), read_only=True)
        return [
            None if raw is None else records.unpack_attr(ino, raw)
            for ino, raw in zip(inos, raws, strict=True)
        ]

    def setattr(
        self,
        caller: Caller,
        ino: int,
        *,
        mode: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        size: int | None = None,
        atime_ns: int | None = None,
        mtime_ns: int | None = None,
        atime_now: bool = False,
        mtime_now: bool = False,
        opened: bool = False,
        version: int | None = None,
    ) -> Attr:
        """chmod, chown, truncate and utimens, any of them at once."""
        wish = _Wish(
            *(mode, uid, gid, size, atime_ns, mtime_ns, atime_now, mtime_now, opened),
        )

        def op(work: Work) -> Node:
            work.load((ino,), (), (keys.SETTINGS,))
            node = work.node(ino)
            if version is not None and node.version != version:
                raise ContentMoved(errno.ESTALE)
            _check(work, caller, node, wish)
            _apply(work, caller, node, wish)
            work.note("setattr" if size is None else "truncate", ino)
            return node

        return self._write(op, ino).attr()

    def touch(self, ino: int, *, atime_ns: int) -> None:
        """Note a read, if the atime mode of this client says so."""
        if self.atime_mode == "noatime" or self.read_only:
            return

        def op(work: Work) -> None:
            node = work.find(ino)
            if node is None or (
                self.atime_mode == "relatime"
                and node.atime_ns > max(node.mtime_ns, node.ctime_ns)
                and atime_ns - node.atime_ns < _DAY_NS
            ):
                return
            node.atime_ns = atime_ns
            work.save(node)

        self._write(op, ino)

    def access(self, caller: Caller, ino: int, mask: int) -> None:
        """EACCES unless the caller has the rights of `mask`."""
        self._read(lambda work: need(work, caller, work.node(ino), mask & 7))
        if self.read_only and mask & WRITE:
            raise MetaError(errno.EROFS)

    def set_flags(self, caller: Caller, ino: int, flags: int, *, recursive: bool = False) -> None:
        """Set or clear IMMUTABLE and APPEND_ONLY."""
        if caller.uid != 0:
            raise MetaError(errno.EPERM)

        def op(work: Work, each: int) -> None:
            node = work.find(each)
            if node is not None:
                node.flags = node.flags & ~_SETTABLE | flags & _SETTABLE
                node.ctime_ns = work.now_ns
                work.save(node)
                work.note("setattr", each)

        self._read(lambda work: work.node(ino))
        if recursive and isinstance(self, Trees):
            for page in self.walk(ino):
                for _, _, node in page:
                    self._write(partial(op, each=node.ino))
        self._write(lambda work: op(work, ino))


def _check(work: Work, caller: Caller, node: Node, wish: _Wish) -> None:
    if node.flags & InodeFlag.IMMUTABLE:
        raise MetaError(errno.EPERM)
    if wish.mode is not None:
        need_owner(caller, node)
    if caller.uid != 0 and wish.uid is not None and (wish.uid, caller.uid) != (node.uid, node.uid):
        raise MetaError(errno.EPERM)
    if caller.uid != 0 and wish.gid is not None:
        need_owner(caller, node)
        if wish.gid != node.gid and not caller.in_group(wish.gid):
            raise MetaError(errno.EPERM)
    if wish.sets_times:
        need_owner(caller, node)
    elif (wish.atime_now or wish.mtime_now) and caller.uid not in {0, node.uid}:
        need(work, caller, node, WRITE)
    if wish.size is not None:
        _check_size(work, caller, node, wish.size, opened=wish.opened)


def _check_size(work: Work, caller: Caller, node: Node, size: int, *, opened: bool) -> None:
    if node.kind == FileKind.DIRECTORY:
        raise MetaError(errno.EISDIR)
    if node.kind != FileKind.FILE or size < 0:
        raise MetaError(errno.EINVAL)
    if node.flags & InodeFlag.APPEND_ONLY:
        raise MetaError(errno.EPERM)
    if size > FILE_BYTES_MAX:
        raise MetaError(errno.EFBIG)
    if not opened:
        need(work, caller, node, WRITE)


def _apply(work: Work, caller: Caller, node: Node, wish: _Wish) -> None:
    _change_owner(work, node, wish)
    if wish.mode is not None:
        mode = wish.mode & 0o7777
        if caller.uid != 0 and not caller.in_group(node.gid):
            mode &= ~stat.S_ISGID
        node.mode = mode
        if node.flags & InodeFlag.ACL_ACCESS:
            raw = work.txn.get(keys.xattr(node.ino, acl.ACCESS_NAME))
            if raw is not None:
                store_access_acl(work, node, acl.with_mode(acl.parse(raw), mode))
                node.mode = mode
    if wish.size is not None:
        rows.resize(work, node, wish.size)
    if wish.atime_ns is not None or wish.atime_now:
        node.atime_ns = work.now_ns if wish.atime_ns is None else wish.atime_ns
    if wish.mtime_ns is not None or wish.mtime_now:
        node.mtime_ns = work.now_ns if wish.mtime_ns is None else wish.mtime_ns
    node.ctime_ns = work.now_ns
    work.save(node)


def _change_owner(work: Work, node: Node, wish: _Wish) -> None:
    if wish.uid is None and wish.gid is None:
        return
    if not node.is_directory:
        clear_suid(node)
    if wish.uid is not None and wish.uid != node.uid and work.settings.user_quotas:
        size = 0 if node.is_directory else node.size
        work.move_use(QuotaKind.USER, node.uid, wish.uid, size, 1)
    node.uid = node.uid if wish.uid is None else wish.uid
    node.gid = node.gid if wish.gid is None else wish.gid


def clear_suid(node: Node) -> None:
    """What Linux does to a file's mode when its owner changes or somebody else writes to it."""
    node.mode &= ~stat.S_ISUID
    if node.mode & stat.S_IXGRP:
        node.mode &= ~stat.S_ISGID
