"""What the store holds at this moment, and every change to it: the one place its lock guards.

Ties together the catalog (what there is), the live blob objects and the ledgers (what is written
down). BlobStore, Room and the blobs themselves (as their Keeper) work on it from any thread.
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections import OrderedDict

from blobstore.blob import Blob
from blobstore.catalog import Catalog, Entry
from blobstore.config import StoreConfig
from blobstore.disks import Disk, DiskFailed
from blobstore.index import Row, make_row
from blobstore.ledger import Ledger
from blobstore.model import BlobMeta, State
from blobstore.unitbook import UnitBook
from dfcore.errors import MeganeuraError, NotFound
from dfinfra.clock import Clock
from dfinfra.logs import get_logger

_log = get_logger("blobstore")


class Holdings:
    """Lock order: a blob's lock, then this one, then a ledger's; never the other way."""

    def __init__(self, config: StoreConfig, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self.lock = threading.Lock()
        self.disks = tuple(Disk(disk) for disk in config.disks)
        self.catalog = Catalog(self.disks)
        self.ledgers: dict[Disk, Ledger] = {}
        self.closing = False
        #: Every object somebody holds, so that there is one per blob.
        self._live: weakref.WeakValueDictionary[str, Blob] = weakref.WeakValueDictionary()
        #: Unsealed blobs are kept alive here: their bits would be lost with the object.
        self.filling: dict[str, Blob] = {}
        #: The last ones used keep their descriptor open.
        self._recent: OrderedDict[str, Blob] = OrderedDict()

    # --- finding ------------------------------------------------------------------------------

    def blob(self, blob_id: str, *, touch: bool = True) -> Blob | None:
        """The object of a blob, made from its index row if nobody has it."""
        with self.lock:
            entry = self.catalog.find(blob_id)
            if entry is None:
                return None
            if touch:
                self._touch(entry)
            blob = self._live.get(blob_id)
            if blob is not None:
                self._remember(blob, entry)
                return blob
        row = self._row(entry)
        if row is None or row.nonce != entry.nonce:
            return None
        meta = BlobMeta.from_json(row.meta)
        digests = None if row.has_journal else row.digests or b""
        with self.lock:
            if self.catalog.find(blob_id) is not entry:
                return None
            blob = self._live.get(blob_id)
            if blob is None:
                units = UnitBook(row.geometry, full=entry.complete, digests=digests)
                blob = self._live[blob_id] = Blob(self, entry, row.geometry, meta, units)
            self._remember(blob, entry)
            return blob

    def _row(self, entry: Entry) -> Row | None:
        ledger = self.ledgers.get(entry.disk)
        try:
            return None if ledger is None else ledger.find(entry.blob_id)
        except sqlite3.Error as error:
            self.take_out(entry.disk, error)
            return None

    def _remember(self, blob: Blob, entry: Entry) -> None:
        if entry.state is State.FILLING:
            return
        self._recent[blob.id] = blob
        self._recent.move_to_end(blob.id)
        if len(self._recent) > self.config.idle_open_files:
            self._recent.popitem(last=False)

    # --- changing -----------------------------------------------------------------------------

    def add(self, blob: Blob, entry: Entry) -> bool:
        """A new blob; False if another thread was faster with this id."""
        with self.lock:
            if self.catalog.find(entry.blob_id) is not None:
                return False
            self.catalog.add(entry)
            self._live[entry.blob_id] = self.filling[entry.blob_id] = blob
            if blob.geometry.unit_count > 1:
                self._write_down(blob, entry)
            return True

    def remove(self, entry: Entry) -> bool:
        """Let a blob go and delete its files; False if it was gone already."""
        with self.lock:
            if self.catalog.find(entry.blob_id) is not entry:
                return False
            blob = self._let_go(entry)
        if blob is not None:
            blob.forget()
        self.delete_files(entry.disk, entry.blob_id, entry.nonce)
        return True

    def _let_go(self, entry: Entry) -> Blob | None:
        self.catalog.remove(entry)
        self.filling.pop(entry.blob_id, None)
        self._recent.pop(entry.blob_id, None)
        if (ledger := self.ledgers.get(entry.disk)) is not None:
            ledger.remove(entry.blob_id)
        return self._live.pop(entry.blob_id, None)

    def delete_files(self, disk: Disk, blob_id: str, nonce: int) -> None:
        """Unlink the files of one incarnation of a blob."""
        try:
            disk.blob_path(blob_id, nonce).unlink(missing_ok=True)
            disk.journal_path(blob_id, nonce).unlink(missing_ok=True)
        except OSError as error:
            self.failure(disk, error)

    def load(self, disk: Disk, rows: list[Row]) -> None:
        """What a disk holds, on start."""
        with self.lock:
            for row in rows:
                # Two disks have it if one of them was out for a while: the better one stays.
                double = self.catalog.find(row.blob_id)
                if double is not None and double.state >= row.state:
                    self.ledgers[disk].remove(row.blob_id)
                    self.delete_files(disk, row.blob_id, row.nonce)
                    continue
                if double is not None:
                    self._let_go(double)
                    self.delete_files(double.disk, double.blob_id, double.nonce)
                self.catalog.add(_entry_of(disk, row))

    def let_objects_go(self) -> None:
        """The store is closed: objects stay readable for who holds them, none is kept alive."""
        with self.lock:
            self.filling.clear()
            self._recent.clear()

    def _write_down(self, blob: Blob, entry: Entry) -> None:
        if (ledger := self.ledgers.get(entry.disk)) is not None:
            ledger.put(_row_of(blob, entry))

    def record_durable(self, row: Row) -> None:
        """The ledger forced the bytes of a sealed blob to the disk."""
        with self.lock:
            entry = self.catalog.find(row.blob_id)
            if entry is not None and entry.nonce == row.nonce and entry.state is State.SEALED:
                entry.state = State.DURABLE

    def take_out(self, disk: Disk, error: Exception) -> None:
        """A disk has failed: what it holds is absent until the next start."""
        with self.lock:
            if not disk.healthy:
                return
            disk.failure = f"{disk.root}: {error}"
            lost = self.catalog.forget_disk(disk)
            blobs = [self._live.pop(entry.blob_id, None) for entry in lost]
            for entry in lost:
                self.filling.pop(entry.blob_id, None)
                self._recent.pop(entry.blob_id, None)
            if (ledger := self.ledgers.get(disk)) is not None:
                ledger.abandon()
        for blob in blobs:
            if blob is not None:
                blob.abandon()
        _log.error("disk taken out", disk=str(disk.root), blobs=len(lost), reason=str(error))

    # --- what blobs ask for (keeper.Keeper) ---------------------------------------------------

    def is_closing(self) -> bool:
        """True from the moment the store is to be closed."""
        return self.closing

    def touch(self, entry: Entry) -> None:
        """The blob was used."""
        with self.lock:
            self._touch(entry)

    def _touch(self, entry: Entry) -> None:
        self.catalog.touch(entry, self.clock.time())
        if (ledger := self.ledgers.get(entry.disk)) is not None:
            ledger.touch(entry.blob_id, entry.last_used)

    def pin(self, entry: Entry) -> None:
        """One more holds it against eviction; NotFound if it is gone."""
        with self.lock:
            self._check_held(entry)
            entry.pins += 1
            self._touch(entry)

    def unpin(self, entry: Entry) -> None:
        """One less."""
        with self.lock:
            entry.pins = max(entry.pins - 1, 0)

    def _check_held(self, entry: Entry) -> None:
        if self.catalog.find(entry.blob_id) is not entry:
            raise NotFound(f"blob {entry.blob_id} is not in the store any more")

    def record_sealed(self, blob: Blob, entry: Entry, digest: str | None) -> None:
        """All units are held and the whole was checked."""
        with self.lock:
            self._check_held(entry)
            entry.state = State.SEALED
            if digest is not None:
                self.catalog.name(entry, digest)
            self.filling.pop(entry.blob_id, None)
            self._remember(blob, entry)
            self._write_down(blob, entry)

    def record_verified(self, blob: Blob, entry: Entry, *, complete: bool) -> None:
        """After a start: its bytes were compared with what was recorded."""
        with self.lock:
            entry.verified = True
            if self.catalog.find(entry.blob_id) is not entry:
                return
            if not complete and entry.state is not State.FILLING:
                _log.warning("blob lost bytes in a crash", blob=entry.blob_id)
                entry.state = State.FILLING
                self.catalog.unname(entry)
            if complete or blob.geometry.unit_count > 1:
                if not complete:
                    self.filling[entry.blob_id] = blob
                self._write_down(blob, entry)
                return
            # One unit, and it is wrong: nothing is left of it.
            self._let_go(entry)
        blob.abandon()
        self.delete_files(entry.disk, entry.blob_id, entry.nonce)

    def failure(self, disk: Disk, error: OSError) -> MeganeuraError | None:
        """What an error on a file of a disk means to the caller; a broken disk is taken out."""
        known = disk.explain(error)
        if isinstance(known, DiskFailed):
            self.take_out(disk, error)
        return known


def _entry_of(disk: Disk, row: Row) -> Entry:
    return Entry(
        disk,
        row.blob_id,
        row.nonce,
        row.size_bytes,
        state=State(row.state),
        created=row.created,
        last_used=row.last_used,
        digest=row.digest,
        verified=row.state == State.DURABLE,
    )


def _row_of(blob: Blob, entry: Entry) -> Row:
    keeps_digests = entry.state is not State.FILLING and blob.geometry.unit_count <= 1
    return make_row(
        entry.blob_id,
        entry.nonce,
        blob.geometry,
        blob.meta,
        state=entry.state,
        created=entry.created,
        last_used=entry.last_used,
        digest=entry.digest,
        digests=blob.packed_digests() if keeps_digests else None,
    )
