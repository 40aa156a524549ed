"""Files of a volume by their paths: what commands, gateway, sync, fsspec and the manager work with.

A path is text below the root of the volume, with or without a slash at the front; bytes that are no
UTF-8 are carried as `os.fsdecode` writes them. Calls block; a Tree is thread-safe. Refusals are
MetaError (an OSError with errno). Whoever can open a volume's metadata may do everything: the caller
is root unless another is given.
"""

from __future__ import annotations

import errno
import heapq
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from dffs.meta.api import MetaApi
from dffs.meta.types import (
    ROOT_CALLER,
    ROOT_INO,
    Attr,
    Caller,
    Entry,
    FileKind,
    MetaError,
    RenameFlag,
)
from dffs.treefile import TreeReader
from dffs.vfs.api import FilesApi

if TYPE_CHECKING:
    from typing_extensions import Buffer

PARTIAL = ".dffs-part-"
_PAGE = 1000
_SLASH = b"/"


def parts_of(path: str) -> list[bytes]:
    """The names of a path. EINVAL for `..`, which has no meaning below a root."""
    names = [name for name in os.fsencode(path).split(_SLASH) if name not in (b"", b".")]
    if b".." in names or b"\0" in os.fsencode(path):
        raise MetaError(errno.EINVAL, f"{path}: not a path in a volume")
    return names


