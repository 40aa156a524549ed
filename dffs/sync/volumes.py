"""A directory of a volume as one side of a synchronisation.

Between two volumes of one block size, files are compared and copied as rows: the destination is asked
which blocks it has, and only the others are read and put.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import time
from collections.abc import Callable, Iterator

from dffs.meta.types import (
    ROOT_CALLER,
    Attr,
    Block,
    BlocksMissing,
    BlockState,
    FileKind,
    MetaError,
)
from dffs.sync.items import Item, Progress, Store, WriteOptions
from dffs.tree import PARTIAL, Tree
from dffs.volume import Volume

_ROWS = 64
_READ_BYTES = 4 << 20
_TRIES = 60
_PAUSE_S = 1.0


class VolumeTree:
    """Everything below one directory of an open volume."""

    def __init__(
        self,
        volume: Volume,
        folder: str,
        label: str,
        *,
        links: bool = False,
        close: Callable[[], None] | None = None,
    ) -> None:
        self._volume = volume
        self._tree = Tree(volume.meta, volume.files)
        self._folder = folder.strip("/")
        self._label = label
        self._links = links
        self._close = close

    @property
    def label(self) -> str:
        """The address, without secrets."""
        return self._label

    def items(self, after: str = "") -> Iterator[Item]:
        """See Store."""
        found = self._tree.find(self._folder)
        if found is None:
            return
        for key, attr in self._tree.keys(found.ino, after=os.fsencode(after)):
            name = os.fsdecode(key)
            if PARTIAL in name or name.startswith(".dffs-gateway"):
                continue
            if (item := self._item(name, attr)) is not None:
                yield item

    def _item(self, key: str, attr: Attr) -> Item | None:
        link = ""
        if attr.kind is FileKind.SYMLINK:
            if self._links:
                link = os.fsdecode(self._tree.meta.readlink(attr.ino))
            else:
                led = self._tree.find(self._path(key))
                if led is None or led.kind is not FileKind.FILE:
                    return None  # dead, or to a directory: that one is listed where it is
                attr = led
        elif attr.kind not in (FileKind.FILE, FileKind.DIRECTORY):
            return None
        size = attr.size_bytes if attr.kind is FileKind.FILE else 0
        return Item(key, size, attr.mtime_ns, attr.content, attr.mode, attr.uid, attr.gid, link)

    def _path(self, key: str) -> str:
        return f"{self._folder}/{key}"

    def read(self, item: Item) -> Iterator[bytes]:
        """See Store."""
        with self._tree.open_read(self._path(item.key)) as file:
            while data := file.read(_READ_BYTES):
                yield data

    def write(self, item: Item, content: Iterator[bytes], options: WriteOptions) -> None:
        """See Store."""
        path = self._path(item.key)
        if item.is_directory:
            attr = self._tree.mkdirs(path)
        elif item.link:
            if self._tree.find(path, follow=False) is not None:
                self._tree.remove(path)
            attr = self._tree.symlink(item.link, path)
        else:
            attr = self._tree.write(
                path, content, mtime_ns=item.mtime_ns or None, digest=item.digest
            )
        self._keep(attr, item, options)

    def _keep(self, attr: Attr, item: Item, options: WriteOptions) -> None:
        if options.perms and item.mode is not None:
            self._tree.meta.setattr(ROOT_CALLER, attr.ino, uid=item.uid, gid=item.gid)
            self._tree.meta.setattr(ROOT_CALLER, attr.ino, mode=item.mode)

    def delete(self, item: Item) -> None:
        """See Store. A directory that is not empty stays."""
        try:
            self._tree.remove(self._path(item.key))
        except MetaError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY):
                raise

    def digest(self, item: Item) -> str:
        """See Store."""
        if item.digest:
            return item.digest
        hasher = hashlib.sha256()
        for data in self.read(item):
            hasher.update(data)
        return f"sha256:{hasher.hexdigest()}"

    def close(self) -> None:
        """Close the volume, if nobody else uses it."""
        if self._close is not None:
            self._close()

    # --- from volume to volume ----------------------------------------------------------------

    def take(self, source: Store, item: Item, options: WriteOptions, progress: Progress) -> bool:
        """See TakesBlocks."""
        if not isinstance(source, VolumeTree) or item.is_directory or item.link:
            return False
        path = self._path(item.key)
        if item.digest:
            attr = self._tree.put_known(path, item.digest, mtime_ns=item.mtime_ns)
            if attr is not None:
                self._keep(attr, item, options)
                return True
        theirs, ours = source._volume.blocks, self._volume.blocks
        if theirs.block_size_bytes != ours.block_size_bytes:
            return False
        self._take_rows(source, path, item, options, progress)
        return True

    def _take_rows(
        self, source: VolumeTree, path: str, item: Item, options: WriteOptions, progress: Progress
    ) -> None:
        attr = source._tree.stat(source._path(item.key))
        parent, name = self._tree.place_for(path)
        partial, made = self._tree.begin(parent, name)
        try:
            try:
                for first, rows in _rows_of(source, attr):
                    made = self._put_rows(source, made.ino, first, rows, progress)
                made = self._tree.meta.setattr(ROOT_CALLER, made.ino, size=attr.size_bytes)
            finally:
                self._tree.meta.release(made.ino)
            self._tree.finish(made, digest=attr.content, mtime_ns=item.mtime_ns)
            self._keep(made, item, options)
            self._tree.publish(parent, partial, name)
        except BaseException:
            self._tree.discard(parent, partial)
            raise

    def _put_rows(
        self,
        source: VolumeTree,
        ino: int,
        first: int,
        rows: dict[int, Block],
        progress: Progress,
    ) -> Attr:
        """Put what the store lacks of these blocks, then the rows. Blocks that die meanwhile: again."""
        for attempt in itertools.count(1):
            try:
                self._put_missing(source, set(rows.values()), progress)
                self._volume.blocks.sync({row.digest for row in rows.values()})
                return self._tree.meta.write_blocks(ino, rows, size_bytes=0)
            except BlocksMissing:
                if attempt == _TRIES:
                    raise
                time.sleep(_PAUSE_S)
        raise AssertionError("counted without end")

    def _put_missing(self, source: VolumeTree, blocks: set[Block], progress: Progress) -> None:
        left = {block.digest: block for block in blocks}
        while left:
            states = self._tree.meta.reserve_blocks(left.values())
            for digest, state in states.items():
                if state is BlockState.UPLOAD:
                    data = source._volume.blocks.get(digest, left[digest].stored_bytes)
                    if self._volume.blocks.put(digest, data):
                        progress(len(data))
                if state is not BlockState.DYING:
                    del left[digest]
            if left:
                time.sleep(_PAUSE_S)


def _rows_of(source: VolumeTree, attr: Attr) -> Iterator[tuple[int, dict[int, Block]]]:
    """The rows of a file that are no holes, some at a time."""
    count = -(-attr.size_bytes // source._volume.blocks.block_size_bytes)
    for first in range(0, count, _ROWS):
        found = source._tree.meta.blocks(attr.ino, first, min(_ROWS, count - first))
        rows = {first + at: block for at, block in enumerate(found) if not block.is_hole}
        if rows:
            yield first, rows
