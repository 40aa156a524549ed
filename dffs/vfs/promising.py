"""The writer of --writeback: a flush promises, and what was promised is published later, exactly.

Blocks are kept on this node, pinned. What was written after a promise waits for the next one, so that a
crash, here or before the object store has everything, leaves the file as it was at some flush.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from threading import Condition

from blobstore import Pin
from dfcore.errors import MeganeuraError
from dffs.blocks.names import block_digest
from dffs.cache.staging import Promise, Staging
from dffs.meta.types import Attr, Block
from dffs.vfs.errors import as_os_error
from dffs.vfs.parts import Parts
from dffs.vfs.upload import store_again, store_block
from dffs.vfs.writer import Writer


class PromisingWriter(Writer):
    """See Writer."""

    def __init__(
        self,
        ino: int,
        parts: Parts,
        lock: Condition,
        row_of: Callable[[int], Block],
        committed: Callable[[Attr, Mapping[int, Block]], None],
        *,
        version: Callable[[], int],
        staging: Staging,
    ) -> None:
        super().__init__(ino, parts, lock, row_of, committed)
        self._version = version
        self._staging = staging
        self._arriving: dict[int, Pin] = {}  # by the identity of blocks that have no row yet
        self._kept: list[tuple[Block, Pin]] = []
        self._promised: Promise | None = None

    def _store(self, data: memoryview) -> Block:
        """On this node, as long as that has room; else in the object store at once."""
        block = Block.whole(block_digest(data), len(data))
        try:
            pin = self._staging.keep(block.digest, data)
        except MeganeuraError:
            return store_block(self._parts, data)
        with self._lock:
            self._arriving[id(block)] = pin
        return block

    def _settled(self, block: Block) -> None:
        pin = self._arriving.pop(id(block), None)
        if pin is not None:
            self._kept.append((block, pin))

    def flush(self, *, durable: bool = False) -> bool:
        """Everything written so far is on this node, and promised: False if that was needed."""
        with self._flushing:
            if not self.dirty:
                return True
            self._finish_uploads()
            self._promise(durable=durable)
            return False

    def _promise(self, *, durable: bool) -> None:
        with self._lock:
            assert self.mtime_ns is not None
            promise = Promise(
                self._ino, self._version(), self.size_bytes, self.mtime_ns, dict(self._pending)
            )
        try:
            self._staging.promise(promise, durable=durable)
        except (MeganeuraError, OSError) as error:
            raise as_os_error(error) from error
        self._promised = promise

    def publish(self) -> None:
        """Store and commit what was promised last. What was written after that stays where it is."""
        while (promise := self._promised) is not None:
            self._store_kept(promise.blocks.values())
            with self._flushing:
                if self._promised is promise:
                    self._keep_promise(promise)

    def _keep_promise(self, promise: Promise) -> None:
        self._commit(promise.blocks, promise.size_bytes, promise.mtime_ns)
        self._promised = None
        self._staging.kept(self._ino)
        self._let_go()

    def commit(self) -> None:
        """See Writer."""
        with self._flushing:
            if self.dirty:
                self._finish_uploads()
                self._promise(durable=False)
        self.publish()

    def _store_kept(self, blocks: Iterable[Block]) -> None:
        wanted = {block.digest for block in blocks}
        with self._lock:
            kept = {b.digest: b for b, _ in self._kept if b.digest in wanted}
        store = partial(store_again, self._parts)
        try:
            for _ in self._parts.uploads.map(store, kept.values()):
                continue
        except MeganeuraError as error:
            raise as_os_error(error) from error

    def _let_go(self) -> None:
        """Blocks that are stored, or were written over before that, need no place here."""
        with self._lock:
            needed = {id(block) for block in self._pending.values()}
            done = [pin for block, pin in self._kept if id(block) not in needed]
            self._kept = [(block, pin) for block, pin in self._kept if id(block) in needed]
        for pin in done:
            pin.release()

    def discard(self) -> None:
        """See Writer."""
        super().discard()
        with self._flushing:
            self._promised = None
            self._staging.kept(self._ino)
        self._let_go()