class Tree:
    """A volume's files. `root` is the directory that paths begin at."""

    def __init__(
        self,
        meta: MetaApi,
        files: FilesApi,
        *,
        caller: Caller = ROOT_CALLER,
        root: int = ROOT_INO,
    ) -> None:
        self.meta = meta
        self.files = files
        self.caller = caller
        self.root = root

    def stat(self, path: str, *, follow: bool = True) -> Attr:
        """The attributes; of what a symbolic link leads to, unless `follow` is off. ENOENT."""
        whole = _SLASH.join(parts_of(path))
        if not whole:
            return self.meta.getattr(self.root)
        attr = self.meta.resolve(self.caller, whole, start=self.root, follow=follow)
        return self.files.seen(attr)

    def find(self, path: str, *, follow: bool = True) -> Attr | None:
        """The attributes, or None if nothing is there."""
        try:
            return self.stat(path, follow=follow)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return None
            raise

    def listdir(self, path: str, *, after: bytes | None = None) -> Iterator[Entry]:
        """The entries of a directory with their attributes, in the order of their names."""
        yield from self.entries(self.stat(path).ino, after=after)

    def entries(self, ino: int, *, after: bytes | None = None) -> Iterator[Entry]:
        """The same for an inode."""
        while True:
            page = self.meta.readdir(self.caller, ino, after=after, limit=_PAGE, with_attr=True)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].name

    def walk(self, path: str = "") -> Iterator[tuple[str, Attr]]:
        """All below a directory, each path relative to it, directories before what is in them."""
        for key, attr in self.keys(self.stat(path).ino):
            yield os.fsdecode(key.rstrip(_SLASH)), attr

    def keys(
        self, ino: int, *, after: bytes = b"", folder: bytes = b"", deep: bool = True
    ) -> Iterator[tuple[bytes, Attr]]:
        """All below a directory as keys (a directory's ends with `/`) in the order of their bytes.

        `after` is a key relative to the directory: only what comes after it is given, and the
        directories that lie wholly before it are not read. Without `deep`, this directory alone.
        """
        for entry in self._sorted(ino, after.partition(_SLASH)[0]):
            assert entry.attr is not None
            is_directory = entry.kind is FileKind.DIRECTORY
            key = entry.name + _SLASH * is_directory
            inside = after.startswith(key) and is_directory
            if key > after:
                yield folder + key, entry.attr
            if deep and is_directory and (key > after or inside):
                rest = after[len(key) :] if inside else b""
                yield from self.keys(entry.ino, after=rest, folder=folder + key)

    def _sorted(self, ino: int, start: bytes) -> Iterator[Entry]:
        """Entries from a name on, a directory sorted as if its name ended with a slash."""
        # `a` comes before `a!` as a name, but the keys below it (`a/…`) come after `a!`.
        shorter = (start[:end] for end in range(1, len(start)) if start[end : end + 1] < _SLASH)
        waiting: list[tuple[bytes, Entry]] = []
        for name in (*shorter, *([start] if start else [])):
            if name in (b".", b".."):
                continue  # parts of a marker, no names in a directory
            attr = self._lookup(ino, name)
            if attr is not None:
                _push(waiting, Entry(name, attr.ino, attr.kind, attr))
        for entry in self.entries(ino, after=start or None):
            while waiting and waiting[0][0] <= entry.name:
                yield heapq.heappop(waiting)[1]
            _push(waiting, entry)
        while waiting:
            yield heapq.heappop(waiting)[1]

    def _lookup(self, parent: int, name: bytes) -> Attr | None:
        try:
            return self.meta.lookup(self.caller, parent, name)
        except MetaError as error:
            if error.errno == errno.ENOENT:
                return None
            raise

    def open_read(self, path: str) -> TreeReader:
        """A raw binary file to read from; wrap it in io.BufferedReader for many small reads."""
        attr = self.stat(path)
        if attr.kind is FileKind.DIRECTORY:
            raise MetaError(errno.EISDIR, f"{path}: is a directory")
        return TreeReader(self.files.open(self.caller, attr.ino, os.O_RDONLY))

    def write(
        self,
        path: str,
        content: Iterable[Buffer],
        *,
        mode: int = 0o644,
        mtime_ns: int | None = None,
        digest: str = "",
        overwrite: bool = True,
    ) -> Attr:
        """Put a file in place: it is there whole, and stored, or not at all. Makes directories.

        `digest` (`sha256:…`) is noted as that of the whole file. Without `overwrite`: EEXIST.
        """
        parent, name = self.place_for(path)
        partial, attr = self.begin(parent, name, mode)
        try:
            attr = self.fill(attr, content)
            self.finish(attr, digest=digest, mtime_ns=mtime_ns)
            return self.publish(parent, partial, name, overwrite=overwrite)
        except BaseException:
            self.discard(parent, partial)
            raise

    def begin(self, parent: int, name: bytes, mode: int = 0o644) -> tuple[bytes, Attr]:
        """A new file under a name that nobody asks for, opened; its name and attributes."""
        partial = _partial(name)
        attr, _ = self.meta.create(self.caller, parent, partial, mode)
        return partial, attr

    def fill(self, attr: Attr, content: Iterable[Buffer]) -> Attr:
        """Write and store the content of a file that was just begun, and close it."""
        handle = self.files.opened(attr, os.O_RDWR)
        try:
            offset = 0
            for data in content:
                offset += handle.write(offset, data)
            handle.fsync()
            return handle.attr
        finally:
            handle.release()

    def finish(self, attr: Attr, *, digest: str = "", mtime_ns: int | None = None) -> None:
        """Note what is known of a file that was filled."""
        if digest:
            self.meta.set_content(attr.ino, attr.version, digest)
        if mtime_ns is not None:
            self.meta.setattr(ROOT_CALLER, attr.ino, atime_ns=mtime_ns, mtime_ns=mtime_ns)

    def publish(self, parent: int, partial: bytes, name: bytes, *, overwrite: bool = True) -> Attr:
        """Give a filled file its name, in one step."""
        flags = RenameFlag.NONE if overwrite else RenameFlag.NOREPLACE
        return self.meta.rename(self.caller, parent, partial, parent, name, flags).moved

    def discard(self, parent: int, partial: bytes) -> None:
        """Remove a file that was begun and will not be finished."""
        with suppress(OSError):
            self.meta.unlink(self.caller, parent, partial, skip_trash=True)

    def put_known(self, path: str, digest: str, *, mtime_ns: int | None = None) -> Attr | None:
        """Put a file in place whose content (`sha256:…`) the volume holds already: rows, no bytes.

        None if no file has that content.
        """
        held = self.meta.by_content(digest)
        if held is None:
            return None
        parent, name = self.place_for(path)
        partial = self.clone_aside(held, parent, name)
        if partial is None:
            return None
        try:
            attr = self.meta.lookup(self.caller, parent, partial)
            if attr.content != digest:  # changed between the two
                self.discard(parent, partial)
                return None
            self.finish(attr, mtime_ns=mtime_ns)
            return self.publish(parent, partial, name)
        except BaseException:
            self.discard(parent, partial)
            raise

    def clone_aside(self, ino: int, parent: int, name: bytes) -> bytes | None:
        """A copy of a file by rows, not published yet; its temporary name. None: it has gone."""
        partial = _partial(name)
        try:
            attr = self.meta.clone(self.caller, ino, parent, partial)
            self.meta.setattr(self.caller, attr.ino, mode=0o644)
        except MetaError as error:
            if error.errno == errno.ENOENT:
                return None
            raise
        return partial

    def mkdirs(self, path: str, mode: int = 0o755) -> Attr:
        """A directory with all that lead to it; those that are there stay. ENOTDIR."""
        return self.meta.getattr(self.folder(parts_of(path), mode))

    def folder(self, names: list[bytes], mode: int = 0o755) -> int:
        """The inode of a directory, made if need be."""
        ino = self.root
        for name in names:
            attr = self._lookup(ino, name) or self._made(ino, name, mode)
            if attr.kind is FileKind.SYMLINK:
                attr = self.meta.resolve(self.caller, name, start=ino, follow=True)
            if attr.kind is not FileKind.DIRECTORY:
                raise MetaError(errno.ENOTDIR, f"{os.fsdecode(name)}: not a directory")
            ino = attr.ino
        return ino

    def _made(self, parent: int, name: bytes, mode: int) -> Attr:
        try:
            return self.meta.mkdir(self.caller, parent, name, mode)
        except MetaError as error:
            if error.errno != errno.EEXIST:
                raise
            return self.meta.lookup(self.caller, parent, name)  # another was quicker

    def place_for(self, path: str) -> tuple[int, bytes]:
        """The directory a new name goes into, made if need be, and the name."""
        names = parts_of(path)
        if not names:
            raise MetaError(errno.EISDIR, "the root of a volume is a directory")
        return self.folder(names[:-1]), names[-1]

    def place(self, path: str) -> tuple[int, bytes]:
        """The inode of the directory that a path lies in, and its last name. ENOENT."""
        names = parts_of(path)
        if not names:
            raise MetaError(errno.EBUSY, "the root of a volume cannot be moved or removed")
        if len(names) == 1:
            return self.root, names[0]
        above = _SLASH.join(names[:-1])
        attr = self.meta.resolve(self.caller, above, start=self.root, follow=True)
        return attr.ino, names[-1]

    def symlink(self, target: str, path: str) -> Attr:
        """A symbolic link at `path`. EEXIST."""
        parent, name = self.place_for(path)
        return self.meta.symlink(self.caller, parent, name, os.fsencode(target))

    def readlink(self, path: str) -> str:
        """Where a symbolic link leads."""
        return os.fsdecode(self.meta.readlink(self.stat(path, follow=False).ino))

    def remove(self, path: str, *, recursive: bool = False, skip_trash: bool = False) -> int:
        """Remove a file, an empty directory, or with `recursive` a whole tree; how many went."""
        parent, name = self.place(path)
        attr = self.meta.lookup(self.caller, parent, name)
        if attr.kind is not FileKind.DIRECTORY:
            self.meta.unlink(self.caller, parent, name, skip_trash=skip_trash)
            return 1
        if recursive:
            return self.meta.remove_tree(self.caller, parent, name, skip_trash=skip_trash)
        self.meta.rmdir(self.caller, parent, name, skip_trash=skip_trash)
        return 1

    def rename(self, old: str, new: str, *, overwrite: bool = True) -> Attr:
        """Move a name; the directories that lead to the new one are made."""
        parent, name = self.place(old)
        new_parent, new_name = self.place_for(new)
        flags = RenameFlag.NONE if overwrite else RenameFlag.NOREPLACE
        return self.meta.rename(self.caller, parent, name, new_parent, new_name, flags).moved

    def clone(self, old: str, new: str, *, preserve: bool = False, immutable: bool = False) -> Attr:
        """A copy of a file or tree by rows. EEXIST; see MetaApi.clone."""
        source = self.stat(old, follow=False)
        self.files.flush_ino(source.ino)
        parent, name = self.place_for(new)
        return self.meta.clone(
            self.caller, source.ino, parent, name, preserve=preserve, immutable=immutable
        )


def _partial(name: bytes) -> bytes:
    return b"." + name[:200] + PARTIAL.encode() + secrets.token_hex(6).encode()


def _push(waiting: list[tuple[bytes, Entry]], entry: Entry) -> None:
    key = entry.name + _SLASH * (entry.kind is FileKind.DIRECTORY)
    heapq.heappush(waiting, (key, entry))


def describe_mode(attr: Attr) -> str:
    """`-rw-r--r--`, as ls writes it."""
    return stat.filemode(attr.st_mode)
