"""A volume as wsgidav sees it: one provider, a collection per directory, a resource per file.

Uploads are written aside and appear whole; copies are made of rows. wsgidav calls from many threads.
"""

from __future__ import annotations

import io
import mimetypes
import os
from typing import Any

from wsgidav.dav_error import (
    HTTP_CONFLICT,
    HTTP_FORBIDDEN,
    HTTP_INSUFFICIENT_STORAGE,
    HTTP_INTERNAL_ERROR,
    HTTP_METHOD_NOT_ALLOWED,
    DAVError,
)
from wsgidav.dav_provider import DAVCollection, DAVNonCollection, DAVProvider

from dffs.meta.types import Attr, FileKind, MetaError
from dffs.spec.writing import VolumeWriter
from dffs.tree import PARTIAL, Tree

_BY_ERRNO = {
    1: HTTP_FORBIDDEN,
    13: HTTP_FORBIDDEN,
    17: HTTP_METHOD_NOT_ALLOWED,
    20: HTTP_CONFLICT,
    21: HTTP_CONFLICT,
    28: HTTP_INSUFFICIENT_STORAGE,
    30: HTTP_FORBIDDEN,
    39: HTTP_CONFLICT,
    122: HTTP_INSUFFICIENT_STORAGE,
}
_COPY_BYTES = 1 << 20


def _dav_error(error: OSError) -> DAVError:
    return DAVError(_BY_ERRNO.get(error.errno or 0, HTTP_INTERNAL_ERROR), error.strerror)


class VolumeProvider(DAVProvider):  # type: ignore[misc]
    """The whole of a tree."""

    def __init__(self, tree: Tree, *, read_only: bool = False) -> None:
        super().__init__()
        self.tree = tree
        self.read_only = read_only

    def is_readonly(self) -> bool:
        """Whether nothing may be changed."""
        return self.read_only

    def get_resource_inst(self, path: str, environ: dict[str, Any]) -> Any:
        """The file or directory at a path, or None."""
        if PARTIAL in path:
            return None
        try:
            attr = self.tree.find(path)
        except MetaError:
            return None
        return _resource(path, environ, self.tree, attr) if attr else None


def _resource(path: str, environ: dict[str, Any], tree: Tree, attr: Attr) -> Any:
    if attr.kind is FileKind.DIRECTORY:
        return VolumeFolder(path, environ, tree, attr)
    return VolumeFile(path, environ, tree, attr) if attr.kind is FileKind.FILE else None


class _Common:
    """What files and directories share."""

    path: str
    environ: dict[str, Any]
    tree: Tree
    attr: Attr

    def get_creation_date(self) -> float:
        """Seconds since the epoch."""
        return self.attr.ctime_ns / 1e9

    def get_last_modified(self) -> float:
        """Seconds since the epoch."""
        return self.attr.mtime_ns / 1e9

    def support_recursive_move(self, dest_path: str) -> bool:
        """A rename is one step."""
        return True

    def support_recursive_delete(self) -> bool:
        """So is removing a tree, for the client."""
        return True

    def delete(self) -> None:
        """Remove, with all below."""
        try:
            self.tree.remove(self.path, recursive=True)
        except MetaError as error:
            raise _dav_error(error) from error

    def move_recursive(self, dest_path: str) -> list[Any]:
        """Rename."""
        try:
            self.tree.rename(self.path, dest_path)
        except MetaError as error:
            raise _dav_error(error) from error
        return []


class VolumeFolder(_Common, DAVCollection):  # type: ignore[misc]
    """A directory."""

    def __init__(self, path: str, environ: dict[str, Any], tree: Tree, attr: Attr) -> None:
        DAVCollection.__init__(self, path, environ)
        self.tree = tree
        self.attr = attr

    def get_member_names(self) -> list[str]:
        """The names in it that are files or directories."""
        return [
            os.fsdecode(entry.name)
            for entry in self.tree.entries(self.attr.ino)
            if PARTIAL.encode() not in entry.name and not entry.name.startswith(b".dffs-")
        ]

    def get_member(self, name: str) -> Any:
        """One of them."""
        path = f"{self.path.rstrip('/')}/{name}"
        attr = self.tree.find(path)
        return _resource(path, self.environ, self.tree, attr) if attr else None

    def create_collection(self, name: str) -> Any:
        """Make a directory in it."""
        path = f"{self.path.rstrip('/')}/{name}"
        try:
            attr = self.tree.mkdirs(path)
        except MetaError as error:
            raise _dav_error(error) from error
        return VolumeFolder(path, self.environ, self.tree, attr)

    def create_empty_resource(self, name: str) -> Any:
        """A file that is about to be written; it is there when it was."""
        path = f"{self.path.rstrip('/')}/{name}"
        return VolumeFile(path, self.environ, self.tree, None)

    def copy_move_single(self, dest_path: str, *, is_move: bool) -> None:
        """Copy or move this directory alone."""
        self.tree.mkdirs(dest_path)


class VolumeFile(_Common, DAVNonCollection):  # type: ignore[misc]
    """A file; `attr` is None while it is being made."""

    def __init__(self, path: str, environ: dict[str, Any], tree: Tree, attr: Attr | None) -> None:
        DAVNonCollection.__init__(self, path, environ)
        self.tree = tree
        self._attr = attr
        self._writer: VolumeWriter | None = None

    @property
    def attr(self) -> Attr:  # type: ignore[override]
        """The attributes."""
        if self._attr is None:
            self._attr = self.tree.stat(self.path)
        return self._attr

    def get_content_length(self) -> int:
        """Bytes."""
        return self._attr.size_bytes if self._attr else 0

    def get_content_type(self) -> str:
        """By the name."""
        return mimetypes.guess_type(self.path)[0] or "application/octet-stream"

    def get_etag(self) -> str | None:
        """The content's digest where it is known, else inode and version."""
        attr = self._attr
        if attr is None:
            return None
        return attr.content.replace(":", "-") or f"{attr.ino}-{attr.version}"

    def support_etag(self) -> bool:
        """Always."""
        return True

    def support_ranges(self) -> bool:
        """Always."""
        return True

    def get_content(self) -> Any:
        """A file object to read from."""
        return io.BufferedReader(self.tree.open_read(self.path), _COPY_BYTES)

    def begin_write(self, *, content_type: str | None = None) -> Any:
        """A file object to write to."""
        try:
            self._writer = VolumeWriter(self.tree, self.path)
        except MetaError as error:
            raise _dav_error(error) from error
        return _KeptOpen(self._writer)

    def end_write(self, *, with_errors: bool) -> None:
        """The upload is complete, or it failed and leaves nothing."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            if with_errors:
                writer.discard()
            else:
                writer.close()
        except OSError as error:
            raise _dav_error(error) from error
        self._attr = None

    def copy_move_single(self, dest_path: str, *, is_move: bool) -> None:
        """Copy by rows, or rename."""
        try:
            if is_move:
                self.tree.rename(self.path, dest_path)
                return
            parent, name = self.tree.place_for(dest_path)
            partial = self.tree.clone_aside(self.attr.ino, parent, name)
            if partial is not None:
                self.tree.publish(parent, partial, name)
        except MetaError as error:
            raise _dav_error(error) from error


class _KeptOpen(io.RawIOBase):
    """wsgidav closes what it wrote to before it says whether that went well."""

    def __init__(self, writer: VolumeWriter) -> None:
        super().__init__()
        self._writer = writer

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: Any) -> int:
        """Pass on."""
        return self._writer.write(data)
