"""The objects of one bucket: keys of S3 on files of a volume. Calls block; thread-safe.

A key is the path below the bucket's directory. `a//b`, `.` and `..` are no paths and are refused. A key
that ends with a slash is a directory. Directories that an upload made go with their last object.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass

from dffs.gateway import metadata
from dffs.gateway.errors import S3Error, of_os_error
from dffs.gateway.metadata import Kept
from dffs.meta.types import Attr, FileKind, MetaError
from dffs.tree import PARTIAL, Tree
from dffs.treefile import TreeReader

PRIVATE = ".dffs-gateway"
_MAX_KEY_BYTES = 4096
_MAX_NAME_BYTES = 255


@dataclass(frozen=True, slots=True)
class Object:
    """One object as HEAD tells it."""

    key: str
    attr: Attr
    etag: str
    kept: Kept

    @property
    def size_bytes(self) -> int:
        """Its length; a directory has none."""
        return 0 if self.attr.kind is FileKind.DIRECTORY else self.attr.size_bytes


def check_key(key: str) -> str:
    """The key, if it can be a path. Raises S3Error."""
    names = key.removesuffix("/").split("/")
    if not key or any(name in ("", ".", "..") for name in names) or "\0" in key:
        raise S3Error("InvalidArgument", "A key with empty parts, `.` or `..` cannot be a path.")
    if any(len(os.fsencode(name)) > _MAX_NAME_BYTES for name in names):
        raise S3Error("KeyTooLongError")
    if len(os.fsencode(key)) > _MAX_KEY_BYTES:
        raise S3Error("KeyTooLongError")
    if is_private(names[0], at_root=True) or is_private(names[-1]):
        raise S3Error("AccessDenied", "This name belongs to the gateway.")
    return key


def is_private(name: str, *, at_root: bool = False) -> bool:
    """Names that no client sees: the gateway's own, and files that are being written."""
    if at_root and name.startswith(".dffs-"):
        return True
    return name.startswith(".") and PARTIAL in name


class Bucket:
    """One bucket. `tree` begins at its directory."""

    def __init__(self, name: str, tree: Tree) -> None:
        self.name = name
        self.tree = tree

    def head(self, key: str) -> Object:
        """The object under a key. Raises S3Error NoSuchKey."""
        attr = self._find(check_key(key))
        if attr is None:
            raise S3Error("NoSuchKey")
        return self.told(key, attr)

    def find(self, key: str) -> Object | None:
        """The object under a key, or None."""
        attr = self._find(check_key(key))
        return None if attr is None else self.told(key, attr)

    def told(self, key: str, attr: Attr) -> Object:
        """An object whose attributes are known."""
        meta = self.tree.meta
        return Object(key, attr, metadata.etag_of(meta, attr), metadata.load(meta, attr))

    def listed(self, key: str, attr: Attr) -> Object:
        """The same without what listings do not show."""
        return Object(key, attr, metadata.etag_of(self.tree.meta, attr), Kept())

    def _find(self, key: str) -> Attr | None:
        attr = self.tree.find(key)
        if attr is None or (attr.kind is FileKind.DIRECTORY) != key.endswith("/"):
            return None
        return attr if attr.kind in (FileKind.FILE, FileKind.DIRECTORY) else None

    def open(self, found: Object) -> TreeReader:
        """Read an object that was found."""
        return TreeReader(self.tree.files.open(self.tree.caller, found.attr.ino, os.O_RDONLY))

    def make_directory(self, key: str) -> Object:
        """A directory that a client made as an object of its own."""
        attr = self.tree.mkdirs(check_key(key))
        metadata.mark_directory(self.tree.meta, attr.ino)
        return self.told(key, attr)

    def place(self, key: str) -> tuple[int, bytes]:
        """Where an upload goes: its directory (made if need be) and its name."""
        names = [os.fsencode(name) for name in check_key(key).split("/")]
        try:
            return self.tree.folder(names[:-1]), names[-1]
        except MetaError as error:
            if error.errno == errno.ENOTDIR:
                raise S3Error(
                    "ObjectExistsAsDirectory", "A part of the key is an object already."
                ) from error
            raise

    def publish(
        self, parent: int, partial: bytes, name: bytes, *, only_new: bool, kept: Kept, etag: str
    ) -> Attr:
        """Give an uploaded file its headers, its ETag and, in one step, its name."""
        tree = self.tree
        attr = tree.meta.lookup(tree.caller, parent, partial)
        metadata.save(tree.meta, attr, kept, etag)
        try:
            return tree.publish(parent, partial, name, overwrite=not only_new)
        except MetaError as error:
            if error.errno == errno.EEXIST:
                raise S3Error("PreconditionFailed") from error
            if error.errno in (errno.EISDIR, errno.ENOTEMPTY):
                raise S3Error("ObjectExistsAsDirectory") from error
            raise

    def put_known(self, key: str, sha256: str, kept: Kept, size_bytes: int) -> Object | None:
        """An object whose content the volume holds already; None if it does not."""
        held = self.tree.meta.by_content(f"sha256:{sha256}")
        if held is None:
            return None
        attr = self.tree.meta.getattr(held)
        if attr.size_bytes != size_bytes:
            return None
        etag = metadata.etag_of(self.tree.meta, attr)
        parent, name = self.place(key)
        partial = self.tree.clone_aside(held, parent, name)
        if partial is None:
            return None
        return self._named(key, parent, partial, name, kept, etag)

    def copy(self, source: Object, key: str, kept: Kept, *, only_new: bool = False) -> Object:
        """A copy by rows: nothing is stored again."""
        parent, name = self.place(key)
        partial = self.tree.clone_aside(source.attr.ino, parent, name)
        if partial is None:
            raise S3Error("NoSuchKey")
        return self._named(key, parent, partial, name, kept, source.etag, only_new=only_new)

    def _named(
        self,
        key: str,
        parent: int,
        partial: bytes,
        name: bytes,
        kept: Kept,
        etag: str,
        *,
        only_new: bool = False,
    ) -> Object:
        try:
            attr = self.publish(parent, partial, name, only_new=only_new, kept=kept, etag=etag)
        except BaseException:
            self.tree.discard(parent, partial)
            raise
        return Object(key, attr, etag, kept)

    def delete(self, key: str) -> None:
        """Remove an object and the directories that it leaves empty. Nothing there: no error."""
        check_key(key)
        if self._find_here(key) is None:
            return
        try:
            self.tree.remove(key.rstrip("/"))
        except MetaError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return
            if error.errno == errno.ENOTEMPTY:
                # Its objects keep the directory; it only stops being an object itself.
                metadata.drop(self.tree.meta, self.tree.stat(key).ino, metadata.MARKER)
                return
            raise of_os_error(error) from error
        self.prune(key.rstrip("/").rpartition("/")[0])

    def _find_here(self, key: str) -> Attr | None:
        attr = self.tree.find(key.rstrip("/"), follow=False)
        if attr is None or (attr.kind is FileKind.DIRECTORY) != key.endswith("/"):
            return None
        return attr

    def prune(self, folder: str) -> None:
        """Remove a directory and those above it while they are empty and nobody's objects."""
        with suppress(MetaError):
            while folder:
                attr = self.tree.stat(folder, follow=False)
                if metadata.is_marked(self.tree.meta, attr):
                    return
                self.tree.remove(folder, skip_trash=True)
                folder = folder.rpartition("/")[0]
