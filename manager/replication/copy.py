"""Copies files from volume to volume: only blocks that the target lacks travel. Blocking.

A file whose content the target holds is rows alone. Of any other, the target's metadata and store are
asked block by block, so that an interrupted copy goes on where it stopped, and blocks that another
version brought are not sent again. Volumes may have other codecs and keys: a block is opened and sealed
anew; with another block size files go as bytes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dfcore.errors import MeganeuraError, NotFound
from dffs.meta.types import Attr, Block, BlockState
from dffs.tree import Tree
from dffs.volume import Volume
from manager.models.names import FileEntry
from manager.models.shelf import Shelf

_BATCH_BLOCKS = 16
_THREADS = 8
_DYING_PAUSE_S = 0.2
_DYING_TRIES = 300

Tell = Callable[[int], None]
"""Told how many bytes of the file are in place."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a file cost."""

    sent_bytes: int
    sent_blocks: int
    by_rows: bool


class Copier:
    """Copies from one volume to another. ``stop`` breaks it off between blocks."""

    def __init__(self, source: Volume, target: Volume, stop: threading.Event) -> None:
        self._source = source
        self._target = target
        self._tree = Tree(target.meta, target.files)
        self._stop = stop
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="replication")
        self._lock = threading.Lock()
        self._copied: list[Copied] = []

    def result(self, files: int) -> dict[str, int]:
        """What travelled, all in all."""
        with self._lock:
            copied = list(self._copied)
        return {
            "copied_bytes": sum(one.sent_bytes for one in copied),
            "copied_blocks": sum(one.sent_blocks for one in copied),
            "copied_files": sum(1 for one in copied if not one.by_rows),
            "files": files,
        }

    def close(self) -> None:
        """Let the threads go."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def file(self, entry: FileEntry, path: str, tell: Tell) -> Copied:
        """Have a file at a path of the target; nothing is there unless all of it is."""
        copied = self._file(entry, path, tell)
        with self._lock:
            self._copied.append(copied)
        return copied

    def _file(self, entry: FileEntry, path: str, tell: Tell) -> Copied:
        there = self._tree.find(path, follow=False)
        if there is not None and there.content == entry.digest:
            return Copied(0, 0, by_rows=True)
        if self._tree.put_known(path, entry.digest) is not None:
            tell(entry.size_bytes)
            return Copied(0, 0, by_rows=True)
        source = self._source.meta.by_content(entry.digest)
        if source is None and entry.size_bytes:
            raise NotFound(f"{entry.path}: volume {self._source.name} has lost this content")
        if source is None:
            self._tree.write(path, (), digest=entry.digest)
            return Copied(0, 0, by_rows=True)
        if self._source.settings.block_size_bytes != self._target.settings.block_size_bytes:
            return self._by_bytes(entry, path, tell)
        return self._by_blocks(source, entry, path, tell)

    def _by_bytes(self, entry: FileEntry, path: str, tell: Tell) -> Copied:
        def content() -> Iterator[bytes]:
            done = 0
            for data in Shelf(self._source).content(entry.digest, 0, entry.size_bytes):
                self._check_stop()
                done += len(data)
                yield data
                tell(done)

        self._tree.write(path, content(), digest=entry.digest)
        return Copied(entry.size_bytes, 0, by_rows=False)

    def _by_blocks(self, source: int, entry: FileEntry, path: str, tell: Tell) -> Copied:
        parent, name = self._tree.place_for(path)
        partial, attr = self._tree.begin(parent, name)
        sent_bytes = sent_blocks = 0
        try:
            size = self._source.settings.block_size_bytes
            for first in range(0, -(-entry.size_bytes // size), _BATCH_BLOCKS):
                sent = self._batch(source, attr, first, entry.size_bytes)
                sent_bytes, sent_blocks = sent_bytes + sent[0], sent_blocks + sent[1]
                tell(min(entry.size_bytes, (first + _BATCH_BLOCKS) * size))
            filled = self._target.meta.getattr(attr.ino)
            if filled.size_bytes != entry.size_bytes:
                raise MeganeuraError(f"{entry.path}: its size in the source is another")
            self._tree.finish(filled, digest=entry.digest)
            self._tree.publish(parent, partial, name)
        except BaseException:
            self._tree.discard(parent, partial)
            raise
        finally:
            self._target.meta.release(attr.ino)
        return Copied(sent_bytes, sent_blocks, by_rows=False)

    def _batch(self, source: int, attr: Attr, first: int, size_bytes: int) -> tuple[int, int]:
        """Bring a run of blocks; bytes and blocks that travelled."""
        rows = self._source.meta.blocks(source, first, _BATCH_BLOCKS)
        real = {row.digest: row for row in rows if not row.is_hole}
        sent = list(self._executor.map(self._bring, self._to_upload(list(real.values()))))
        self._target.blocks.sync(real)
        changes = {first + number: row for number, row in enumerate(rows) if not row.is_hole}
        end = min(size_bytes, (first + len(rows)) * self._target.settings.block_size_bytes)
        self._target.meta.write_blocks(attr.ino, changes, size_bytes=end)
        return sum(sent), sum(1 for count in sent if count)

    def _to_upload(self, blocks: list[Block]) -> list[Block]:
        """Blocks that the target's metadata do not know; those that are being deleted are waited for."""
        for _ in range(_DYING_TRIES):
            states = self._target.meta.reserve_blocks(blocks)
            if BlockState.DYING not in states.values():
                return [b for b in blocks if states.get(b.digest) is not BlockState.STORED]
            self._check_stop()
            time.sleep(_DYING_PAUSE_S)
        raise MeganeuraError("blocks of the target are being deleted and do not go")

    def _bring(self, block: Block) -> int:
        """Bytes that travelled: none if the object is there, from a copy that was broken off."""
        self._check_stop()
        if self._target.blocks.exists(block.digest):
            return 0
        data = self._source.blocks.get(block.digest, block.stored_bytes)
        self._target.blocks.put(block.digest, data)
        return len(data)

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Stopped


class Stopped(MeganeuraError):  # noqa: N818 - it says what happened
    """The copy was broken off; what is there stays for the next try."""

    code = "stopped"
    retryable = True
