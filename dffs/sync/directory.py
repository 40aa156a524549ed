"""A local directory (or any mounted file system) as one side of a synchronisation."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from dfcore.errors import BadInput
from dffs.sync.items import Item, WriteOptions

_READ_BYTES = 4 << 20
PARTIAL = ".dffs-sync-"


class DirectoryTree:
    """Everything below `root`. With `links` a symbolic link is an item, without it what it leads to."""

    def __init__(self, root: Path, *, links: bool = False) -> None:
        self._root = root
        self._links = links

    @property
    def label(self) -> str:
        """The path."""
        return f"{self._root}/"

    def items(self, after: str = "") -> Iterator[Item]:
        """See Store."""
        if not self._root.is_dir():
            if self._root.exists():
                raise BadInput(f"{self._root} is no directory")
            return
        start = os.fsencode(after)
        yield from self._walk(b"", start, (self._root.stat().st_ino,))

    def _walk(self, folder: bytes, after: bytes, above: tuple[int, ...]) -> Iterator[Item]:
        for key, info, link in self._entries(folder):
            if not key.endswith(b"/"):
                if key > after:
                    yield _item(key, info, link)
                continue
            if key > after:
                yield _item(key, info, "")
            elif not after.startswith(key):
                continue  # all of it comes before
            if info.st_ino not in above:
                yield from self._walk(key, after, (*above, info.st_ino))

    def _entries(self, folder: bytes) -> list[tuple[bytes, os.stat_result, str]]:
        found = []
        with os.scandir(os.path.join(os.fsencode(self._root), folder)) as entries:
            for entry in entries:
                if entry.name.startswith(b".") and PARTIAL.encode() in entry.name:
                    continue
                told = self._look(entry)
                if told is not None:
                    info, link = told
                    slash = b"/" if stat.S_ISDIR(info.st_mode) else b""
                    found.append((folder + entry.name + slash, info, link))
        return sorted(found, key=lambda one: one[0])

    def _look(self, entry: os.DirEntry[bytes]) -> tuple[os.stat_result, str] | None:
        """Attributes and, for a link that counts as such, its target. None: takes no part."""
        try:
            if entry.is_symlink() and self._links:
                return entry.stat(follow_symlinks=False), os.fsdecode(os.readlink(entry.path))  # noqa: PTH115
            info = entry.stat()
        except FileNotFoundError:
            return None  # gone meanwhile, or a link that leads nowhere
        return (info, "") if stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode) else None

    def read(self, item: Item) -> Iterator[bytes]:
        """See Store."""
        with self._path(item).open("rb") as file:
            while data := file.read(_READ_BYTES):
                yield data

    def write(self, item: Item, content: Iterator[bytes], options: WriteOptions) -> None:
        """See Store."""
        path = self._path(item)
        if item.is_directory:
            path.mkdir(parents=True, exist_ok=True)
            _keep(path, item, options, times=False)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if options.inplace and not item.link:
            with path.open("wb") as file:
                file.writelines(content)
            _keep(path, item, options)
            return
        partial = path.with_name(f".{path.name[:200]}{PARTIAL}{secrets.token_hex(4)}")
        try:
            if item.link:
                partial.symlink_to(item.link)
            else:
                with partial.open("xb") as file:
                    file.writelines(content)
                _keep(partial, item, options)
            _replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def delete(self, item: Item) -> None:
        """See Store. A directory that is not empty stays."""
        path = self._path(item)
        try:
            if item.is_directory:
                path.rmdir()
            else:
                path.unlink()
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise

    def digest(self, item: Item) -> str:
        """See Store."""
        hasher = hashlib.sha256()
        for data in self.read(item):
            hasher.update(data)
        return f"sha256:{hasher.hexdigest()}"

    def close(self) -> None:
        """Nothing is open."""

    def _path(self, item: Item) -> Path:
        parts = item.key.rstrip("/").split("/")
        if any(part in ("", ".", "..") for part in parts):
            raise BadInput(f"{item.key!r} is no path below {self._root}")
        return self._root.joinpath(*parts)


def _item(key: bytes, info: os.stat_result, link: str) -> Item:
    return Item(
        os.fsdecode(key),
        info.st_size if stat.S_ISREG(info.st_mode) else 0,
        info.st_mtime_ns,
        mode=stat.S_IMODE(info.st_mode),
        uid=info.st_uid,
        gid=info.st_gid,
        link=link,
    )


def _keep(path: Path, item: Item, options: WriteOptions, *, times: bool = True) -> None:
    """Times always, mode and owner where they were asked for."""
    if options.perms and item.mode is not None:
        if item.uid is not None and item.gid is not None and os.geteuid() == 0:
            os.chown(path, item.uid, item.gid)
        path.chmod(item.mode)
    if times and item.mtime_ns:
        os.utime(path, ns=(item.mtime_ns, item.mtime_ns))


def _replace(partial: Path, path: Path) -> None:
    try:
        partial.replace(path)
    except IsADirectoryError:
        path.rmdir()
        partial.replace(path)
