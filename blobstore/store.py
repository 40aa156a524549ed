"""The node's content cache: makes, finds, lists, evicts and deletes blobs on several disks.

The daemon owns one; so does a mount on a node without a daemon. Thread-safe and synchronous: calls
may block on the disk, so they belong on threads. One process writes a store. It knows nothing of
peers, origins or file systems: callers bring bytes and digests.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from typing import Self

from blobstore import layout
from blobstore.blob import Blob
from blobstore.catalog import Entry
from blobstore.config import StoreConfig
from blobstore.disks import Disk
from blobstore.holdings import Holdings
from blobstore.index import Row
from blobstore.ledger import Ledger
from blobstore.model import BlobInfo, BlobMeta, DiskStats, StoreStats
from blobstore.recover import recover
from blobstore.room import Room
from blobstore.unitbook import UnitBook
from dfcore.digest import Digest
from dfcore.errors import BadInput, ConfigError, NotFound, Unavailable
from dfcore.pieces import Geometry
from dfinfra.clock import Clock, SystemClock
from dfinfra.logs import get_logger

_log = get_logger("blobstore")


class BlobStore:
    """Open it, use it from any thread, close it; also a context manager."""

    def __init__(self, config: StoreConfig, *, clock: Clock | None = None) -> None:
        self._config = config
        self._holdings = Holdings(config, clock or SystemClock())
        self._room = Room(self._holdings)
        self._is_open = False
        self._verifier: threading.Thread | None = None

    # --- life ---------------------------------------------------------------------------------

    def open(self) -> Self:
        """Take the disks, read their indexes, repair what a crash left.

        Blobs whose bytes are not known to be on the disk are verified in the background.
        ConfigError if another process has the store, Unavailable if no disk works.
        """
        try:
            for disk in self._holdings.disks:
                self._open_disk(disk)
        except ConfigError:
            self.close()
            raise
        if not self._holdings.ledgers:
            self.close()
            failures = "; ".join(str(disk.failure) for disk in self._holdings.disks)
            raise Unavailable(f"no disk of the blob store works: {failures}")
        self._is_open = True
        self._verifier = threading.Thread(
            target=self._verify_all, name="blobstore-verify", daemon=True
        )
        self._verifier.start()
        return self

    def _open_disk(self, disk: Disk) -> None:
        try:
            disk.acquire()
            recovered = recover(disk)
        except (OSError, sqlite3.Error) as error:
            disk.failure = f"{disk.root}: {error}"
            disk.release()
            _log.error("disk left out", disk=str(disk.root), reason=str(error))
            return
        ledger = Ledger(
            disk,
            recovered.index,
            sync_interval_s=self._config.sync_interval_s,
            on_durable=self._holdings.record_durable,
            on_failure=self._holdings.take_out,
        )
        for blob_id in recovered.dropped:
            ledger.remove(blob_id)
        for row in recovered.adopted:
            ledger.put(row)
        self._holdings.ledgers[disk] = ledger
        self._holdings.load(disk, recovered.rows)
        ledger.start()

    def _verify_all(self) -> None:
        with self._holdings.lock:
            waiting = [entry.blob_id for entry in self._holdings.catalog if not entry.verified]
        for blob_id in waiting:
            if self._holdings.closing:
                return
            blob = self._holdings.blob(blob_id, touch=False)
            if blob is not None:
                self._verified(blob)

    def wait_verified(self) -> None:
        """Wait until all blobs that a start does not believe have been verified."""
        if self._verifier is not None:
            self._verifier.join()

    def close(self) -> None:
        """Write everything down and let the disks go. Blobs that are still held can be read."""
        holdings = self._holdings
        self._is_open = False
        holdings.closing = True
        if self._verifier is not None:
            self._verifier.join()
            self._verifier = None
        for blob in list(holdings.filling.values()):
            if blob.geometry.unit_count <= 1:
                self.delete(blob.id)  # kept only when it is sealed
            else:
                blob.forget()
        for ledger in holdings.ledgers.values():
            ledger.close()
        holdings.ledgers.clear()
        holdings.let_objects_go()
        for disk in holdings.disks:
            disk.release()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def flush(self) -> None:
        """Wait until every sealed blob is on its disk and every change is in its index."""
        for ledger in list(self._holdings.ledgers.values()):
            ledger.flush()

    # --- blobs --------------------------------------------------------------------------------

    def create(self, blob_id: str, geometry: Geometry, *, meta: BlobMeta | None = None) -> Blob:
        """A new blob with its space reserved; the one that exists, if it has this geometry.

        Evicts to make room. NoSpace if that is not enough, BadInput if the id cannot be one or a
        blob of another geometry has it (delete that first), Unavailable if no disk works.
        """
        layout.check_blob_id(blob_id)
        if not self._is_open:
            raise Unavailable("the blob store is not open")
        meta = meta or BlobMeta()
        while (existing := self.get(blob_id)) is None:
            placed = self._room.place(blob_id, geometry, meta)
            entry = placed.entry
            units = UnitBook(geometry, full=False, digests=b"", unit_journal=placed.journal)
            blob = Blob(self._holdings, entry, geometry, meta, units, placed.fd)
            added = self._holdings.add(blob, entry)
            self._room.settle(placed)
            if added:
                return blob
            blob.forget()
            self._holdings.delete_files(entry.disk, blob_id, entry.nonce)
        if existing.geometry != geometry:
            raise BadInput(f"blob {blob_id} exists with another geometry: {existing.geometry}")
        return existing

    def get(self, blob_id: str) -> Blob | None:
        """The blob, which counts as used; None if it is not here.

        The first call after a start for a blob that was not sealed, or that a crash caught before
        its bytes were on the disk, blocks for as long as reading them takes.
        """
        blob = self._holdings.blob(blob_id)
        return blob if blob is not None and self._verified(blob) else None

    def is_unverified(self, blob_id: str) -> bool:
        """get() of this blob would have to read all of it first: call that off the event loop."""
        with self._holdings.lock:
            entry = self._holdings.catalog.find(blob_id)
        return entry is not None and not entry.verified

    def _verified(self, blob: Blob) -> bool:
        try:
            blob.verify()
        except NotFound:
            blob.drop()
            return False
        except Unavailable:
            return False  # its disk failed, or the store is closing
        return not blob.deleted

    def get_by_digest(self, digest: Digest) -> Blob | None:
        """A complete blob with this content, whatever its id."""
        with self._holdings.lock:
            ids = self._holdings.catalog.ids_of(str(digest))
        for blob_id in ids:
            blob = self.get(blob_id)
            if blob is not None and blob.complete:
                return blob
        return None

    def delete(self, blob_id: str) -> bool:
        """Remove a blob, pinned or not; False if there is none. Open descriptors stay readable."""
        with self._holdings.lock:
            entry = self._holdings.catalog.find(blob_id)
        return entry is not None and self._holdings.remove(entry)

    def evict(self) -> list[str]:
        """One pass: drop what is too old, and bring disks that are above a limit below it.

        The ids of what was removed. To be called every few minutes; create() does not need it.
        """
        return self._room.sweep()

    # --- telling ------------------------------------------------------------------------------

    def all(self) -> list[BlobInfo]:
        """Every blob. Takes about a second for 100,000 of them."""
        rows: dict[tuple[str, int], Row] = {}
        for ledger in list(self._holdings.ledgers.values()):
            rows.update(((row.blob_id, row.nonce), row) for row in ledger.rows())
        with self._holdings.lock:
            return [self._info(entry, rows) for entry in self._holdings.catalog]

    def info(self, blob_id: str) -> BlobInfo | None:
        """One blob as all() tells it, without counting as a use of it; None if it is not here."""
        with self._holdings.lock:
            entry = self._holdings.catalog.find(blob_id)
            ledger = self._holdings.ledgers.get(entry.disk) if entry else None
        if entry is None:
            return None
        row = ledger.find(blob_id) if ledger else None
        with self._holdings.lock:
            return self._info(entry, {(row.blob_id, row.nonce): row} if row else {})

    def _info(self, entry: Entry, rows: dict[tuple[str, int], Row]) -> BlobInfo:
        row = rows.get((entry.blob_id, entry.nonce))
        blob = self._holdings.filling.get(entry.blob_id)
        if row is not None:
            url, restricted = row.url, bool(row.restricted)
        elif blob is not None:
            url, restricted = blob.meta.url, blob.meta.restricted
        else:
            # Sealed between the two looks. Nothing is known of it, so assume the worse.
            url, restricted = "", True
        return BlobInfo(
            blob_id=entry.blob_id,
            size_bytes=entry.size_bytes,
            held_bytes=entry.held_bytes,
            complete=entry.complete,
            digest=entry.digest if entry.complete else None,
            url=url,
            restricted=restricted,
            created=entry.created,
            last_used=entry.last_used,
            pinned=entry.pins > 0,
            disk=entry.disk.root,
        )

    def stats(self) -> StoreStats:
        """Bytes and blobs per disk and in all."""
        with self._holdings.lock:
            disks = tuple(self._disk_stats(disk) for disk in self._holdings.disks)
            return StoreStats(
                disks=disks,
                blobs=len(self._holdings.catalog),
                used_bytes=sum(disk.used_bytes for disk in disks),
                unverified=sum(not entry.verified for entry in self._holdings.catalog),
                evicted_blobs=self._room.evicted_blobs,
                evicted_bytes=self._room.evicted_bytes,
            )

    def _disk_stats(self, disk: Disk) -> DiskStats:
        free = room = 0
        with suppress(OSError):
            free, room = disk.space()[0], disk.room_bytes()
        return DiskStats(
            path=disk.root,
            healthy=disk.healthy,
            used_bytes=disk.used_bytes,
            free_bytes=free,
            room_bytes=room if disk.healthy else 0,
            size_limit_bytes=disk.config.size_limit_bytes,
            blobs=self._holdings.catalog.count_on(disk),
        )
