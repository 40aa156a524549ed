"""The fsspec file system of a volume.

    fsspec.open("dffs://models/org/m/model.safetensors").open()
    fsspec.filesystem("dffs", meta="sqlite:////var/lib/models.db").ls("models/org")

The volume is the first part of the path; its metadata URL comes from the option `meta` or from this
host's names (`dffs.named`). A file that is written appears when it is closed, whole.
"""

from __future__ import annotations

import errno
import io
import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from fsspec.spec import AbstractFileSystem

from dffs.meta.types import Attr, FileKind, MetaError
from dffs.named import meta_url_of
from dffs.options import VolumeOptions
from dffs.spec.writing import VolumeWriter
from dffs.tree import PARTIAL, Tree
from dffs.volume import Volume

T = TypeVar("T")

_KINDS = {FileKind.FILE: "file", FileKind.DIRECTORY: "directory", FileKind.SYMLINK: "link"}
_COPY_BYTES = 4 << 20


class DffsFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """One instance per set of options; fsspec keeps them. Volumes are opened when they are used."""

    protocol = "dffs"
    root_marker = ""
    sep = "/"

    def __init__(self, meta: str = "", passphrase: bytes = b"", **options: Any) -> None:
        """`meta`: the metadata URL of the only volume used; `passphrase` opens encrypted ones."""
        super().__init__(**options)
        self._meta = meta
        self._passphrase = passphrase
        self._volumes: dict[str, Volume] = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()

    # --- volumes ------------------------------------------------------------------------------

    def _tree(self, path: str) -> tuple[Tree, str]:
        """The volume that a path names, and the path in it."""
        name, _, inner = self._strip_protocol(path).partition("/")
        if not name:
            raise ValueError("dffs://VOLUME/PATH: the volume is missing")
        with self._lock:
            if self._pid != os.getpid():  # forked: connections and threads are the parent's
                self._volumes, self._pid = {}, os.getpid()
            volume = self._volumes.get(name)
            if volume is None:
                url = self._meta or meta_url_of(name)
                options = VolumeOptions(passphrase=self._passphrase)
                volume = self._volumes[name] = Volume.open(url, options)
        return Tree(volume.meta, volume.files), inner

    def close(self) -> None:
        """Close the volumes. They are opened again when they are used again."""
        with self._lock:
            volumes, self._volumes = list(self._volumes.values()), {}
        for volume in volumes:
            volume.close()

    # --- looking ------------------------------------------------------------------------------

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """The entries of a directory, or the one file."""
        tree, inner = self._tree(path)
        top = self._strip_protocol(path)
        attr = _as_python(path, lambda: tree.stat(inner))
        if attr.kind is not FileKind.DIRECTORY:
            found = [_info(top, attr)]
        else:
            found = [
                _info(f"{top}/{os.fsdecode(entry.name)}", entry.attr)
                for entry in tree.entries(attr.ino)
                if entry.attr is not None and PARTIAL.encode() not in entry.name
            ]
        return found if detail else [one["name"] for one in found]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """What is known of a path; links are followed."""
        tree, inner = self._tree(path)
        return _info(self._strip_protocol(path), _as_python(path, lambda: tree.stat(inner)))

    def created(self, path: str) -> Any:
        """When the inode last changed."""
        return _time(self.info(path)["ctime_ns"])

    def modified(self, path: str) -> Any:
        """When the content last changed."""
        return _time(self.info(path)["mtime_ns"])

    def checksum(self, path: str) -> Any:
        """The content's digest where it is known, else inode and version."""
        info = self.info(path)
        return info["content"] or f"{info['ino']}-{info['version']}"

    def ukey(self, path: str) -> str:
        """Changes when the content changes."""
        return str(self.checksum(path))

    # --- content ------------------------------------------------------------------------------

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: Any = None,
        **_: Any,
    ) -> Any:
        tree, inner = self._tree(path)
        if mode == "rb":
            reader = _as_python(path, lambda: tree.open_read(inner))
            return io.BufferedReader(reader, block_size or 128 << 10)
        old = None
        if mode == "ab" and (attr := tree.find(inner)) is not None:
            old = attr.ino
        if mode not in ("wb", "ab", "xb"):
            raise NotImplementedError(f"mode {mode}")
        if mode == "xb" and tree.find(inner) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        return VolumeWriter(tree, inner, begin_with=old, only_new=mode == "xb")

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        """The content, or a range; negative places count from the end."""
        tree, inner = self._tree(path)
        with _as_python(path, lambda: tree.open_read(inner)) as file:
            size = file.size_bytes
            first, last = _place(start or 0, size), size if end is None else _place(end, size)
            return file.pread(first, max(last - first, 0))

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        """Write a whole file."""
        tree, inner = self._tree(path)
        _as_python(path, lambda: tree.write(inner, [value], overwrite=mode != "create"))

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        """Copy by rows: no byte is read. Within one volume; else by bytes."""
        (tree, old), (other, new) = self._tree(path1), self._tree(path2)
        attr = _as_python(path1, lambda: tree.stat(old))
        if attr.kind is FileKind.DIRECTORY:
            other.mkdirs(new)
        elif tree.meta is other.meta:
            parent, name = tree.place_for(new)
            partial = tree.clone_aside(attr.ino, parent, name)
            if partial is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path1)
            tree.publish(parent, partial, name)
        else:
            with tree.open_read(old) as file:
                other.write(new, iter(lambda: file.read(_COPY_BYTES), b""))

    # --- names --------------------------------------------------------------------------------

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        """Make a directory. FileExistsError."""
        tree, inner = self._tree(path)
        if tree.find(inner) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        above = inner.rstrip("/").rpartition("/")[0]
        if not create_parents and tree.find(above) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        tree.mkdirs(inner)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a directory with all that lead to it."""
        tree, inner = self._tree(path)
        if not exist_ok and tree.find(inner) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        tree.mkdirs(inner)

    def rmdir(self, path: str) -> None:
        """Remove an empty directory."""
        tree, inner = self._tree(path)
        _as_python(path, lambda: tree.remove(inner))

    def rm_file(self, path: str) -> None:
        """Remove a file."""
        self.rmdir(path)

    _rm = rm_file

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:
        """Remove files, or with `recursive` whole trees at once."""
        for one in [path] if isinstance(path, str) else path:
            for found in self.expand_path(one, maxdepth=1):
                tree, inner = self._tree(found)
                _remove(found, tree, inner, recursive)

    def mv(
        self, path1: str, path2: str, recursive: bool = False, maxdepth: int | None = None, **_: Any
    ) -> None:
        """Rename, in one step, within a volume."""
        (tree, old), (other, new) = self._tree(path1), self._tree(path2)
        if tree.meta is not other.meta:
            super().mv(path1, path2, recursive=recursive, maxdepth=maxdepth)
            return
        _as_python(path1, lambda: tree.rename(old, new))


def _remove(path: str, tree: Tree, inner: str, recursive: bool) -> int:
    return _as_python(path, lambda: tree.remove(inner, recursive=recursive))


def _info(name: str, attr: Attr | None) -> dict[str, Any]:
    assert attr is not None
    return {
        "name": name,
        "size": attr.size_bytes if attr.kind is FileKind.FILE else 0,
        "type": _KINDS.get(attr.kind, "other"),
        "ino": attr.ino,
        "mode": attr.st_mode,
        "uid": attr.uid,
        "gid": attr.gid,
        "mtime": attr.mtime_ns / 1e9,
        "mtime_ns": attr.mtime_ns,
        "ctime_ns": attr.ctime_ns,
        "version": attr.version,
        "content": attr.content,
        "islink": attr.kind is FileKind.SYMLINK,
    }


def _as_python(path: str, call: Callable[[], T]) -> T:
    """fsspec and its users tell by the class of an error what happened, not by its errno."""
    try:
        return call()
    except MetaError as error:
        known = OSError(error.errno, error.strerror, path)
        raise known from error


def _place(at: int, size: int) -> int:
    return max(at + size, 0) if at < 0 else min(at, size)


def _time(time_ns: int) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(time_ns / 1e9, UTC)
