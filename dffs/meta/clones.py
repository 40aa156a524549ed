"""Copies of files and trees made of rows: no block is stored again.

A directory is built under no name first, in small transactions; the last one gives it its name.
Until then its top is listed as unfinished, so that `abandon_clones` can remove what a crashed
client left.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterator
from functools import partial

from dffs.meta import inodes, keys, rows
from dffs.meta.access import READ, SEARCH, WRITE, need
from dffs.meta.core import Core
from dffs.meta.records import Node, unpack_row
from dffs.meta.trees import Trees
from dffs.meta.types import Attr, Caller, FileKind, InodeFlag, MetaError
from dffs.meta.work import Work, check_name

_AT_ONCE = 50
_MARKED = InodeFlag.XATTRS | InodeFlag.ACL_ACCESS | InodeFlag.ACL_DEFAULT


class Clones(Trees, Core):
    """Clones and snapshots."""

    def clone(
        self,
        caller: Caller,
        source: int,
        parent: int,
        name: bytes,
        *,
        preserve: bool = False,
        immutable: bool = False,
    ) -> Attr:
        """A copy of a file or of a whole directory."""
        check_name(name)
        top = self._read(lambda work: _check(work, caller, source, parent, name))
        copier = _Copier(caller, preserve=preserve, immutable=immutable)
        if not top.is_directory:
            ino = self._new_ino()

            def whole(work: Work) -> Node:
                work.load_to_make(parent, name, (source,))
                node = copier.copy(work, work.node(source), ino, parent)
                _attach(work, caller, node, parent, name, node.size, 1)
                return node

            return self._write(whole, parent).attr()
        ino = self._new_ino()
        self._write(lambda work: _begin(work, copier, source, ino))

        def finish(work: Work) -> Node:
            work.load_to_make(parent, name, (ino,))
            node = work.node(ino)
            work.txn.delete(keys.clone(ino))
            node.parent = parent
            work.save(node)
            _attach(work, caller, node, parent, name, size_bytes, names)
            return node

        try:
            size_bytes, names = self._fill(copier, source, ino)
            return self._write(finish, parent).attr()
        except MetaError:
            self._abandon(ino)
            raise

    def _fill(self, copier: _Copier, source: int, target: int) -> tuple[int, int]:
        """Copy all below; gives bytes and names of the copy, its top included."""
        new_inos = {source: target}
        size_bytes, names = 0, 1
        for page in self.walk(source):
            for first in range(0, len(page), _AT_ONCE):
                some = page[first : first + _AT_ONCE]
                numbers = [self._new_ino() for _ in some]
                new_inos |= {
                    node.ino: number
                    for (_, _, node), number in zip(some, numbers, strict=True)
                    if node.is_directory
                }
                jobs = [
                    (new_inos[above], name, node.ino, number)
                    for (above, name, node), number in zip(some, numbers, strict=True)
                ]
                copied = self._write(partial(_copy_some, copier=copier, jobs=jobs))
                size_bytes += copied[0]
                names += copied[1]
        return size_bytes, names

    def abandon_clones(self, *, older_than_s: float = 86400.0) -> int:
        """Bury what unfinished clones of some age have left."""
        before_ns = self.now_ns - int(older_than_s * 1e9)
        found = self._read(lambda work: work.txn.scan(keys.CLONE, keys.after(keys.CLONE)))
        tops = [keys.number(key) for key, raw in found if int.from_bytes(raw, "big") <= before_ns]
        for top in tops:
            self._abandon(top)
        return len(tops)

    def _abandon(self, top: int) -> None:
        below = [entry for page in self.walk(top) for entry in page]
        for above, name, node in reversed(below):
            self._write(partial(_bury, above=above, name=name, ino=node.ino))
        self._write(partial(_bury_top, top=top))


class _Copier:
    """Copies one inode after the other within transactions."""

    def __init__(self, caller: Caller, *, preserve: bool, immutable: bool) -> None:
        self._caller = caller
        self._preserve = preserve
        self._immutable = immutable

    def copy(self, work: Work, source: Node, ino: int, parent: int) -> Node:
        """A new inode like `source`, with the same blocks and attributes, charged to the volume."""
        node = Node.unpack(ino, source.pack())
        node.ino, node.parent = ino, parent
        node.nlink = 2 if node.is_directory else 1
        node.flags &= _MARKED
        if not self._preserve:
            node.uid, node.gid = self._caller.uid, self._caller.gid
            node.atime_ns = node.mtime_ns = work.now_ns
        node.ctime_ns = work.now_ns
        if self._immutable:
            node.flags |= InodeFlag.IMMUTABLE
        if node.kind == FileKind.FILE and node.size:
            _copy_rows(work, source.ino, ino)
        if node.content:
            work.txn.put(keys.content(node.content, ino), b"")
        if node.kind == FileKind.SYMLINK:
            work.txn.put(keys.symlink(ino), work.txn.get(keys.symlink(source.ino)) or b"?")
        if node.flags & _MARKED:
            prefix = keys.xattr(source.ino, b"")
            for key, value in work.txn.scan(prefix, keys.after(prefix)):
                work.txn.put(keys.xattr(ino, key[9:]), value)
        work.save(node)
        work.charge(node, 0 if node.is_directory else node.size, 1)
        return node


def _check(work: Work, caller: Caller, source: int, parent: int, name: bytes) -> Node:
    node = work.node(source)
    need(work, caller, node, READ | SEARCH if node.is_directory else READ)
    directory = work.directory(parent)
    need(work, caller, directory, WRITE | SEARCH)
    if work.entry(parent, name) is not None:
        raise MetaError(errno.EEXIST)
    if node.is_directory and source in work.ancestors(parent):
        raise MetaError(errno.EINVAL)
    return node


def _begin(work: Work, copier: _Copier, source: int, ino: int) -> None:
    copier.copy(work, work.directory(source), ino, 0)
    work.txn.put(keys.clone(ino), work.now_ns.to_bytes(8, "big"))


def _copy_some(
    work: Work, copier: _Copier, jobs: list[tuple[int, bytes, int, int]]
) -> tuple[int, int]:
    """Copy (new parent, name, old inode, new inode)s; what has gone meanwhile is left out."""
    work.load([ino for _, _, ino, _ in jobs] + [above for above, *_ in jobs], (), (keys.SETTINGS,))
    size_bytes = names = 0
    for above, name, old, new in jobs:
        source = work.find(old)
        directory = work.find(above)
        if source is None or directory is None:
            continue
        node = copier.copy(work, source, new, above)
        work.put_entry(above, name, node)
        if node.is_directory:
            directory.nlink += 1
            work.save(directory)
        else:
            size_bytes += node.size
        names += 1
    return size_bytes, names


def _attach(
    work: Work, caller: Caller, node: Node, parent: int, name: bytes, size_bytes: int, names: int
) -> None:
    directory = work.directory(parent)
    need(work, caller, directory, WRITE | SEARCH)
    inodes.need_live_directory(directory)
    if work.entry(parent, name) is not None:
        raise MetaError(errno.EEXIST)
    if node.is_directory:
        inodes.add_subdirectory(directory)
    work.put_entry(parent, name, node)
    work.touch_names(directory)
    work.charge_tree(parent, size_bytes, names)
    work.note("clone", node.ino, parent, name)


def _copy_rows(work: Work, source: int, target: int) -> None:
    deltas: Counter[bytes] = Counter()
    for key, raw in _rows(work, source):
        work.txn.put(keys.row(target, int.from_bytes(key[9:], "big")), raw)
        deltas.update(block.digest for block in unpack_row(raw))
    rows.count_references(work, deltas, {})


def _rows(work: Work, ino: int) -> Iterator[tuple[bytes, bytes]]:
    start = keys.row(ino, 0)
    yield from work.txn.scan(start, keys.after(start[:9]))


def _bury(work: Work, above: int, name: bytes, ino: int) -> None:
    work.txn.delete(keys.entry(above, name))
    node = work.find(ino)
    if node is not None:
        node.nlink = 0
        inodes.bury(work, node, is_open=False)
        work.save(node)


def _bury_top(work: Work, top: int) -> None:
    work.txn.delete(keys.clone(top))
    node = work.find(top)
    if node is not None:
        node.nlink = 0
        inodes.bury(work, node, is_open=False)
        work.save(node)
