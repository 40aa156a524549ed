"""What --writeback keeps on this node until it is in the object store: pinned blocks, and promises.

A promise is a file that says which blocks an inode is to get. It is written when a close() returns, and
removed when the rows are in the metadata, so that a crash between them loses nothing: the next mount
keeps the promises that it finds. Other nodes see a file only when its blocks are stored.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from blobstore import Pin
from dfcore.errors import NoSpace
from dffs.cache.node import NodeCache
from dffs.meta.types import Block
from dfinfra.logs import get_logger

_log = get_logger("dffs")
_SUFFIX = ".promise"


@dataclass(frozen=True, slots=True)
class Promise:
    """The content that an inode is to get on top of its version `base`."""

    ino: int
    base: int
    size_bytes: int
    mtime_ns: int
    blocks: Mapping[int, Block]

    def to_json(self) -> str:
        """The form on the disk."""
        rows = {
            str(index): [block.digest.hex(), block.length_bytes, block.stored_bytes]
            for index, block in self.blocks.items()
        }
        return json.dumps([self.ino, self.base, self.size_bytes, self.mtime_ns, rows])

    @classmethod
    def from_json(cls, text: str) -> Promise:
        """Read back; ValueError for what a crash left half written."""
        ino, base, size, mtime, rows = json.loads(text)
        blocks = {
            int(index): Block(bytes.fromhex(digest), length, stored)
            for index, (digest, length, stored) in rows.items()
        }
        return cls(ino, base, size, mtime, blocks)


class Staging:
    """`folder` is of this process alone, as the cache is. Thread-safe."""

    def __init__(self, cache: NodeCache, folder: Path) -> None:
        self._cache = cache
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, digest: bytes, data: memoryview) -> Pin:
        """Keep a block until the pin is released. NoSpace, or another MeganeuraError."""
        self._cache.put(digest, data)
        pin = self._cache.pin(digest)
        if pin is None:
            raise NoSpace("the node's cache does not take the block")
        return pin

    def promise(self, promise: Promise, *, durable: bool) -> None:
        """Write it down; with `durable` it and its blocks survive a power cut."""
        path, part = self._path(promise.ino), self._folder / f"{promise.ino}.part"
        with part.open("w") as file:
            file.write(promise.to_json())
            if durable:
                self._cache.flush()
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
        if durable:
            fd = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

    def kept(self, ino: int) -> None:
        """The metadata say it now."""
        self._path(ino).unlink(missing_ok=True)

    def promises(self) -> list[Promise]:
        """What a crash has left, in no order."""
        found = []
        for path in self._folder.glob(f"*{_SUFFIX}"):
            try:
                found.append(Promise.from_json(path.read_text()))
            except (ValueError, TypeError, OSError) as error:
                _log.error("a promise cannot be read", path=str(path), reason=str(error))
        return found

    def set_aside(self, promise: Promise, reason: str) -> None:
        """It cannot be kept: the file has changed since, or blocks are gone. Nothing is deleted."""
        path = self._path(promise.ino)
        _log.error("a promise is set aside", ino=promise.ino, path=str(path), reason=reason)
        path.replace(path.with_suffix(".aside"))

    def _path(self, ino: int) -> Path:
        return self._folder / f"{ino}{_SUFFIX}"
