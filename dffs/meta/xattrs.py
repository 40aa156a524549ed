"""Extended attributes and POSIX ACLs (which are two of them, with a meaning)."""

from __future__ import annotations

import errno
import stat

from dffs.meta import acl, keys
from dffs.meta.access import READ, WRITE, need, need_owner
from dffs.meta.core import Core
from dffs.meta.inodes import store_access_acl
from dffs.meta.records import Node
from dffs.meta.types import (
    XATTR_NAME_BYTES_MAX,
    XATTR_VALUE_BYTES_MAX,
    Caller,
    FileKind,
    InodeFlag,
    MetaError,
)
from dffs.meta.work import Work, check_changeable

XATTR_CREATE, XATTR_REPLACE = 1, 2
_ACL_NAMES = frozenset({acl.ACCESS_NAME, acl.DEFAULT_NAME})
_MARKED = InodeFlag.XATTRS | InodeFlag.ACL_ACCESS | InodeFlag.ACL_DEFAULT


class Xattrs(Core):
    """Extended attributes."""

    def getxattr(self, caller: Caller, ino: int, name: bytes) -> bytes:
        """An extended attribute."""

        def op(work: Work) -> bytes:
            work.load((ino,), (), (keys.xattr(ino, name),))
            node = work.node(ino)
            _check_readable(work, caller, node, name)
            value = work.txn.get(keys.xattr(ino, name)) if node.flags & _MARKED else None
            if value is None:
                raise MetaError(errno.ENODATA)
            return value

        return self._read(op)

    def listxattr(self, caller: Caller, ino: int) -> list[bytes]:
        """The names of the extended attributes."""

        def op(work: Work) -> list[bytes]:
            if not work.node(ino).flags & _MARKED:
                return []
            prefix = keys.xattr(ino, b"")
            found = work.txn.scan(prefix, keys.after(prefix), keys_only=True)
            names = [key[9:] for key, _ in found]
            is_root = caller.uid == 0
            return [name for name in names if is_root or not name.startswith(b"trusted.")]

        return self._read(op)

    def setxattr(self, caller: Caller, ino: int, name: bytes, value: bytes, flags: int = 0) -> None:
        """Set one."""
        if not name or len(name) > XATTR_NAME_BYTES_MAX:
            raise MetaError(errno.ERANGE)
        if len(value) > XATTR_VALUE_BYTES_MAX:
            raise MetaError(errno.E2BIG)

        def op(work: Work) -> None:
            key = keys.xattr(ino, name)
            work.load((ino,), (), (keys.SETTINGS, key))
            node = work.node(ino)
            _check_writable(work, caller, node, name)
            exists = work.txn.get(key) is not None
            if flags & XATTR_CREATE and exists:
                raise MetaError(errno.EEXIST)
            if flags & XATTR_REPLACE and not exists:
                raise MetaError(errno.ENODATA)
            if name in _ACL_NAMES:
                _set_acl(work, caller, node, name, value)
            else:
                work.txn.put(key, value)
                node.flags |= InodeFlag.XATTRS
            node.ctime_ns = work.now_ns
            work.save(node)
            work.note("acl" if name in _ACL_NAMES else "xattr", ino, name=name)

        self._write(op, ino)

    def removexattr(self, caller: Caller, ino: int, name: bytes) -> None:
        """Remove one."""

        def op(work: Work) -> None:
            key = keys.xattr(ino, name)
            work.load((ino,), (), (keys.SETTINGS, key))
            node = work.node(ino)
            _check_writable(work, caller, node, name)
            if work.txn.get(key) is None:
                raise MetaError(errno.ENODATA)
            work.txn.delete(key)
            if name == acl.ACCESS_NAME:
                node.flags &= ~InodeFlag.ACL_ACCESS
            elif name == acl.DEFAULT_NAME:
                node.flags &= ~InodeFlag.ACL_DEFAULT
            node.ctime_ns = work.now_ns
            work.save(node)
            work.note("acl" if name in _ACL_NAMES else "xattr", ino, name=name)

        self._write(op, ino)


def _check_readable(work: Work, caller: Caller, node: Node, name: bytes) -> None:
    if name in _ACL_NAMES:
        return
    if name.startswith(b"trusted.") and caller.uid != 0:
        raise MetaError(errno.ENODATA)
    if name.startswith(b"user."):
        if node.kind not in {FileKind.FILE, FileKind.DIRECTORY}:
            raise MetaError(errno.ENODATA)
        need(work, caller, node, READ)


def _check_writable(work: Work, caller: Caller, node: Node, name: bytes) -> None:
    check_changeable(node)
    if name in _ACL_NAMES:
        if not work.settings.acl:
            raise MetaError(errno.EOPNOTSUPP)
        need_owner(caller, node)
    elif name.startswith(b"trusted."):
        if caller.uid != 0:
            raise MetaError(errno.EPERM)
    elif name.startswith(b"user."):
        if node.kind not in {FileKind.FILE, FileKind.DIRECTORY}:
            raise MetaError(errno.EPERM)
        if node.is_directory and node.mode & stat.S_ISVTX:
            need_owner(caller, node)
        need(work, caller, node, WRITE)
    elif caller.uid != 0:
        need_owner(caller, node)


def _set_acl(work: Work, caller: Caller, node: Node, name: bytes, value: bytes) -> None:
    entries = acl.parse(value)
    if name == acl.DEFAULT_NAME:
        if not node.is_directory:
            raise MetaError(errno.EACCES)
        key = keys.xattr(node.ino, name)
        if entries:
            work.txn.put(key, acl.pack(entries))
            node.flags |= InodeFlag.ACL_DEFAULT
        else:
            work.txn.delete(key)
            node.flags &= ~InodeFlag.ACL_DEFAULT
        return
    if not entries:
        work.txn.delete(keys.xattr(node.ino, name))
        node.flags &= ~InodeFlag.ACL_ACCESS
        return
    if caller.uid != 0 and not caller.in_group(node.gid):
        node.mode &= ~stat.S_ISGID
    store_access_acl(work, node, entries)
