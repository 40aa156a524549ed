"""A file system so simple that it must be right: dictionaries, and the rules of POSIX in their
plainest form.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field

from dffs.meta.types import MetaError, RenameFlag

BLOCK = 65536


@dataclass(eq=False)
class Thing:
    """A file (with blocks as texts and a size), a symlink or a directory."""

    entries: dict[bytes, Thing] | None = None
    target: bytes | None = None
    blocks: dict[int, str] = field(default_factory=dict)
    size: int = 0


class Model:
    """What the metadata of a volume should do; paths are tuples of names, the root is ()."""

    def __init__(self) -> None:
        self.root = Thing(entries={})

    def find(self, path: tuple[bytes, ...]) -> Thing:
        """What is at a path; ENOENT, ENOTDIR."""
        thing = self.root
        for name in path:
            if thing.entries is None:
                raise MetaError(errno.ENOTDIR)
            if name not in thing.entries:
                raise MetaError(errno.ENOENT)
            thing = thing.entries[name]
        return thing

    def folder(self, path: tuple[bytes, ...]) -> dict[bytes, Thing]:
        """The entries of a directory."""
        entries = self.find(path).entries
        if entries is None:
            raise MetaError(errno.ENOTDIR)
        return entries

    def put(self, parent: tuple[bytes, ...], name: bytes, thing: Thing) -> None:
        """A new name."""
        entries = self.folder(parent)
        if name in entries:
            raise MetaError(errno.EEXIST)
        entries[name] = thing

    def link(self, source: tuple[bytes, ...], parent: tuple[bytes, ...], name: bytes) -> None:
        """One more name for a file."""
        thing = self.find(source)
        if name in self.folder(parent):
            raise MetaError(errno.EEXIST)
        if thing.entries is not None:
            raise MetaError(errno.EPERM)
        self.put(parent, name, thing)

    def unlink(self, parent: tuple[bytes, ...], name: bytes) -> None:
        """Take a name away."""
        thing = self.find((*parent, name))
        if thing.entries is not None:
            raise MetaError(errno.EISDIR)
        del self.folder(parent)[name]

    def rmdir(self, parent: tuple[bytes, ...], name: bytes) -> None:
        """Take an empty directory away."""
        thing = self.find((*parent, name))
        if thing.entries is None:
            raise MetaError(errno.ENOTDIR)
        if thing.entries:
            raise MetaError(errno.ENOTEMPTY)
        del self.folder(parent)[name]

    def rename(
        self,
        old: tuple[tuple[bytes, ...], bytes],
        new: tuple[tuple[bytes, ...], bytes],
        flags: RenameFlag,
    ) -> None:
        """Move or exchange."""
        source, target = self.folder(old[0]), self.folder(new[0])
        moved = self.find((*old[0], old[1]))
        there = target.get(new[1])
        exchange = bool(flags & RenameFlag.EXCHANGE)
        if there is not None and flags & RenameFlag.NOREPLACE:
            raise MetaError(errno.EEXIST)
        if there is None and exchange:
            raise MetaError(errno.ENOENT)
        if source is not target:
            if self._holds(moved, target):
                raise MetaError(errno.EINVAL)
            if there is not None and self._holds(there, source):
                raise MetaError(errno.EINVAL if exchange else errno.ENOTEMPTY)
        if there is moved:
            return
        if exchange and there is not None:
            source[old[1]], target[new[1]] = there, moved
            return
        if there is not None:
            self._check_replaceable(moved, there)
        del source[old[1]]
        target[new[1]] = moved

    @staticmethod
    def _check_replaceable(moved: Thing, there: Thing) -> None:
        if moved.entries is not None and there.entries is None:
            raise MetaError(errno.ENOTDIR)
        if there.entries is not None:
            if moved.entries is None:
                raise MetaError(errno.EISDIR)
            if there.entries:
                raise MetaError(errno.ENOTEMPTY)

    def _holds(self, top: Thing, entries: dict[bytes, Thing]) -> bool:
        """Whether a directory is `entries` or lies somewhere above them."""
        if top.entries is None:
            return False
        return top.entries is entries or any(
            self._holds(thing, entries) for thing in top.entries.values()
        )

    def write(self, path: tuple[bytes, ...], index: int, text: str) -> None:
        """Put a whole block."""
        thing = self.file(path)
        thing.blocks[index] = text
        thing.size = max(thing.size, (index + 1) * BLOCK)

    def truncate(self, path: tuple[bytes, ...], size: int) -> None:
        """Cut or grow."""
        thing = self.file(path)
        thing.size = size
        thing.blocks = {index: text for index, text in thing.blocks.items() if index * BLOCK < size}

    def file(self, path: tuple[bytes, ...]) -> Thing:
        """A regular file."""
        thing = self.find(path)
        if thing.entries is not None:
            raise MetaError(errno.EISDIR)
        if thing.target is not None:
            raise MetaError(errno.EINVAL)
        return thing

    def clone(self, source: tuple[bytes, ...], parent: tuple[bytes, ...], name: bytes) -> None:
        """A deep copy."""
        thing = self.find(source)
        entries = self.folder(parent)
        if name in entries:
            raise MetaError(errno.EEXIST)
        if self._holds(thing, entries):
            raise MetaError(errno.EINVAL)
        entries[name] = self._copy(thing)

    def _copy(self, thing: Thing) -> Thing:
        entries = None
        if thing.entries is not None:
            entries = {name: self._copy(each) for name, each in thing.entries.items()}
        return Thing(entries, thing.target, dict(thing.blocks), thing.size)
