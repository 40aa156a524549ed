"""Room on the disks: places a new blob, evicting on demand, and runs the regular eviction pass.

The shell around the decisions of disks.py (which disk) and evict.py (which victims). Used by
BlobStore only.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass

from blobstore import evict, files, layout
from blobstore.catalog import Entry
from blobstore.disks import Disk, DiskFailed, by_preference
from blobstore.holdings import Holdings
from blobstore.journal import Header, Journal
from blobstore.model import BlobMeta, State
from dfcore.errors import MeganeuraError, NoSpace, Unavailable
from dfcore.pieces import Geometry

#: Smaller blobs of one unit are not reserved: one system call less, and little to reserve. All
#: others are: recovery takes a file of another length than the blob's for damaged.
RESERVE_FROM_BYTES = 64 << 10
#: How often room is made again if the file system turns out fuller than it said.
ATTEMPTS = 3


@dataclass(slots=True)
class Placed:
    """The files of a new blob. Its bytes stay reserved on the disk until settle()."""

    entry: Entry
    fd: files.OwnedFd
    journal: Journal | None


class Room:
    """Counts what it evicts."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self.evicted_blobs = 0
        self.evicted_bytes = 0

    # --- for new blobs ------------------------------------------------------------------------

    def place(self, blob_id: str, geometry: Geometry, meta: BlobMeta) -> Placed:
        """Make its files on the first disk that takes them: without evicting, if any does.

        NoSpace if none does, Unavailable if none works. Call settle() when the catalog has it.
        """
        disks = self._disks_for(blob_id)
        reason: MeganeuraError = Unavailable("no disk of the blob store works")
        for make_room in (False, True):
            for disk in disks:
                if not disk.healthy:
                    continue
                try:
                    return self._place_on(disk, blob_id, geometry, meta, make_room=make_room)
                except (NoSpace, DiskFailed) as error:
                    reason = error
        raise reason

    def _disks_for(self, blob_id: str) -> list[Disk]:
        healthy = [disk for disk in self._holdings.disks if disk.healthy]
        if len(healthy) == 1:
            return healthy
        rooms: list[tuple[Disk, int]] = []
        for disk in healthy:
            try:
                rooms.append((disk, disk.room_bytes()))
            except OSError as error:
                self._holdings.failure(disk, error)
        return by_preference(rooms, blob_id)

    def settle(self, placed: Placed) -> None:
        """The catalog counts the blob now, or it was given up."""
        with self._holdings.lock:
            placed.entry.disk.reserved_bytes -= placed.entry.allocated_bytes

    def _place_on(
        self, disk: Disk, blob_id: str, geometry: Geometry, meta: BlobMeta, *, make_room: bool
    ) -> Placed:
        size = layout.allocated_bytes(geometry.size_bytes)
        for attempt in range(ATTEMPTS if make_room else 1):
            # A file system that said no is short of the whole, whatever it says it has.
            least = size if attempt else 0
            if not self._reserve(disk, size, least_bytes=least, make_room=make_room):
                break
            try:
                return self._make_files(disk, blob_id, geometry, meta)
            except NoSpace:
                self._unreserve(disk, size)
            except (OSError, MeganeuraError):
                self._unreserve(disk, size)
                raise
        raise NoSpace(f"{disk.root}: no room for a blob of {geometry.size_bytes} bytes")

    def _reserve(self, disk: Disk, size: int, *, least_bytes: int, make_room: bool) -> bool:
        holdings = self._holdings
        goners: list[Entry] = []
        try:
            with holdings.lock:
                missing = disk.shortfall(size)
                missing.free_bytes = max(missing.free_bytes, least_bytes)
                if not missing.covered:
                    if not make_room:
                        return False
                    goners, enough = self._victims(disk, missing)
                    if not enough:
                        return False
                disk.reserved_bytes += size
        except OSError as error:
            holdings.failure(disk, error)
            return False
        self._evict(goners)
        return True

    def _unreserve(self, disk: Disk, size: int) -> None:
        with self._holdings.lock:
            disk.reserved_bytes -= size

    def _make_files(self, disk: Disk, blob_id: str, geometry: Geometry, meta: BlobMeta) -> Placed:
        now = self._holdings.clock.time()
        entry = Entry(
            disk,
            blob_id,
            secrets.randbits(48),
            geometry.size_bytes,
            state=State.FILLING,
            created=now,
            last_used=now,
        )
        try:
            return _make_files(entry, geometry, meta)
        except OSError as error:
            self._holdings.delete_files(disk, blob_id, entry.nonce)
            known = self._holdings.failure(disk, error)
            raise error if known is None else known from error

    # --- the regular pass ---------------------------------------------------------------------

    def sweep(self) -> list[str]:
        """Drop what is too old, and bring disks that are above a limit below it. Ids removed."""
        removed: list[str] = []
        for disk in self._holdings.disks:
            if disk.healthy:
                try:
                    removed += self._sweep_disk(disk)
                except OSError as error:
                    self._holdings.failure(disk, error)
        return removed

    def _sweep_disk(self, disk: Disk) -> list[str]:
        holdings = self._holdings
        with holdings.lock:
            now = holdings.clock.time()
            old = evict.outdated(holdings.catalog.of_disk(disk), now, holdings.config)
        removed = self._evict(old)
        with holdings.lock:
            excess = disk.excess(holdings.config.low_water_ratio)
            goners, _ = self._victims(disk, excess)
        return removed + self._evict(goners)

    def _victims(self, disk: Disk, missing: evict.Shortfall) -> tuple[list[Entry], bool]:
        holdings = self._holdings
        return evict.victims(
            holdings.catalog.of_disk(disk),
            missing,
            holdings.clock.time(),
            holdings.config,
            _is_linked,
        )

    def _evict(self, goners: list[Entry]) -> list[str]:
        removed: list[str] = []
        for entry in goners:
            # Between choosing and here somebody may have come to use it.
            if not evict.may_go(entry, self._holdings.clock.time(), self._holdings.config):
                continue
            if self._holdings.remove(entry):
                self.evicted_blobs += 1
                self.evicted_bytes += entry.allocated_bytes
                removed.append(entry.blob_id)
        return removed


def _is_linked(entry: Entry) -> bool:
    try:
        path = entry.disk.blob_path(entry.blob_id, entry.nonce)
        return path.stat().st_nlink > 1
    except OSError:
        return False


def _make_files(entry: Entry, geometry: Geometry, meta: BlobMeta) -> Placed:
    disk = entry.disk
    path = disk.blob_path(entry.blob_id, entry.nonce)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        disk.make_shard(entry.blob_id)
        fd = files.OwnedFd(os.open(path, flags, 0o644))
    except FileNotFoundError:
        # The folder was removed behind our back; if the disk is there, make it again.
        disk.forget_shards()
        disk.make_shard(entry.blob_id)
        fd = files.OwnedFd(os.open(path, flags, 0o644))
    if geometry.unit_count > 1 or geometry.size_bytes >= RESERVE_FROM_BYTES:
        files.reserve(fd.number, geometry.size_bytes)
    unit_journal = None
    if geometry.unit_count > 1:
        header = Header(entry.blob_id, geometry, entry.created, meta)
        unit_journal = Journal.create(disk.journal_path(entry.blob_id, entry.nonce), header)
    return Placed(entry, fd, unit_journal)
