"""Making and dropping inodes: what create, mkdir, symlink, unlink, rename and clone have in common."""

from __future__ import annotations

import errno
import stat

from dffs.meta import acl, keys, records
from dffs.meta.access import SEARCH, WRITE, need
from dffs.meta.acl import Acl
from dffs.meta.records import Node
from dffs.meta.types import (
    SUBDIRECTORIES_MAX,
    TRASH_INO,
    Caller,
    FileKind,
    InodeFlag,
    MetaError,
    QuotaKind,
    TrashItem,
)
from dffs.meta.work import Work, check_name

DIRECTORY_BYTES = 4096


def make(
    work: Work,
    caller: Caller,
    parent_ino: int,
    name: bytes,
    ino: int,
    kind: FileKind,
    mode: int,
    umask: int,
    *,
    rdev: int = 0,
    size: int = 0,
) -> Node:
    """A new inode under a new name. ENOENT, ENOTDIR, EACCES, EEXIST, ENOSPC, EDQUOT."""
    check_name(name)
    parent = work.directory(parent_ino)
    need(work, caller, parent, SEARCH)
    if work.entry(parent_ino, name) is not None:
        raise MetaError(errno.EEXIST)
    need_live_directory(parent)
    need(work, caller, parent, WRITE | SEARCH)
    gid, mode = _group(caller, parent, kind, mode & 0o7777)
    is_directory = kind == FileKind.DIRECTORY
    node = Node(
        *(ino, kind, 0, mode, caller.uid, gid, 2 if is_directory else 1),
        *(DIRECTORY_BYTES if is_directory else size, rdev),
        *(work.now_ns, work.now_ns, work.now_ns, parent_ino),
    )
    if parent.flags & InodeFlag.ACL_DEFAULT and kind != FileKind.SYMLINK:
        _inherit(work, parent, node)
    else:
        node.mode &= ~umask
    if is_directory:
        add_subdirectory(parent)
    work.touch_names(parent)
    work.put_entry(parent_ino, name, node)
    work.save(node)
    work.charge(node, 0 if is_directory else size, 1)
    work.charge_tree(parent_ino, 0 if is_directory else size, 1)
    return node


def need_live_directory(directory: Node) -> None:
    """ENOENT for a directory that was removed while somebody works in it."""
    if directory.nlink == 0:
        raise MetaError(errno.ENOENT)


def add_subdirectory(parent: Node) -> None:
    """One more ".." that leads here; EMLINK."""
    if parent.nlink >= SUBDIRECTORIES_MAX:
        raise MetaError(errno.EMLINK)
    parent.nlink += 1


def _group(caller: Caller, parent: Node, kind: FileKind, mode: int) -> tuple[int, int]:
    """Group and mode of a new inode: directories with setgid hand down both."""
    if not parent.mode & stat.S_ISGID:
        return caller.gid, mode
    if kind == FileKind.DIRECTORY:
        return parent.gid, mode | stat.S_ISGID
    if (
        mode & (stat.S_ISGID | stat.S_IXGRP) == stat.S_ISGID | stat.S_IXGRP
        and caller.uid != 0
        and not caller.in_group(parent.gid)
    ):
        mode &= ~stat.S_ISGID
    return parent.gid, mode


def _inherit(work: Work, parent: Node, node: Node) -> None:
    raw = work.txn.get(keys.xattr(parent.ino, acl.DEFAULT_NAME))
    default = acl.parse(raw) if raw else ()
    if not default:
        return
    store_access_acl(work, node, acl.inherited(default, node.mode))
    if node.kind == FileKind.DIRECTORY:
        work.txn.put(keys.xattr(node.ino, acl.DEFAULT_NAME), acl.pack(default))
        node.flags |= InodeFlag.ACL_DEFAULT


def store_access_acl(work: Work, node: Node, entries: Acl) -> None:
    """Set an inode's access ACL and the permission bits that go with it."""
    key = keys.xattr(node.ino, acl.ACCESS_NAME)
    node.mode = node.mode & ~0o777 | acl.mode_bits(entries)
    if acl.is_minimal(entries):
        if node.flags & InodeFlag.ACL_ACCESS:
            work.txn.delete(key)
        node.flags &= ~InodeFlag.ACL_ACCESS
    else:
        work.txn.put(key, acl.pack(entries))
        node.flags |= InodeFlag.ACL_ACCESS


def remove_name(
    work: Work, parent: Node, name: bytes, node: Node, *, is_open: bool, skip_trash: bool
) -> None:
    """Take a name away; the inode goes to the trash or dies when it was the last one."""
    work.txn.delete(keys.entry(parent.ino, name))
    work.touch_names(parent)
    if node.kind == FileKind.DIRECTORY:
        parent.nlink -= 1
        work.charge_tree(parent.ino, 0, -1)
    else:
        work.charge_tree(parent.ino, -node.size, -1)
    node.ctime_ns = work.now_ns
    work.save(node)
    if node.kind != FileKind.DIRECTORY and node.nlink > 1:
        node.nlink -= 1
        drop_link(work, node, parent.ino)
        return
    node.nlink = 0
    if work.settings.trash_s > 0 and not skip_trash:
        put_in_trash(work, node, parent.ino, name)
    else:
        bury(work, node, is_open=is_open)


def put_in_trash(work: Work, node: Node, parent: int, name: bytes) -> None:
    """Keep an inode without a name for a while."""
    node.parent = TRASH_INO
    item = TrashItem(
        node.ino, work.now_ns, parent, name, records.KINDS[node.kind], node.uid, node.size
    )
    work.txn.put(keys.trash(work.now_ns, node.ino), records.pack_trash(item))
    work.txn.put(keys.trashed(node.ino), work.now_ns.to_bytes(8, "big"))


def bury(work: Work, node: Node, *, is_open: bool) -> None:
    """An inode has no name any more: it is deleted later, when no session has it open."""
    work.charge(node, 0 if node.is_directory else -node.size, -1)
    if node.is_directory:
        work.drop_quota(QuotaKind.DIRECTORY, node.ino)
    node.parent = 0
    work.txn.put(keys.orphan(node.ino), work.now_ns.to_bytes(8, "big"))
    if is_open and work.sid:
        work.txn.put(keys.held(node.ino, work.sid), b"")


def add_link(work: Work, node: Node, parent: int) -> None:
    """Note that a file has one more name in a directory; `node.nlink` is still the old number."""
    if node.nlink == 1 and node.parent:
        work.txn.put(keys.links(node.ino, node.parent), (1).to_bytes(4, "big"))
        node.parent = 0
    key = keys.links(node.ino, parent)
    raw = work.txn.get(key)
    count = int.from_bytes(raw, "big") if raw else 0
    work.txn.put(key, (count + 1).to_bytes(4, "big"))


def drop_link(work: Work, node: Node, parent: int) -> None:
    """Note that a file has one name less in a directory; `node.nlink` is already the new number."""
    key = keys.links(node.ino, parent)
    raw = work.txn.get(key)
    count = int.from_bytes(raw, "big") if raw else 1
    if count > 1:
        work.txn.put(key, (count - 1).to_bytes(4, "big"))
    else:
        work.txn.delete(key)
    if node.nlink == 1:
        prefix = keys.links(node.ino, 0)[:9]
        for left, _ in work.txn.scan(prefix, keys.after(prefix)):
            node.parent = keys.number(left, 9)
            work.txn.delete(left)
