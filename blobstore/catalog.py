"""What the store knows of every blob without asking the disk: one small entry each.

Pure. The store's lock guards all of it. About 0.6 KB per blob, so that 100,000 small blobs are
fine; everything else about a blob (geometry, meta, digests) stays in the index. Not `dfcore.lru`:
a victim here is chosen by more than size and pins, and the walk must stop early (evict.py).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from blobstore.layout import allocated_bytes
from blobstore.model import State

if TYPE_CHECKING:
    from blobstore.disks import Disk


class Entry:
    """One blob on one disk."""

    __slots__ = (
        "blob_id",
        "created",
        "digest",
        "disk",
        "held_bytes",
        "last_used",
        "nonce",
        "pins",
        "size_bytes",
        "state",
        "verified",
    )

    def __init__(
        self,
        disk: Disk,
        blob_id: str,
        nonce: int,
        size_bytes: int,
        *,
        state: State,
        created: float,
        last_used: float,
        digest: str | None = None,
        verified: bool = True,
    ) -> None:
        self.disk = disk
        self.blob_id = blob_id
        self.nonce = nonce
        self.size_bytes = size_bytes
        self.state = state
        self.digest = digest
        self.created = created
        self.last_used = last_used
        #: False from a start until the bytes were checked against the journal.
        self.verified = verified
        self.held_bytes = size_bytes if verified and state is not State.FILLING else 0
        self.pins = 0

    @property
    def allocated_bytes(self) -> int:
        """What it takes from its disk."""
        return allocated_bytes(self.size_bytes)

    @property
    def complete(self) -> bool:
        """Sealed, and known to be what was sealed."""
        return self.verified and self.state is not State.FILLING


class Catalog:
    """All entries, by id and by digest; those of one disk from least to most recently used."""

    def __init__(self, disks: tuple[Disk, ...]) -> None:
        self._by_disk: dict[Disk, OrderedDict[str, Entry]] = {d: OrderedDict() for d in disks}
        self._by_digest: dict[str, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_disk.values()))

    def find(self, blob_id: str) -> Entry | None:
        """The entry of an id."""
        for entries in self._by_disk.values():
            if (entry := entries.get(blob_id)) is not None:
                return entry
        return None

    def ids_of(self, digest: str) -> tuple[str, ...]:
        """The ids of the blobs that were sealed with this digest."""
        return self._by_digest.get(digest, ())

    def add(self, entry: Entry) -> None:
        """A new entry, as the most recently used of its disk."""
        self._by_disk[entry.disk][entry.blob_id] = entry
        entry.disk.used_bytes += entry.allocated_bytes
        if entry.digest is not None:
            self.name(entry, entry.digest)

    def remove(self, entry: Entry) -> None:
        """Take an entry out."""
        if self._by_disk[entry.disk].pop(entry.blob_id, None) is None:
            return
        entry.disk.used_bytes -= entry.allocated_bytes
        self.unname(entry)

    def name(self, entry: Entry, digest: str) -> None:
        """Let the blob be found by this digest as well."""
        entry.digest = digest
        ids = self._by_digest.get(digest, ())
        if entry.blob_id not in ids:
            self._by_digest[digest] = (*ids, entry.blob_id)

    def unname(self, entry: Entry) -> None:
        """The blob is not what its digest says, or is gone."""
        if entry.digest is None:
            return
        left = tuple(i for i in self._by_digest.get(entry.digest, ()) if i != entry.blob_id)
        if left:
            self._by_digest[entry.digest] = left
        else:
            self._by_digest.pop(entry.digest, None)
        entry.digest = None

    def touch(self, entry: Entry, now: float) -> None:
        """It was used: last in the queue of victims."""
        entry.last_used = now
        entries = self._by_disk[entry.disk]
        if entry.blob_id in entries:
            entries.move_to_end(entry.blob_id)

    def of_disk(self, disk: Disk) -> Iterator[Entry]:
        """Entries of a disk, least recently used first. Nothing may change on the way."""
        return iter(self._by_disk[disk].values())

    def count_on(self, disk: Disk) -> int:
        """How many blobs a disk has."""
        return len(self._by_disk[disk])

    def forget_disk(self, disk: Disk) -> list[Entry]:
        """All entries of a disk that failed; they are not counted any more."""
        gone = list(self.of_disk(disk))
        for entry in gone:
            self.remove(entry)
        return gone

    def __iter__(self) -> Iterator[Entry]:
        for entries in self._by_disk.values():
            yield from entries.values()
