"""Names and what they stand for: look up, make, list."""

from __future__ import annotations

import errno
from collections import deque

from dffs.meta import inodes, keys, records
from dffs.meta.access import READ, SEARCH, need
from dffs.meta.core import Core
from dffs.meta.records import Node
from dffs.meta.types import (
    NAME_BYTES_MAX,
    ROOT_INO,
    SYMLINK_BYTES_MAX,
    TRASH_INO,
    Attr,
    Caller,
    Entry,
    FileKind,
    MetaError,
)
from dffs.meta.work import Work, check_name

_SYMLINKS_MAX = 40
_NEEDS_ROOT = frozenset({FileKind.CHAR, FileKind.BLOCK})


class Names(Core):
    """Names and what they stand for."""

    def lookup(self, caller: Caller, parent: int, name: bytes) -> Attr:
        """The inode under a name."""

        def op(work: Work) -> Attr:
            work.load((parent,), ((parent, name),))
            return _step(work, caller, parent, name).attr()

        return self._read(op)

    def resolve(
        self, caller: Caller, path: bytes, *, start: int = ROOT_INO, follow: bool = False
    ) -> Attr:
        """The inode at a path."""
        return self._read(lambda work: _walk(work, caller, path, start, follow).attr())

    def create(
        self,
        caller: Caller,
        parent: int,
        name: bytes,
        mode: int,
        *,
        exclusive: bool = True,
        umask: int = 0,
    ) -> tuple[Attr, bool]:
        """A new empty file, opened; or an existing one."""
        check_name(name)
        ino = self._new_ino()
        self.ensure_session()

        def op(work: Work) -> tuple[Node, bool]:
            work.load_to_make(parent, name)
            if not exclusive:
                found = work.entry(parent, name)
                if found is not None:
                    need(work, caller, work.directory(parent), SEARCH)
                    return _only_file(work.node(found)), False
            node = inodes.make(work, caller, parent, name, ino, FileKind.FILE, mode, umask)
            work.note("create", ino, parent, name)
            return node, True

        node, is_new = self._write(op, parent)
        self._keep(node.ino)
        return node.attr(), is_new

    def mknod(
        self,
        caller: Caller,
        parent: int,
        name: bytes,
        kind: FileKind,
        mode: int,
        *,
        rdev: int = 0,
        umask: int = 0,
    ) -> Attr:
        """A file, FIFO, socket or device."""
        if kind in _NEEDS_ROOT and caller.uid != 0:
            raise MetaError(errno.EPERM)
        if kind in {FileKind.DIRECTORY, FileKind.SYMLINK}:
            raise MetaError(errno.EINVAL)
        return self._make("mknod", caller, parent, name, kind, mode, umask, rdev=rdev)

    def mkdir(self, caller: Caller, parent: int, name: bytes, mode: int, *, umask: int = 0) -> Attr:
        """A directory."""
        return self._make("mkdir", caller, parent, name, FileKind.DIRECTORY, mode, umask)

    def symlink(self, caller: Caller, parent: int, name: bytes, target: bytes) -> Attr:
        """A symbolic link."""
        if not target:
            raise MetaError(errno.ENOENT)
        if len(target) > SYMLINK_BYTES_MAX:
            raise MetaError(errno.ENAMETOOLONG)
        return self._make(
            "symlink", caller, parent, name, FileKind.SYMLINK, 0o777, 0, target=target
        )

    def _make(
        self,
        change: str,
        caller: Caller,
        parent: int,
        name: bytes,
        kind: FileKind,
        mode: int,
        umask: int,
        *,
        rdev: int = 0,
        target: bytes = b"",
    ) -> Attr:
        check_name(name)
        ino = self._new_ino()

        def op(work: Work) -> Node:
            work.load_to_make(parent, name)
            node = inodes.make(
                *(work, caller, parent, name, ino, kind, mode, umask),
                rdev=rdev,
                size=len(target),
            )
            if target:
                work.txn.put(keys.symlink(ino), target)
            work.note(change, ino, parent, name)
            return node

        return self._write(op, parent).attr()

    def readlink(self, ino: int) -> bytes:
        """A symbolic link's target."""

        def op(work: Work) -> bytes:
            target = work.txn.get(keys.symlink(ino))
            if target is None:
                work.node(ino)
                raise MetaError(errno.EINVAL)
            return target

        return self._read(op)

    def readdir(
        self,
        caller: Caller,
        ino: int,
        *,
        after: bytes | None = None,
        limit: int = 1000,
        with_attr: bool = False,
    ) -> list[Entry]:
        """Entries in the order of their names."""

        def op(work: Work) -> list[Entry]:
            if after is None:
                need(work, caller, work.directory(ino), READ)
            prefix = keys.entry(ino, b"")
            start = prefix if after is None else prefix + after + b"\x00"
            end = keys.after(prefix)
            if with_attr:
                rows = work.txn.scan_through(start, end, limit)
                return records.unpack_entries(rows, len(prefix))
            pairs = work.txn.scan(start, end, limit=limit)
            return records.unpack_entries(((*pair, None) for pair in pairs), len(prefix))

        return self._read(op)

    def paths(self, ino: int) -> list[bytes]:
        """All paths of an inode."""
        return self._read(lambda work: _paths(work, ino))

    def ensure_session(self) -> None:
        """Have a session before something is kept for it (see Sessions)."""
        raise NotImplementedError


def _only_file(node: Node) -> Node:
    if node.kind == FileKind.DIRECTORY:
        raise MetaError(errno.EISDIR)
    if node.kind != FileKind.FILE:
        raise MetaError(errno.EEXIST)
    return node


def _step(work: Work, caller: Caller, parent: int, name: bytes) -> Node:
    directory = work.directory(parent)
    need(work, caller, directory, SEARCH)
    if name == b".":
        return directory
    if name == b"..":
        return work.node(directory.parent or ROOT_INO)
    if len(name) > NAME_BYTES_MAX:
        raise MetaError(errno.ENAMETOOLONG)
    return work.existing(parent, name)


def _walk(work: Work, caller: Caller, path: bytes, start: int, follow: bool) -> Node:
    """Follow a path; one round trip for each part."""
    node = work.node(start)
    parts = deque(part for part in path.split(b"/") if part)
    trailing = path.endswith(b"/")
    links = 0
    while parts:
        part = parts.popleft()
        parent = node.ino
        work.load((), ((parent, part),))
        node = _step(work, caller, parent, part)
        if node.kind == FileKind.SYMLINK and (parts or follow or trailing):
            links += 1
            if links > _SYMLINKS_MAX:
                raise MetaError(errno.ELOOP)
            target = work.txn.get(keys.symlink(node.ino)) or b""
            parts.extendleft(reversed([part for part in target.split(b"/") if part]))
            node = work.node(start if target.startswith(b"/") else parent)
    if trailing and node.kind != FileKind.DIRECTORY:
        raise MetaError(errno.ENOTDIR)
    return node


def _paths(work: Work, ino: int) -> list[bytes]:
    if ino == ROOT_INO:
        return [b"/"]
    node = work.node(ino)
    found = []
    for parent, _ in work.parents(node):
        if parent == TRASH_INO:
            continue
        above = _paths(work, parent)
        prefix = keys.entry(parent, b"")
        for key, value in work.txn.scan(prefix, keys.after(prefix)):
            if records.unpack_entry(value)[0] == ino:
                found += [path.rstrip(b"/") + b"/" + key[9:] for path in above]
    return found
