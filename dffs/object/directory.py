"""A local directory (or a mounted network file system) as an object store: the embedded default.

An object is written beside its name and linked or renamed into place, so that it is there whole or
not at all. put() leaves the bytes to the page cache; sync() forces those out that must be durable.
"""

# Names are plain strings here: a Path for each block costs more than its system call.
# ruff: noqa: PTH105, PTH108, PTH116, PTH120

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from blobstore.files import sync_file_system
from dfcore.errors import BadInput, NotFound
from dffs.buffers import new_buffer
from dffs.object.errors import from_os_error
from dffs.object.store import ObjectInfo

if TYPE_CHECKING:
    from typing_extensions import Buffer

_PARTS = ".parts"
_MANY = 64


class DirectoryStore:
    """Objects are files below `root`, which is made if it is not there."""

    def __init__(self, root: Path) -> None:
        self._root = root.expanduser().absolute()
        self._parts = self._root / _PARTS
        self._count = 0
        self._lock = threading.Lock()
        self._known: set[str] = set()
        try:
            self._parts.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"bucket {self._root}: {error.strerror}") from error

    @property
    def url(self) -> str:
        """Where it is."""
        return f"file://{self._root}"

    def put(self, name: str, data: Buffer, *, create: bool = False) -> bool:
        """See ObjectStore."""
        path = self._path(name)
        if create and os.path.exists(path):
            return False
        part = self._new_part()
        try:
            self._write(part, data)
            return self._place(part, path, create=create)
        except OSError as error:
            raise from_os_error(error, name) from error

    def _write(self, part: str, data: Buffer) -> None:
        view = memoryview(data).cast("B")
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            written = 0
            while written < len(view):
                written += os.write(fd, view[written:])
        except BaseException:
            os.unlink(part)
            raise
        finally:
            os.close(fd)

    def _place(self, part: str, path: str, *, create: bool) -> bool:
        self._make_folder(os.path.dirname(path))
        if not create:
            os.replace(part, path)
            return True
        try:
            os.link(part, path)
        except FileExistsError:
            return False
        finally:
            os.unlink(part)
        return True

    def _make_folder(self, folder: str) -> None:
        # Blocks are spread over 65,536 folders; remembering them saves a system call for each put.
        if folder not in self._known:
            os.makedirs(folder, exist_ok=True)
            self._known.add(folder)

    def _new_part(self) -> str:
        with self._lock:
            self._count += 1
            return f"{self._parts}/{os.getpid()}-{threading.get_ident()}-{self._count}"

    def get(self, name: str) -> memoryview:
        """See ObjectStore."""
        return self._read(name, 0, None)

    def get_range(self, name: str, offset: int, length: int) -> memoryview:
        """See ObjectStore."""
        return self._read(name, offset, length)

    def _read(self, name: str, offset: int, length: int | None) -> memoryview:
        try:
            fd = os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC)
            try:
                there = max(os.fstat(fd).st_size - offset, 0)
                view = new_buffer(there if length is None else min(there, length))
                done = 0
                while done < len(view):
                    got = os.preadv(fd, [view[done:]], offset + done)
                    if not got:
                        break
                    done += got
                return view[:done]
            finally:
                os.close(fd)
        except OSError as error:
            raise from_os_error(error, name) from error

    def head(self, name: str) -> ObjectInfo | None:
        """See ObjectStore."""
        try:
            stat = os.stat(self._path(name))
        except OSError as error:
            told = from_os_error(error, name)
            if isinstance(told, NotFound):
                return None
            raise told from error
        return ObjectInfo(name, stat.st_size, stat.st_mtime)

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        """See ObjectStore. Sorted."""
        yield from self._walk(self._path(prefix) if prefix else str(self._root), after)

    def _walk(self, folder: str, after: str) -> Iterator[ObjectInfo]:
        try:
            entries = sorted(os.scandir(folder), key=lambda e: e.name + "/" * e.is_dir())
        except FileNotFoundError:
            return
        except OSError as error:
            raise from_os_error(error, folder) from error
        for entry in entries:
            name = os.path.relpath(entry.path, self._root)
            if entry.is_dir(follow_symlinks=False):
                # A folder all of whose names come before is not looked into.
                if name != _PARTS and not (f"{name}/" < after and not after.startswith(f"{name}/")):
                    yield from self._walk(entry.path, after)
            elif name > after:
                try:
                    stat = entry.stat()
                except FileNotFoundError:
                    continue
                yield ObjectInfo(name, stat.st_size, stat.st_mtime)

    def delete(self, names: Iterable[str]) -> None:
        """See ObjectStore."""
        for name in names:
            try:
                os.unlink(self._path(name))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise from_os_error(error, name) from error

    def sync(self, names: Iterable[str]) -> None:
        """See ObjectStore. Many objects are forced out by one sync of the file system."""
        chosen = list(names)
        if len(chosen) > _MANY:
            sync_file_system(self._root)
            return
        try:
            for path in [self._path(name) for name in chosen]:
                _fsync(path)
            for folder in {os.path.dirname(self._path(name)) for name in chosen}:
                _fsync(folder)
        except OSError as error:
            raise from_os_error(error, "sync") from error

    def close(self) -> None:
        """Nothing is held open."""

    def _path(self, name: str) -> str:
        if name.startswith("/") or ".." in name.split("/"):
            raise BadInput(f"object name {name[:200]!r} leaves the bucket")
        return f"{self._root}/{name}"


def _fsync(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
