"""What was written to one inode and is not in its metadata yet.

Bytes are staged in a buffer per block. A block is sent to the object store when it is full, when memory
is short, or at a flush; its row waits until flush() commits all rows in one transaction, so that a
crash leaves the old content or the new. All state is guarded by the inode's lock.
"""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Mapping

from dfcore.errors import MeganeuraError
from dffs.buffers import new_buffer
from dffs.meta.types import Attr, Block, BlocksMissing, MetaError
from dffs.vfs.errors import as_os_error
from dffs.vfs.filehash import FileHash
from dffs.vfs.parts import Parts
from dffs.vfs.staged import Stage, StagedBlock
from dffs.vfs.upload import put_again, store_block
from dfinfra.logs import get_logger

_log = get_logger("dffs")

_SMALL_BUFFERS = (64 << 10, 512 << 10)
_COMMIT_TRIES = 10


class Writer:
    """`row_of` gives a block's row as the metadata have it; `committed` hears of each commit."""

    def __init__(
        self,
        ino: int,
        parts: Parts,
        lock: threading.Condition,
        row_of: Callable[[int], Block],
        committed: Callable[[Attr, Mapping[int, Block]], None],
    ) -> None:
        self._ino = ino
        self._parts = parts
        self._lock = lock
        self._row_of = row_of
        self._committed = committed
        self._staged: dict[int, StagedBlock] = {}
        self._pending: dict[int, Block] = {}
        self._unsynced: list[bytes] = []
        self._error: BaseException | None = None
        self._flushing = threading.Lock()
        self._hash: FileHash | None = None
        self.size_bytes = 0
        self.mtime_ns: int | None = None

    @property
    def dirty(self) -> bool:
        """There is something that flush() would commit."""
        return self.mtime_ns is not None

    def begin(self, size_bytes: int) -> None:
        """The inode is clean and has this size: with the next write it may not be."""
        if not self.dirty:
            self.size_bytes = size_bytes
            hashes = self._parts.policy.file_digests and size_bytes == 0
            self._hash = FileHash(self._parts.hashing) if hashes else None

    # --- writing ------------------------------------------------------------------------------

    def write(self, offset: int, data: memoryview) -> None:
        """Stage bytes. Waits while too much is staged; raises what went wrong in the background."""
        at = 0
        while at < len(data):
            index, start = divmod(offset + at, self._parts.block_bytes)
            part = data[at : at + self._parts.block_bytes - start]
            self._write_part(index, start, part)
            at += len(part)

    def _write_part(self, index: int, start: int, part: memoryview) -> None:
        end = start + len(part)
        while True:
            with self._lock:
                self._raise_error()
                staged = self._staged.get(index)
                if staged is not None and staged.stage is Stage.SENT:
                    self._lock.wait()
                    continue
                if staged is not None and staged.capacity >= end:
                    self._put(staged, start, part)
                    return
                held = 0 if staged is None else staged.capacity
            capacity = self._capacity(end)
            self._parts.budget.take(capacity - held)
            with self._lock:
                if not self._make_room(index, held, capacity):
                    self._parts.budget.give(capacity - held)

    def _capacity(self, end: int) -> int:
        return next((size for size in _SMALL_BUFFERS if size >= end), self._parts.block_bytes)

    def _make_room(self, index: int, held: int, capacity: int) -> bool:
        """A buffer that was paid for comes into place, unless things have changed meanwhile."""
        staged = self._staged.get(index)
        if (0 if staged is None else staged.capacity) != held:
            return False
        if staged is not None and staged.stage is Stage.SENT:
            return False
        pooled = capacity == self._parts.block_bytes
        buffer = self._parts.pool.get() if pooled else new_buffer(capacity)
        if staged is None:
            self._staged[index] = StagedBlock(index, buffer, pooled=pooled)
        else:
            staged.grow(buffer, pooled=pooled)
        return True

    def _put(self, staged: StagedBlock, start: int, part: memoryview) -> None:
        staged.write(start, part)
        offset = staged.index * self._parts.block_bytes + start
        if self._hash is not None:
            self._hash.spoil(offset)
        self.size_bytes = max(self.size_bytes, offset + len(part))
        self.mtime_ns = time.time_ns()
        if staged.covers(self._parts.block_bytes):
            self._send(staged)

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise as_os_error(error)

    # --- sending ------------------------------------------------------------------------------

    def send_open(self) -> bool:
        """Send every block that waits for more bytes; whether there were any."""
        with self._lock:
            waiting = [s for s in self._staged.values() if s.stage is Stage.OPEN]
            for staged in waiting:
                self._send(staged)
        return bool(waiting)

    def _send(self, staged: StagedBlock) -> None:
        self._mark_sent(staged)
        self._parts.uploads.submit(self._upload, staged)

    def _mark_sent(self, staged: StagedBlock) -> None:
        staged.stage = Stage.SENT
        if self._hash is None:
            return
        full = self._parts.block_bytes
        offset, length = staged.index * full, staged.end
        last = offset + length == self.size_bytes and self.size_bytes > full
        if (length == full or last) and staged.covers(length):
            staged.in_order = True
            if not self._hash.offer(offset, staged.view(length), lambda: self._hashed(staged)):
                staged.in_order = False
        elif self.size_bytes > full:
            self._hash.valid = False

    def _hashed(self, staged: StagedBlock) -> None:
        with self._lock:
            staged.in_order = False
            if self._staged.get(staged.index) is not staged:
                self._free(staged)

    def _upload(self, staged: StagedBlock) -> None:
        try:
            block = self._store(self._content(staged))
        except BaseException as error:  # told to the writer
            with self._lock:
                staged.stage = Stage.OPEN
                staged.pooled = False  # a request that timed out may still be reading the buffer
                self._error = error
                self._lock.notify_all()
            if not isinstance(error, (MeganeuraError, OSError)):
                _log.exception("upload failed", ino=self._ino)
            return
        with self._lock:
            self._pending[staged.index] = block
            self._settled(block)
            self._unsynced.append(block.digest)
            del self._staged[staged.index]
            if not staged.in_order:
                self._free(staged)
            self._lock.notify_all()

    def _settled(self, block: Block) -> None:
        """A block that was just stored has got its row. With the lock held."""

    def _store(self, data: memoryview) -> Block:
        return store_block(self._parts, data)

    def _content(self, staged: StagedBlock) -> memoryview:
        if staged.covers(self._parts.block_bytes):
            return staged.view(self._parts.block_bytes)
        with self._lock:
            base = self._pending.get(staged.index) or self._row_of(staged.index)
        length = max(staged.end, base.length_bytes)
        if staged.covers(length):
            return staged.view(length)
        kept = memoryview(b"")
        if not base.is_hole:
            kept = self._parts.fetcher.block(base)[: base.length_bytes]
        if length > staged.capacity:
            buffer = new_buffer(length)
            self._parts.budget.give(staged.capacity - length)
            with self._lock:
                staged.grow(buffer, pooled=False)
        return staged.fill_gaps(kept, length)

    def _free(self, staged: StagedBlock) -> None:
        self._parts.budget.give(staged.capacity)
        if staged.pooled:
            self._parts.pool.put(staged.buffer)

    # --- reading back -------------------------------------------------------------------------

    def overlay(self, offset: int, length: int) -> tuple[dict[int, Block], list[tuple[int, bytes]]]:
        """What lies over the committed content in a range: rows that are stored and not committed,
        and copies of bytes still staged with their offsets in the file. With the lock held."""
        size = self._parts.block_bytes
        indexes = range(offset // size, -(-(offset + length) // size))
        rows = {i: self._pending[i] for i in indexes if i in self._pending}
        staged: list[tuple[int, bytes]] = []
        for i in indexes:
            if i in self._staged:
                start = i * size
                pieces = self._staged[i].pieces(offset - start, offset + length - start)
                staged += [(start + at, data) for at, data in pieces]
        return rows, staged

    # --- committing ---------------------------------------------------------------------------

    def flush(self, *, durable: bool = False) -> bool:
        """Everything written so far is stored and committed: True. OSError if it cannot be; nothing
        is forgotten then, and the next flush tries again. `durable` is for those that only
        promise it (dffs.vfs.promising): False."""
        self.commit()
        return True

    def commit(self) -> None:
        """flush(), and nothing is left to a promise."""
        with self._flushing:
            if self.dirty:
                self._finish_uploads()
                with self._lock:
                    assert self.mtime_ns is not None
                    changes, size, mtime = dict(self._pending), self.size_bytes, self.mtime_ns
                self._commit(changes, size, mtime)

    def publish(self) -> None:
        """Commit what was promised."""
        self.commit()

    def _finish_uploads(self) -> None:
        with self._lock:
            self._error = None
            waiting = [s for s in self._staged.values() if s.stage is Stage.OPEN]
            alone = len(waiting) == len(self._staged) == 1
            for staged in waiting:
                if alone:
                    self._mark_sent(staged)
                else:
                    self._send(staged)
        if alone:
            self._upload(waiting[0])
        with self._lock:
            self._lock.wait_for(lambda: all(s.stage is Stage.OPEN for s in self._staged.values()))
            self._raise_error()

    def _commit(self, changes: Mapping[int, Block], size: int, mtime: int) -> None:
        try:
            attr = self._write_rows(changes, size, mtime)
        except MeganeuraError as error:
            raise as_os_error(error) from error
        with self._lock:
            hashed = self._hash
            for index, block in changes.items():
                if self._pending.get(index) is block:
                    del self._pending[index]
            if not self._staged and not self._pending and self.mtime_ns == mtime:
                self.mtime_ns = None
                self._hash = None
            self._committed(attr, changes)
        self._name_content(attr, hashed)

    def _write_rows(self, changes: Mapping[int, Block], size: int, mtime: int) -> Attr:
        for _ in range(_COMMIT_TRIES):
            try:
                return self._parts.meta.write_blocks(
                    self._ino, changes, size_bytes=size, mtime_ns=mtime
                )
            except BlocksMissing as error:
                put_again(self._parts, error.digests, changes.values())
        raise MetaError(errno.EIO, "blocks are deleted again and again while they are written")

    def _name_content(self, attr: Attr, hashed: FileHash | None) -> None:
        if hashed is None or hashed.size_bytes != attr.size_bytes or not hashed.valid:
            return
        digest = hashed.digest()
        if digest is not None and attr.size_bytes > self._parts.block_bytes:
            try:
                self._parts.meta.set_content(self._ino, attr.version, digest)
            except (OSError, MeganeuraError) as error:
                _log.info("content stays unnamed", ino=self._ino, reason=str(error))

    def sync(self) -> bool:
        """flush(), and all that was flushed survives a power cut. True if it is committed."""
        if not self.flush(durable=True):
            return False
        with self._lock:
            digests, self._unsynced = self._unsynced, []
        try:
            self._parts.blocks.sync(digests)
            self._parts.meta.sync()
        except BaseException as error:
            with self._lock:
                self._unsynced = digests + self._unsynced
            raise as_os_error(error) from error
        return True

    def discard(self) -> None:
        """Give up what is not committed."""
        with self._flushing, self._lock:
            self._lock.wait_for(lambda: all(s.stage is Stage.OPEN for s in self._staged.values()))
            for staged in self._staged.values():
                if not staged.in_order:
                    self._free(staged)
            self._staged.clear()
            self._pending.clear()
            self.mtime_ns = self._error = self._hash = None
