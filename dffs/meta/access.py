"""Who may do what: POSIX permission bits, ACLs, sticky directories."""

from __future__ import annotations

import errno
import stat

from dffs.meta import acl, keys
from dffs.meta.records import Node
from dffs.meta.types import Caller, FileKind, InodeFlag, MetaError
from dffs.meta.work import Work

READ, WRITE, SEARCH = 4, 2, 1


def need(work: Work, caller: Caller, node: Node, mask: int) -> None:
    """EACCES unless the caller has all rights of `mask`; EPERM for writing to what is immutable."""
    if mask & WRITE and node.flags & InodeFlag.IMMUTABLE:
        raise MetaError(errno.EPERM)
    if not allows(work, caller, node, mask):
        raise MetaError(errno.EACCES)


def allows(work: Work, caller: Caller, node: Node, mask: int) -> bool:
    """Whether the caller has all rights of `mask`."""
    if caller.uid == 0:
        return not (mask & SEARCH) or node.kind == FileKind.DIRECTORY or bool(node.mode & 0o111)
    if node.flags & InodeFlag.ACL_ACCESS and caller.uid != node.uid:
        raw = work.txn.get(keys.xattr(node.ino, acl.ACCESS_NAME))
        if raw is not None:
            return acl.allows(acl.parse(raw), caller, node.uid, node.gid, mask)
    if caller.uid == node.uid:
        granted = node.mode >> 6
    elif caller.in_group(node.gid):
        granted = node.mode >> 3
    else:
        granted = node.mode
    return granted & mask == mask


def need_owner(caller: Caller, node: Node) -> None:
    """EPERM unless the caller owns the inode."""
    if caller.uid not in {0, node.uid}:
        raise MetaError(errno.EPERM)


def need_removable(work: Work, caller: Caller, parent: Node, node: Node) -> None:
    """EACCES, EPERM unless the caller may take a name of `node` out of `parent` (sticky bit
    included).
    """
    need(work, caller, parent, WRITE | SEARCH)
    if parent.flags & InodeFlag.APPEND_ONLY:
        raise MetaError(errno.EPERM)
    if node.flags & (InodeFlag.IMMUTABLE | InodeFlag.APPEND_ONLY):
        raise MetaError(errno.EPERM)
    if parent.mode & stat.S_ISVTX and caller.uid not in {0, parent.uid, node.uid}:
        raise MetaError(errno.EPERM)
