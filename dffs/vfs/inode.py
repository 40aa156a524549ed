"""One inode that is open in this process: the same content for all its handles.

Reads see what was written here at once; what other nodes wrote is seen by the next open. The lock is
held for looking and for copying staged bytes, never while the network or a disk is waited for.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace

from dffs.meta.types import HOLE_BLOCK, Attr, Block, Caller
from dffs.vfs.content import Content
from dffs.vfs.errors import as_os_error
from dffs.vfs.parts import Parts
from dffs.vfs.promising import PromisingWriter
from dffs.vfs.writer import Writer

_LOOKS = 10


class Inode:
    """`handles` and `owed_releases` are the owner's: open handles, and those that the engine has not
    heard the end of (dffs.vfs.files). `written` tells that something was committed."""

    def __init__(self, attr: Attr, parts: Parts, content: Content | None = None) -> None:
        self.ino = attr.ino
        self.handles = 0
        self.owed_releases = 0
        self.written = False
        self._parts = parts
        self._lock = threading.Condition(threading.Lock())
        self._loading = threading.Lock()
        self._attr = attr
        self._content = content
        self._writer = self._new_writer()

    def _new_writer(self) -> Writer:
        parts, lock = self._parts, self._lock
        if parts.staging is None:
            return Writer(self.ino, parts, lock, self._row_of, self._committed)
        return PromisingWriter(
            self.ino,
            parts,
            lock,
            self._row_of,
            self._committed,
            version=self._version,
            staging=parts.staging,
        )

    @property
    def dirty(self) -> bool:
        """Something was written that is not committed."""
        return self._writer.dirty

    @property
    def attr(self) -> Attr:
        """As this process sees it."""
        with self._lock:
            return self._seen(self._attr)

    def seen(self, attr: Attr) -> Attr:
        """Attributes from the engine with what is not committed yet."""
        with self._lock:
            return self._seen(attr)

    def _seen(self, attr: Attr) -> Attr:
        mtime = self._writer.mtime_ns
        if mtime is None:
            return attr
        size = max(attr.size_bytes, self._writer.size_bytes)
        return replace(attr, size_bytes=size, mtime_ns=mtime, ctime_ns=max(attr.ctime_ns, mtime))

    def refresh(self, attr: Attr) -> None:
        """Somebody opens the file and got these attributes from the engine."""
        with self._lock:
            if attr.version == self._attr.version or self._writer.dirty:
                return
            self._attr = attr
            content, self._content = self._content, None
        if content is not None:
            content.park()

    def look_again(self) -> None:
        """The content may have been changed by somebody else."""
        self._became(self._parts.meta.getattr(self.ino), changed=True)

    def _became(self, attr: Attr, *, changed: bool) -> None:
        with self._lock:
            self._attr = attr
            content = self._content if changed else None
            if changed:
                self._content = None
        if content is not None:
            content.park()

    # --- reading ------------------------------------------------------------------------------

    def content(self) -> Content:
        """The committed content, its rows loaded."""
        content = self._content
        if content is not None:
            return content
        with self._loading:
            if self._content is None:
                self._load()
            assert self._content is not None
            return self._content

    def _load(self) -> None:
        for look in range(_LOOKS):
            with self._lock:
                attr = self._attr
            count = -(-attr.size_bytes // self._parts.block_bytes)
            blocks = self._parts.meta.blocks(self.ino, 0, count) if count else []
            # Rows and attributes are two looks: between them somebody may have written.
            now = self._parts.meta.getattr(self.ino) if count else attr
            with self._lock:
                if now.version == attr.version or look == _LOOKS - 1:
                    self._content = Content(
                        blocks, attr.size_bytes, self._parts, digest=now.content
                    )
                    return
                self._attr = now

    def read_into(self, offset: int, view: memoryview) -> int:
        """Fill the view; how many bytes there were up to the end of the file."""
        try:
            if not self._writer.dirty:
                return self.content().read_into(offset, view)
            return self._read_dirty(offset, view)
        except Exception as error:
            raise as_os_error(error) from error

    def pread(self, offset: int, size: int) -> bytes | None:
        """The same, copied once, if all of it is in the node's file; None if it is not."""
        content = self._content
        return None if content is None or self._writer.dirty else content.pread(offset, size)

    def _read_dirty(self, offset: int, view: memoryview) -> int:
        self.content()
        with self._lock:
            content = self._content
            size = max(self._attr.size_bytes, self._writer.size_bytes)
            view = view[: max(size - offset, 0)]
            rows, staged = self._writer.overlay(offset, len(view))
        if content is None:
            return self._read_dirty(offset, view)
        done = content.read_into(offset, view)
        view[done:] = bytes(len(view) - done)
        for index, row in rows.items():
            self._read_row(index, row, offset, view)
        for at, data in staged:
            view[at - offset : at - offset + len(data)] = data
        return len(view)

    def _read_row(self, index: int, row: Block, offset: int, view: memoryview) -> None:
        """Bytes of a block that is stored and not committed."""
        start = index * self._parts.block_bytes
        data = self._parts.fetcher.block(row)[: row.length_bytes]
        lo, hi = max(start, offset), min(start + len(data), offset + len(view))
        if lo < hi:
            view[lo - offset : hi - offset] = data[lo - start : hi - start]

    # --- writing ------------------------------------------------------------------------------

    def write(self, offset: int | None, data: memoryview) -> int:
        """Stage bytes; at the end of the file with None."""
        with self._lock:
            size = self._attr.size_bytes
            self._writer.begin(size)
            if offset is None:
                offset = max(size, self._writer.size_bytes)
        self._writer.write(offset, data)
        return len(data)

    def _row_of(self, index: int) -> Block:
        # Called by the writer with the lock held, for blocks of which a part was written.
        if self._content is not None:
            return self._content.block(index)
        if index * self._parts.block_bytes >= self._attr.size_bytes:
            return HOLE_BLOCK
        return self._parts.meta.blocks(self.ino, index, 1)[0]

    def _version(self) -> int:
        return self._attr.version

    def _committed(self, attr: Attr, changes: Mapping[int, Block]) -> None:
        # With the lock held: whoever reads takes content and staged bytes in one look.
        before, alone = self._content, attr.version == self._attr.version + 1
        if before is None and self._attr.size_bytes == 0:
            before = Content((), 0, self._parts)
        self._attr, self._content = attr, None
        self.written = True
        if before is not None and alone:
            self._content = before.changed(changes, attr.size_bytes)
        if before is not None:
            before.park()

    def send_open(self) -> bool:
        """Memory is short: send what waits for more bytes."""
        return self._writer.send_open()

    def flush(self) -> bool:
        """Commit what was written, or promise it (--writeback): False."""
        return self._writer.flush()

    def sync(self) -> bool:
        """The same, durably."""
        return self._writer.sync()

    def commit(self) -> None:
        """Commit what was written."""
        self._writer.commit()

    def publish(self) -> None:
        """Commit what was promised."""
        self._writer.publish()

    def discard(self) -> None:
        """Forget what was written and not committed."""
        self._writer.discard()

    def truncate(self, caller: Caller, size: int, *, opened: bool) -> Attr:
        """Cut or extend; what was written before is committed first."""
        self.commit()
        try:
            attr = self._parts.meta.setattr(caller, self.ino, size=size, opened=opened)
        except Exception as error:
            raise as_os_error(error) from error
        self._became(attr, changed=True)
        return attr

    def changed_by_engine(self, attr: Attr) -> None:
        """The engine itself changed rows: fallocate, copy_range."""
        self._became(attr, changed=True)

    def last_content(self) -> tuple[int, Content] | None:
        """Version and content, for somebody who opens the file soon again. Parked."""
        with self._lock:
            content, version = self._content, self._attr.version
        if content is None:
            return None
        content.park()
        return version, content
