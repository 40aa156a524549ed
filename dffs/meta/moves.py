"""Taking names away and moving them: unlink, rmdir, rename, link."""

from __future__ import annotations

import errno

from dffs.meta import inodes, keys
from dffs.meta.access import SEARCH, WRITE, need, need_removable
from dffs.meta.core import Core
from dffs.meta.records import Node
from dffs.meta.trees import Totals, totals_within
from dffs.meta.types import (
    LINKS_MAX,
    ROOT_INO,
    TRASH_INO,
    Attr,
    Caller,
    FileKind,
    MetaError,
    Renamed,
    RenameFlag,
)
from dffs.meta.work import Work, check_changeable, check_name


class Moves(Core):
    """Taking names away and moving them."""

    def unlink(self, caller: Caller, parent: int, name: bytes, *, skip_trash: bool = False) -> Attr:
        """Remove a name of something that is no directory."""

        def op(work: Work) -> Node:
            work.load_to_change((parent, name))
            node = self._removable(work, caller, parent, name)
            if node.kind == FileKind.DIRECTORY:
                raise MetaError(errno.EISDIR)
            self._remove(work, work.node(parent), name, node, skip_trash)
            work.note("unlink", node.ino, parent, name)
            return node

        return self._write(op, parent).attr()

    def rmdir(self, caller: Caller, parent: int, name: bytes, *, skip_trash: bool = False) -> Attr:
        """Remove an empty directory."""
        if name == b".":
            raise MetaError(errno.EINVAL)
        if name == b"..":
            raise MetaError(errno.ENOTEMPTY)

        def op(work: Work) -> Node:
            work.load_to_change((parent, name))
            node = self._removable(work, caller, parent, name)
            if node.kind != FileKind.DIRECTORY:
                raise MetaError(errno.ENOTDIR)
            if not work.is_empty(node.ino):
                raise MetaError(errno.ENOTEMPTY)
            self._remove(work, work.node(parent), name, node, skip_trash)
            work.note("rmdir", node.ino, parent, name)
            return node

        return self._write(op, parent).attr()

    def _removable(self, work: Work, caller: Caller, parent_ino: int, name: bytes) -> Node:
        parent = work.directory(parent_ino)
        need(work, caller, parent, SEARCH)
        if len(name) > 255:
            raise MetaError(errno.ENAMETOOLONG)
        node = work.existing(parent_ino, name)
        need_removable(work, caller, parent, node)
        return node

    def _remove(
        self, work: Work, parent: Node, name: bytes, node: Node, skip_trash: bool = False
    ) -> None:
        inodes.remove_name(
            work, parent, name, node, is_open=self._claims(node.ino), skip_trash=skip_trash
        )

    def link(self, caller: Caller, ino: int, parent: int, name: bytes) -> Attr:
        """One more name for a file."""
        check_name(name)

        def op(work: Work) -> Node:
            work.load_to_make(parent, name, (ino,))
            directory, node = work.directory(parent), work.node(ino)
            need(work, caller, directory, SEARCH)
            if work.entry(parent, name) is not None:
                raise MetaError(errno.EEXIST)
            need(work, caller, directory, WRITE | SEARCH)
            inodes.need_live_directory(directory)
            if node.kind == FileKind.DIRECTORY:
                raise MetaError(errno.EPERM)
            check_changeable(node)
            if node.nlink == 0:
                raise MetaError(errno.ENOENT)
            if node.nlink >= LINKS_MAX:
                raise MetaError(errno.EMLINK)
            inodes.add_link(work, node, parent)
            node.nlink += 1
            node.ctime_ns = work.now_ns
            work.save(node)
            work.put_entry(parent, name, node)
            work.touch_names(directory)
            work.charge_tree(parent, node.size, 1)
            work.note("link", ino, parent, name)
            return node

        return self._write(op, parent, ino).attr()

    def rename(
        self,
        caller: Caller,
        parent: int,
        name: bytes,
        new_parent: int,
        new_name: bytes,
        flags: RenameFlag = RenameFlag.NONE,
    ) -> Renamed:
        """Move a name, over another one if need be, or exchange two."""
        for each in (name, new_name):
            if each in {b".", b".."}:
                raise MetaError(errno.EBUSY)
            check_name(each)
        if flags == RenameFlag.NOREPLACE | RenameFlag.EXCHANGE:
            raise MetaError(errno.EINVAL)

        def op(work: Work) -> Renamed:
            work.load_to_change((parent, name), (new_parent, new_name))
            return self._rename(work, caller, (parent, name), (new_parent, new_name), flags)

        return self._write(op, parent, new_parent)

    def _rename(
        self,
        work: Work,
        caller: Caller,
        old: tuple[int, bytes],
        new: tuple[int, bytes],
        flags: RenameFlag,
    ) -> Renamed:
        source, target = work.directory(old[0]), work.directory(new[0])
        need(work, caller, source, SEARCH)
        need(work, caller, target, SEARCH)
        moved = work.existing(*old)
        there = work.entry(*new)
        replaced = None if there is None else work.node(there)
        if replaced is not None and flags & RenameFlag.NOREPLACE:
            raise MetaError(errno.EEXIST)
        exchange = bool(flags & RenameFlag.EXCHANGE)
        if replaced is None and exchange:
            raise MetaError(errno.ENOENT)
        inodes.need_live_directory(target)
        _check_rights(work, caller, source, moved, target, replaced, exchange=exchange)
        _check_tree(work, moved, replaced, source, target, exchange=exchange)
        if replaced is not None and moved.ino == replaced.ino:
            return Renamed(moved.attr(), None)
        if replaced is not None and not exchange:
            _check_replaceable(work, moved, replaced)
            self._remove(work, target, new[1], replaced)
        totals = _totals(work, moved, source, target)
        if exchange and replaced is not None:
            back = _totals(work, replaced, target, source)
            _place(work, replaced, target, source, old[1], back)
        else:
            work.txn.delete(keys.entry(*old))
        _place(work, moved, source, target, new[1], totals)
        work.touch_names(source)
        work.touch_names(target)
        work.note("exchange" if exchange else "rename", moved.ino, *old, *new)
        return Renamed(moved.attr(), None if replaced is None else replaced.attr())


