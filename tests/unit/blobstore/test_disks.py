from __future__ import annotations

import errno
from collections import Counter
from pathlib import Path

import pytest

from blobstore import DiskConfig, DiskFailed
from blobstore.disks import Disk, by_preference
from dfcore.errors import NoSpace


class Measured(Disk):
    """A disk whose file system has so much free, of so much."""

    def __init__(self, free: int, total: int, **settings: float) -> None:
        super().__init__(DiskConfig(Path("/nowhere"), **settings))  # type: ignore[arg-type]
        self.measured = (free, total)

    def space(self) -> tuple[int, int]:
        return self.measured


def test_a_part_of_the_file_system_stays_free() -> None:
    disk = Measured(300, 1000, free_ratio=0.1)
    assert disk.room_bytes() == 200
    assert disk.shortfall(200).covered
    assert disk.shortfall(250).free_bytes == 50


def test_the_limit_counts_what_is_used_and_reserved() -> None:
    disk = Measured(10_000, 10_000, free_ratio=0, size_limit_bytes=500)
    disk.used_bytes, disk.reserved_bytes = 300, 100
    assert disk.room_bytes() == 100
    assert disk.shortfall(150).limit_bytes == 50
    assert disk.shortfall(100).covered


def test_only_a_limit_that_is_exceeded_asks_for_room_and_for_some_more() -> None:
    disk = Measured(200, 1000, free_ratio=0.1, size_limit_bytes=500)
    disk.used_bytes = 600
    excess = disk.excess(0.8)
    assert excess.limit_bytes == 100 + 100
    assert excess.free_bytes <= 0


def test_room_for_others_is_made_from_what_this_store_holds() -> None:
    disk = Measured(50, 1000, free_ratio=0.1)
    disk.used_bytes = 150
    assert disk.excess(0.8).free_bytes == 50 + 20
    assert disk.excess(0.8).limit_bytes <= 0


def test_errors_say_what_they_mean_for_the_disk() -> None:
    disk = Measured(1, 1)
    for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        assert isinstance(disk.explain(OSError(code, "")), NoSpace)
    for code in (errno.EIO, errno.EROFS, errno.ENODEV, errno.ENOENT):
        assert isinstance(disk.explain(OSError(code, "")), DiskFailed)
    assert disk.explain(OSError(errno.EMFILE, "")) is None


@pytest.mark.parametrize(("room", "weight"), [(300, 1.0), (100, 3.0)])
def test_blobs_are_spread_by_room_times_weight(room: int, weight: float) -> None:
    one = Disk(DiskConfig(Path("/one")))
    two = Disk(DiskConfig(Path("/two"), weight=weight))
    ids = [f"blob{number}" for number in range(2000)]
    first = Counter(by_preference([(one, 100), (two, room)], blob_id)[0] for blob_id in ids)
    assert 0.20 <= first[one] / len(ids) <= 0.30


def test_the_same_blob_prefers_the_same_disk() -> None:
    disks = [(Disk(DiskConfig(Path(f"/{n}"))), 100) for n in range(4)]
    for number in range(20):
        ranked = by_preference(disks, f"b{number}")
        assert len(ranked) == 4
        assert by_preference(reversed(disks), f"b{number}") == ranked


def test_full_disks_come_last() -> None:
    full, empty = Disk(DiskConfig(Path("/full"))), Disk(DiskConfig(Path("/empty")))
    for number in range(50):
        assert by_preference([(full, 0), (empty, 1 << 40)], f"b{number}") == [empty, full]
