"""The disks of a store: their lock, their room, their health, and which one gets a new blob.

A disk that fails (I/O error, read-only, gone) is taken out until the next start: its blobs are
absent, new ones go elsewhere. Used by the store under its lock, except where a method says so.
"""

from __future__ import annotations

import errno
import fcntl
import math
import os
from collections.abc import Iterable
from pathlib import Path

import xxhash

from blobstore import layout
from blobstore.config import DiskConfig
from blobstore.evict import Shortfall
from dfcore.errors import ConfigError, MeganeuraError, NoSpace, Unavailable

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FAILING = (
    errno.EIO,
    errno.EROFS,
    errno.ENODEV,
    errno.ENXIO,
    errno.ESTALE,
    errno.EUCLEAN,
    errno.ENOTCONN,
    errno.ESHUTDOWN,
)


class DiskFailed(Unavailable):
    """The disk that holds a blob has failed; the blob can be made again on another one."""


class Disk:
    """One directory of the store."""

    def __init__(self, config: DiskConfig) -> None:
        self.config = config
        self.root = config.path
        self.blobs_dir = config.path / layout.BLOBS_DIR
        self.used_bytes = 0
        #: For blobs that are being made at this moment.
        self.reserved_bytes = 0
        self.failure: str | None = None
        self._lock_fd = -1
        self._shards: set[str] = set()

    @property
    def healthy(self) -> bool:
        """False once it failed."""
        return self.failure is None

    def acquire(self) -> None:
        """Make the directories and become the one process that writes here.

        ConfigError if another one does, OSError if the disk cannot be used.
        """
        # Only the owner may look inside: restricted blobs lie here with files anybody may read
        # once they are linked to another place.
        self.blobs_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self.root / layout.LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(fd, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            raise ConfigError(f"{self.root}: in use by another process (pid {owner})") from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._lock_fd = fd

    def release(self) -> None:
        """Let another process have it. Idempotent."""
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def blob_path(self, blob_id: str, nonce: int) -> Path:
        """The data file of a blob."""
        return self.blobs_dir / layout.shard_of(blob_id) / layout.file_name(blob_id, nonce)

    def journal_path(self, blob_id: str, nonce: int) -> Path:
        """The journal of a blob."""
        name = layout.file_name(blob_id, nonce) + layout.JOURNAL_SUFFIX
        return self.blobs_dir / layout.shard_of(blob_id) / name

    def make_shard(self, blob_id: str) -> None:
        """Make the folder of a blob. Any thread."""
        shard = layout.shard_of(blob_id)
        if shard not in self._shards:
            (self.blobs_dir / shard).mkdir(mode=0o700, exist_ok=True)
            self._shards.add(shard)

    def forget_shards(self) -> None:
        """Do not take for granted that the folders are there. Any thread."""
        self._shards = set()

    def space(self) -> tuple[int, int]:
        """Bytes the file system has left for us, and in all; OSError if the disk is gone."""
        stat = os.statvfs(self.root)
        return stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize

    def shortfall(self, size_bytes: int) -> Shortfall:
        """What is missing for `size_bytes` more."""
        free, total = self.space()
        size_bytes += self.reserved_bytes
        missing = Shortfall()
        if (limit := self.config.size_limit_bytes) is not None:
            missing.limit_bytes = self.used_bytes + size_bytes - limit
        # Other files on the same file system count as well: what is left is what matters.
        missing.free_bytes = int(size_bytes - (free - total * self.config.free_ratio))
        return missing

    def excess(self, low_water_ratio: float) -> Shortfall:
        """What to give back now: nothing within the limits, else down to `low_water_ratio` of what
        the exceeded limit allows this store, so that the next pass is not the next second."""
        over = self.shortfall(0)
        if (limit := self.config.size_limit_bytes) is not None and over.limit_bytes > 0:
            over.limit_bytes += limit - int(limit * low_water_ratio)
        if over.free_bytes > 0:
            kept = max(self.used_bytes - over.free_bytes, 0)
            over.free_bytes += kept - int(kept * low_water_ratio)
        return over

    def room_bytes(self) -> int:
        """What it can take without evicting."""
        missing = self.shortfall(0)
        room = -missing.free_bytes
        if self.config.size_limit_bytes is not None:
            room = min(room, -missing.limit_bytes)
        return max(room, 0)

    def explain(self, error: OSError) -> MeganeuraError | None:
        """What an OSError on a file of this disk means; None if it says nothing about the disk."""
        if error.errno in _FULL:
            return NoSpace(f"{self.root}: {os.strerror(error.errno)}")
        if error.errno in _FAILING or (error.errno == errno.ENOENT and not self._is_there()):
            return DiskFailed(f"disk {self.root} failed: {os.strerror(error.errno)}")
        return None

    def _is_there(self) -> bool:
        try:
            return self.blobs_dir.is_dir()
        except OSError:
            return False


def by_preference(rooms: Iterable[tuple[Disk, int]], blob_id: str) -> list[Disk]:
    """Disks, given with their room in bytes; the one that should get the blob comes first.

    Weighted rendezvous hashing: each disk gets new blobs in proportion to its room times its
    weight, and the same blob goes to the same disk while their room does not change much.
    """
    ranked: list[tuple[float, Disk]] = []
    for disk, room in rooms:
        # A full disk stays a candidate: eviction may give it room.
        share = max(room, 1) * disk.config.weight
        ranked.append((share / -math.log(_unit_hash(blob_id, disk.root)), disk))
    return [disk for _, disk in sorted(ranked, key=lambda pair: pair[0], reverse=True)]


def _unit_hash(blob_id: str, root: Path) -> float:
    return (xxhash.xxh3_64_intdigest(f"{blob_id}\n{root}".encode()) + 1) / (2**64 + 2)