def _check_rights(
    work: Work,
    caller: Caller,
    source: Node,
    moved: Node,
    target: Node,
    replaced: Node | None,
    *,
    exchange: bool,
) -> None:
    need_removable(work, caller, source, moved)
    need(work, caller, target, WRITE | SEARCH)
    if replaced is not None and replaced.ino != moved.ino:
        need_removable(work, caller, target, replaced)
    if source.ino != target.ino:  # ".." of a moved directory is written
        if moved.kind == FileKind.DIRECTORY:
            need(work, caller, moved, WRITE)
        if exchange and replaced is not None and replaced.kind == FileKind.DIRECTORY:
            need(work, caller, replaced, WRITE)


def _check_tree(
    work: Work, moved: Node, replaced: Node | None, source: Node, target: Node, *, exchange: bool
) -> None:
    """EINVAL when a directory would come to lie below itself."""
    if source.ino == target.ino:
        return
    if moved.is_directory and moved.ino in work.ancestors(target.ino):
        raise MetaError(errno.EINVAL)
    goes = replaced is not None and replaced.is_directory
    if goes and replaced and replaced.ino in work.ancestors(source.ino):
        raise MetaError(errno.EINVAL if exchange else errno.ENOTEMPTY)


def _check_replaceable(work: Work, moved: Node, replaced: Node) -> None:
    if moved.is_directory and not replaced.is_directory:
        raise MetaError(errno.ENOTDIR)
    if replaced.is_directory:
        if not moved.is_directory:
            raise MetaError(errno.EISDIR)
        if replaced.ino in {ROOT_INO, TRASH_INO}:
            raise MetaError(errno.EBUSY)
        if not work.is_empty(replaced.ino):
            raise MetaError(errno.ENOTEMPTY)


def _totals(work: Work, node: Node, source: Node, target: Node) -> Totals:
    """What the quotas of the new place have to take over; nothing where there are none."""
    if not work.settings.directory_quotas or source.ino == target.ino:
        return Totals()
    return totals_within(work, node)


def _place(work: Work, node: Node, source: Node, target: Node, name: bytes, totals: Totals) -> None:
    """Put an inode under a name in `target`; its old name is the caller's to take away."""
    if source.ino != target.ino:
        if node.is_directory:
            source.nlink -= 1
            inodes.add_subdirectory(target)
        if node.parent:
            node.parent = target.ino
        else:
            inodes.add_link(work, node, target.ino)
            inodes.drop_link(work, node, source.ino)
        work.charge_tree(source.ino, -totals.size_bytes, -totals.inodes)
        work.charge_tree(target.ino, totals.size_bytes, totals.inodes)
    node.ctime_ns = work.now_ns
    work.save(node)
    work.put_entry(target.ino, name, node)
