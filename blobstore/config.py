"""Settings of the store: its disks, their limits, and how long blobs are kept.

Frozen and checked here; composed into the node's configuration by whoever owns the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class DiskConfig:
    """One disk (any directory; two on one file system share its free space)."""

    path: Path
    #: Share of new blobs, beside free space: 2 gets twice as many as 1.
    weight: float = 1.0
    #: Most bytes the store may take here; None: only `free_ratio` limits it.
    size_limit_bytes: int | None = None
    #: Part of the file system that stays free for others, 0 to 1.
    free_ratio: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))
        if self.weight <= 0:
            raise ValueError(f"weight must be above 0, not {self.weight}")
        if not 0 <= self.free_ratio < 1:
            raise ValueError(f"free_ratio must be from 0 to below 1, not {self.free_ratio}")
        if self.size_limit_bytes is not None and self.size_limit_bytes <= 0:
            raise ValueError(f"size_limit_bytes must be above 0, not {self.size_limit_bytes}")


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """The whole store."""

    disks: tuple[DiskConfig, ...]
    #: A sealed blob that nobody used for so long is evicted; None: only when room is needed.
    max_age_s: float | None = 30 * DAY_S
    #: The same for blobs that were never completed.
    unsealed_max_age_s: float = DAY_S
    #: An unsealed blob that was written to or asked for within this time counts as open for
    #: writing: it is never evicted, pinned or not.
    unsealed_idle_s: float = 600.0
    #: An eviction pass over a disk that is above its limit goes down to this part of it.
    low_water_ratio: float = 0.9
    #: How soon sealed blobs are forced to the disk, all of one disk in one go.
    sync_interval_s: float = 2.0
    #: So many blobs that nobody holds keep their file open for the next reader.
    idle_open_files: int = 256

    def __post_init__(self) -> None:
        if not self.disks:
            raise ValueError("disks must name at least one directory")
        paths = [disk.path for disk in self.disks]
        if len(set(paths)) != len(paths):
            raise ValueError("disks must be different directories")
        if not 0 < self.low_water_ratio <= 1:
            raise ValueError(f"low_water_ratio must be above 0 up to 1, not {self.low_water_ratio}")
        if self.max_age_s is not None and self.max_age_s <= 0:
            raise ValueError(f"max_age_s must be above 0, not {self.max_age_s}")
