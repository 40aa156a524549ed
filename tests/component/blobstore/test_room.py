"""Room for new blobs: eviction order, pins, limits, age, full disks."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from blobstore import BlobStore, files
from blobstore.config import DiskConfig, StoreConfig
from blobstore.disks import Disk
from dfcore.errors import NoSpace
from tests.component.blobstore.kit import (
    UNIT,
    SetClock,
    config,
    content,
    geometry,
    ids,
    put,
    put_unit,
    read,
)


@contextmanager
def store_of(path: Path, units: int, clock: SetClock | None = None) -> Iterator[BlobStore]:
    """A store with room for so many units."""
    with BlobStore(config(path, limit=units * UNIT), clock=clock or SetClock()) as store:
        yield store


def test_the_least_recently_used_blob_makes_room(tmp_path: Path) -> None:
    with store_of(tmp_path, 10) as store:
        for name in "abc":
            put(store, name, 3)
        store.get("a")
        put(store, "d", 3)
        assert ids(store) == {"a", "c", "d"}
        assert store.stats().evicted_blobs == 1
        assert store.stats().evicted_bytes == 3 * UNIT


def test_only_as_much_is_evicted_as_is_needed(tmp_path: Path) -> None:
    with store_of(tmp_path, 10) as store:
        for name in "abcdefghij":
            put(store, name, 1)
        put(store, "k", 3)
        assert ids(store) == set("defghijk")


def test_pinned_blobs_stay(tmp_path: Path) -> None:
    with store_of(tmp_path, 10) as store:
        for name in "abc":
            put(store, name, 3)
        first = store.get("a")
        second = store.get("b")
        assert first is not None
        assert second is not None
        with first.pin(), second.pin():
            put(store, "d", 3)
            assert ids(store) == {"a", "b", "d"}
            store.get("d")
            with pytest.raises(NoSpace):
                store.create("e", geometry(6))
            assert ids(store) == {"a", "b", "d"}
        store.create("e", geometry(6))
        assert ids(store) == {"d", "e"}


def test_a_pin_counts_and_is_released_once(tmp_path: Path) -> None:
    with store_of(tmp_path, 4) as store:
        blob = put(store, "a", 4)
        first, second = blob.pin(), blob.pin()
        first.release()
        first.release()
        with pytest.raises(NoSpace):
            store.create("b", geometry(1))
        second.release()
        store.create("b", geometry(1))
        assert ids(store) == {"b"}


def test_what_is_being_written_stays_until_it_was_idle(tmp_path: Path) -> None:
    clock = SetClock()
    with store_of(tmp_path, 4, clock) as store:
        blob = store.create("a", geometry(4))
        with pytest.raises(NoSpace):
            store.create("b", geometry(1))
        clock.now += 599
        put_unit(blob, content(geometry(4)), 0)
        clock.now += 599
        with pytest.raises(NoSpace):
            store.create("b", geometry(1))
        clock.now += 1
        store.create("b", geometry(1))
        assert ids(store) == {"b"}


def test_a_blob_larger_than_the_store_evicts_nothing(tmp_path: Path) -> None:
    with store_of(tmp_path, 10) as store:
        put(store, "a", 3)
        with pytest.raises(NoSpace):
            store.create("b", geometry(11))
        assert ids(store) == {"a"}
        assert list((tmp_path / "blobs").rglob("b~*")) == []


def test_an_evicted_blob_can_still_be_read_by_who_opened_it(tmp_path: Path) -> None:
    with store_of(tmp_path, 3) as store:
        blob = put(store, "a", 3)
        fd = blob.fileno()
        put(store, "b", 3)
        assert blob.deleted
        assert os.pread(fd, 3 * UNIT, 0) == content(geometry(3))


def test_old_blobs_go_in_the_regular_pass(tmp_path: Path) -> None:
    clock = SetClock()
    ages = {"max_age_s": 1000.0, "unsealed_max_age_s": 500.0, "unsealed_idle_s": 400.0}
    with BlobStore(config(tmp_path, **ages), clock=clock) as store:
        put(store, "old")
        put(store, "pinned").pin()
        put(store, "part", seal=False)
        clock.now += 501
        put(store, "new")
        assert store.evict() == ["part"]
        clock.now += 500
        assert store.evict() == ["old"]
        assert ids(store) == {"pinned", "new"}


def test_without_an_age_blobs_stay(tmp_path: Path) -> None:
    clock = SetClock()
    with BlobStore(config(tmp_path, max_age_s=None), clock=clock) as store:
        put(store, "old")
        clock.now += 1e9
        assert store.evict() == []


def test_a_pass_over_a_store_above_its_limit_goes_down_to_the_low_water(tmp_path: Path) -> None:
    clock = SetClock()
    with store_of(tmp_path, 20, clock) as store:
        for number in range(20):
            put(store, f"b{number:02}", 1)
        assert store.evict() == []
    with BlobStore(config(tmp_path, limit=10 * UNIT, low_water_ratio=0.8), clock=clock) as store:
        assert store.evict() == [f"b{number:02}" for number in range(12)]
        assert store.stats().used_bytes == 8 * UNIT


def space_of(total_units: int, others_units: int, used: Callable[[], int]) -> Callable[[Any], Any]:
    """A file system's answer: how much is left, beside other people's files, and how much there is."""
    return lambda _disk: ((total_units - others_units) * UNIT - used(), total_units * UNIT)


def test_a_limit_that_is_kept_takes_nothing_from_a_nearly_full_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Disk, "space", space_of(100, 89, lambda: 10 * UNIT))
    with store_of(tmp_path, 20) as store:
        for number in range(10):
            put(store, f"b{number:02}", 1)
    with BlobStore(
        config(tmp_path, limit=9 * UNIT, low_water_ratio=0.8), clock=SetClock()
    ) as store:
        assert store.evict() == ["b00", "b01", "b02"]


def test_room_that_others_took_is_given_back_from_what_this_store_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store_of(tmp_path, 20) as store:
        for number in range(10):
            put(store, f"b{number:02}", 1)
    disk = DiskConfig(tmp_path, free_ratio=0.1)
    monkeypatch.setattr(Disk, "space", space_of(100, 82, lambda: 10 * UNIT))
    with BlobStore(StoreConfig(disks=(disk,), low_water_ratio=0.5), clock=SetClock()) as store:
        assert store.evict() == [f"b{number:02}" for number in range(6)]


def test_a_restart_keeps_the_order_of_use(tmp_path: Path) -> None:
    clock = SetClock()
    with store_of(tmp_path, 9, clock) as store:
        for name in "abc":
            clock.now += 1
            put(store, name, 3)
        clock.now += 1
        store.get("a")
    with store_of(tmp_path, 9, clock) as store:
        put(store, "d", 3)
        assert ids(store) == {"a", "c", "d"}


def test_a_blob_with_a_link_outside_gives_the_file_system_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BlobStore(config(tmp_path / "disk")) as store:
        put(store, "linked", 3).link_to(tmp_path / "mine")
        path = put(store, "free", 3).path
        disk = store._holdings.disks[0]

        def free_and_total() -> tuple[int, int]:
            return (0 if path.exists() else 3 * UNIT), 100 * UNIT

        monkeypatch.setattr(disk, "space", free_and_total)
        store.create("new", geometry(3))
        assert ids(store) == {"linked", "new"}


def test_a_file_system_that_is_fuller_than_it_says_makes_room_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BlobStore(config(tmp_path)) as store:
        for name in "abc":
            put(store, name, 20)

        def reserve(fd: int, size_bytes: int) -> None:
            if len(ids(store)) > 1:
                raise OSError(errno.ENOSPC, "full")
            os.ftruncate(fd, size_bytes)

        monkeypatch.setattr(files, "reserve", reserve)
        put(store, "d", 40)
        assert ids(store) == {"c", "d"}


def test_a_full_disk_that_stays_full_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reserve(fd: int, size_bytes: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(files, "reserve", reserve)
    with BlobStore(config(tmp_path)) as store:
        with pytest.raises(NoSpace):
            store.create("a", geometry(20))
        assert store.stats().used_bytes == 0
        assert store._holdings.disks[0].reserved_bytes == 0
        assert list((tmp_path / "blobs").rglob("a~*")) == []


def test_a_write_that_the_disk_refuses_is_no_space_and_no_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BlobStore(config(tmp_path)) as store:
        blob = store.create("a", geometry(3))

        def refuse(*_: object) -> int:
            raise OSError(errno.ENOSPC, "full")

        monkeypatch.setattr(files, "pwrite_all", refuse)
        with pytest.raises(NoSpace):
            blob.write_at(0, bytes(UNIT))
        assert blob.held.count_set == 0
        monkeypatch.undo()
        put_unit(blob, content(geometry(3)), 0)
        assert 0 in blob.held


def test_a_real_limit_on_file_sizes_is_no_space(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with BlobStore(config(tmp_path)) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
        try:
            with pytest.raises(NoSpace):
                store.create("a", geometry(1 << 10))
            put(store, "b", 3)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert ids(store) == {"b"}


def test_a_journal_that_cannot_be_written_costs_only_the_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blobstore.journal import Journal

    shape = geometry(3)
    with BlobStore(config(tmp_path)) as store:
        blob = store.create("a", shape)
        put_unit(blob, content(shape), 0)

        def refuse(*_: object) -> None:
            raise OSError(errno.ENOSPC, "full")

        with monkeypatch.context() as patch:
            patch.setattr(Journal, "append", refuse)
            put_unit(blob, content(shape), 1)
        put_unit(blob, content(shape), 2)
        assert read(blob) == content(shape)
    with BlobStore(config(tmp_path)) as store:
        again = store.get("a")
        assert again is not None
        assert list(again.held.iter_set()) == [0]
