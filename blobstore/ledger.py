"""The one writer of a disk's index: gathers changes, writes them in batches, proves sealed blobs.

Callers hand over rows and go on; a thread writes them some milliseconds later in one transaction.
A sealed blob is written down at once as *sealed* and, after its bytes were forced to the disk, as
*durable*. Forcing is done for all blobs of a disk together, so that a thousand small files cost one
sync and not a thousand. A crash in between costs a look at the bytes on the next start.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
from collections.abc import Callable

from blobstore import files, journal
from blobstore.disks import Disk
from blobstore.index import Index, Row
from blobstore.model import State

#: How long changes are gathered before they are written.
GATHER_S = 0.02
#: How often times of last use are written, if nothing else is.
TOUCH_INTERVAL_S = 60.0
#: How long to wait before trying again to write to a full disk.
FULL_PAUSE_S = 1.0
#: Up to so many files are forced to the disk one by one; more of them by one syncfs(2), which
#: also writes what running downloads have in the page cache.
SYNC_SINGLY = 16


class Ledger:
    """Pending changes of one disk and the thread that writes them. Any thread may call."""

    def __init__(
        self,
        disk: Disk,
        index: Index,
        *,
        sync_interval_s: float,
        on_durable: Callable[[Row], None],
        on_failure: Callable[[Disk, Exception], None],
    ) -> None:
        self._disk = disk
        self._index = index
        self._sync_interval_s = sync_interval_s
        self._on_durable = on_durable
        self._on_failure = on_failure
        self._changed = threading.Condition()
        self._rows: dict[str, Row | None] = {}
        self._writing: dict[str, Row | None] = {}
        self._touched: dict[str, float] = {}
        self._unproven: dict[str, Row] = {}
        self._proven: list[Row] = []
        self._next_sync: float | None = None
        self._next_touch = time.monotonic() + TOUCH_INTERVAL_S
        self._flushes_wanted = 0
        self._flushes_done = 0
        self._stopping = False
        self._dead = False
        self._thread = threading.Thread(
            target=self._run, name=f"blobstore-index-{disk.root.name}", daemon=True
        )

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, row: Row) -> None:
        """Write a row down soon. A sealed one is forced to the disk and made durable as well."""
        with self._changed:
            self._rows[row.blob_id] = row
            self._touched.pop(row.blob_id, None)
            self._unproven.pop(row.blob_id, None)
            if row.state == State.SEALED:
                self._unproven[row.blob_id] = row
                if self._next_sync is None:
                    self._next_sync = time.monotonic() + self._sync_interval_s
            self._changed.notify_all()

    def remove(self, blob_id: str) -> None:
        """The blob is gone."""
        with self._changed:
            self._rows[blob_id] = None
            self._touched.pop(blob_id, None)
            self._unproven.pop(blob_id, None)
            self._changed.notify_all()

    def touch(self, blob_id: str, when: float) -> None:
        """Remember a time of last use, some time."""
        with self._changed:
            self._touched[blob_id] = when

    def find(self, blob_id: str) -> Row | None:
        """The row as last put, wherever it is by now."""
        with self._changed:
            for pending in (self._rows, self._writing):
                if blob_id in pending:
                    return pending[blob_id]
        # Written in this very moment? Then the index has it: rows leave `_writing` after that.
        return self._index.get(blob_id)

    def rows(self) -> list[Row]:
        """All rows, without meta and digests: what was put and what is in the index."""
        with self._changed:
            pending = {**self._writing, **self._rows}
        found = {row.blob_id: row for row in self._index.rows()}
        for blob_id, row in pending.items():
            if row is None:
                found.pop(blob_id, None)
            else:
                found[blob_id] = row
        return list(found.values())

    def flush(self) -> None:
        """Wait until everything that was handed over is written, and sealed blobs are durable."""
        with self._changed:
            self._flushes_wanted += 1
            ticket = self._flushes_wanted
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._dead or self._flushes_done >= ticket)

    def close(self) -> None:
        """Write everything, stop the thread, close the index."""
        self.flush()
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()
        try:
            # What a full disk did not take has to be found again by a repair.
            self._index.close(clean=not self._dead and not self._rows)
        except sqlite3.Error as error:
            self._on_failure(self._disk, error)

    def abandon(self) -> None:
        """Stop without writing anything more: the disk has failed. Returns at once."""
        with self._changed:
            self._dead = True
            self._changed.notify_all()

    def _run(self) -> None:
        stopped = False
        try:
            while self._work_once():
                pass
            stopped = True
        except (sqlite3.Error, OSError) as error:
            self._on_failure(self._disk, error)
        finally:
            if not stopped:
                self.abandon()  # or flush() would wait for ever

    def _work_once(self) -> bool:
        with self._changed:
            self._changed.wait_for(self._is_due, self._timeout())
            if not self._in_haste():
                # Gather: whatever else comes within this time shares the transaction.
                self._changed.wait_for(self._in_haste, GATHER_S)
            if self._dead:
                return False
            ticket = self._flushes_wanted
            stopping = self._stopping
            in_haste = self._in_haste()
        if self._write() and (in_haste or self._sync_due()):
            self._prove()
            self._write()
        with self._changed:
            self._flushes_done = max(self._flushes_done, ticket)
            self._changed.notify_all()
        return not stopping

    def _in_haste(self) -> bool:
        return self._dead or self._stopping or self._flushes_wanted > self._flushes_done

    def _is_due(self) -> bool:
        return (
            self._dead
            or bool(self._rows)
            or self._flushes_wanted > self._flushes_done
            or self._stopping
            or self._sync_due()
        )

    def _sync_due(self) -> bool:
        return self._next_sync is not None and time.monotonic() >= self._next_sync

    def _timeout(self) -> float:
        now = time.monotonic()
        deadline = self._next_touch if self._next_sync is None else self._next_sync
        return max(min(deadline, self._next_touch) - now, 0.0)

    def _write(self) -> bool:
        """Write what is pending; False if the disk is too full for that, it is tried again."""
        with self._changed:
            self._writing, self._rows = self._rows, {}
            touched: dict[str, float] = {}
            if self._in_haste() or time.monotonic() >= self._next_touch:
                touched, self._touched = self._touched, {}
                self._next_touch = time.monotonic() + TOUCH_INTERVAL_S
            writing = self._writing
            proven, self._proven = self._proven, []
        full = False
        if writing or touched or proven:
            full = not self._apply(writing, touched, proven)
        with self._changed:
            if full:
                self._rows = {**writing, **self._rows}
                self._proven = [*proven, *self._proven]
                # Nothing is lost but time: eviction makes room, or the next start checks more.
                self._changed.wait_for(self._in_haste, FULL_PAUSE_S)
            self._writing = {}
        return not full

    def _apply(
        self, writing: dict[str, Row | None], touched: dict[str, float], proven: list[Row]
    ) -> bool:
        try:
            self._index.apply(
                [row for row in writing.values() if row is not None],
                [blob_id for blob_id, row in writing.items() if row is None],
                touched.items(),
                proven,
            )
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
                raise
            return False
        return True

    def _prove(self) -> None:
        with self._changed:
            rows = list(self._unproven.values())
            self._next_sync = None
        if len(rows) > SYNC_SINGLY:
            files.sync_file_system(self._disk.root)
        for row in rows:
            self._prove_one(row, is_synced=len(rows) > SYNC_SINGLY)

    def _prove_one(self, row: Row, *, is_synced: bool) -> None:
        path = self._disk.blob_path(row.blob_id, row.nonce)
        try:
            if not is_synced:
                files.sync_file(path)
                files.sync_directory(path.parent)
            if row.has_journal:
                self._note_durable(row)
        except FileNotFoundError:
            return  # deleted meanwhile
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            return  # it stays sealed, and is looked at on the next start
        with self._changed:
            if self._unproven.get(row.blob_id) is not row:
                return  # deleted, or made anew
            del self._unproven[row.blob_id]
            self._proven.append(row)
        self._on_durable(row)

    def _note_durable(self, row: Row) -> None:
        # For a rebuild of a lost index. Without it the blob is only read again then.
        path = self._disk.journal_path(row.blob_id, row.nonce)
        try:
            fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            os.write(fd, journal.durable_frame(row.digest))
        finally:
            os.close(fd)
