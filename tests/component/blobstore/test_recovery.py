"""What a start believes after a crash, a power cut, and damage to journal or index.

A crash is a copy of the disk made while the store is open: what a killed process leaves.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from blobstore import Blob, BlobStore
from tests.component.blobstore.kit import (
    UNIT,
    config,
    content,
    geometry,
    ids,
    put,
    put_unit,
    read,
    sha256,
)


def crash(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def opened(disk: Path, blob_id: str = "b") -> tuple[BlobStore, Blob | None]:
    store = BlobStore(config(disk)).open()
    return store, store.get(blob_id)


def data_file(disk: Path, blob_id: str = "b") -> Path:
    return next(p for p in disk.rglob(f"{blob_id}~*") if p.suffix != ".units")


def journal_file(disk: Path, blob_id: str = "b") -> Path:
    return next(disk.rglob(f"{blob_id}~*.units"))


@pytest.fixture
def crashed(tmp_path: Path) -> Callable[..., Path]:
    """Units 0, 2 and 3 of 4 are committed when the process dies."""

    def make(*, seal: bool = False, flush: bool = True) -> Path:
        with BlobStore(config(tmp_path / "disk", sync_interval_s=3600)) as store:
            shape = geometry(4)
            data = content(shape)
            blob = store.create("b", shape)
            for unit in (0, 2, 3):
                put_unit(blob, data, unit)
            if flush:
                store.flush()
            if seal:
                put_unit(blob, data, 1)
                blob.seal(sha256(data))
            return crash(tmp_path / "disk", tmp_path / "crashed")

    return make


DATA = content(geometry(4))


def assert_held(blob: Blob | None, units: set[int]) -> None:
    assert blob is not None
    assert set(blob.held.iter_set()) == units
    assert blob.held_bytes == len(units) * UNIT
    for unit in units:
        assert blob.pread(unit * UNIT, UNIT) == DATA[unit * UNIT : (unit + 1) * UNIT]


@pytest.mark.parametrize("flush", [True, False])
def test_committed_units_survive_a_crash(crashed: Callable[..., Path], flush: bool) -> None:
    store, blob = opened(crashed(flush=flush))
    with closing(store):
        assert_held(blob, {0, 2, 3})


def test_a_sealed_blob_survives_a_crash_before_it_was_forced_to_the_disk(
    crashed: Callable[..., Path],
) -> None:
    store, blob = opened(crashed(seal=True))
    with closing(store):
        assert blob is not None
        if not blob.complete:  # the row of the seal was not written yet: only that is lost
            assert blob.held.is_full
            blob.seal()
        assert read(blob) == DATA


def test_units_that_a_power_cut_zeroed_are_not_reported(crashed: Callable[..., Path]) -> None:
    disk = crashed()
    with data_file(disk).open("r+b") as file:
        file.seek(2 * UNIT)
        file.write(bytes(UNIT))
    store, blob = opened(disk)
    with closing(store):
        assert_held(blob, {0, 3})
        assert blob is not None
        put_unit(blob, DATA, 2)
    store, blob = opened(disk)
    with closing(store):
        assert_held(blob, {0, 2, 3})


def test_a_sealed_blob_that_lost_bytes_is_unsealed_again(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path / "disk", sync_interval_s=3600)) as store:
        put(store, "b", 4).link_to(tmp_path / "linked")  # which makes the file read-only
        put(store, "small", 1)
        wait_for_rows(tmp_path / "disk", 2)
        disk = crash(tmp_path / "disk", tmp_path / "crashed")
    for blob_id in ("b", "small"):
        with data_file(disk, blob_id).open("r+b") as file:
            file.write(bytes(100))
    store, blob = opened(disk)
    with closing(store):
        assert_held(blob, {1, 2, 3})
        assert store.get_by_digest(sha256(DATA)) is None
        assert store.get("small") is None
        assert ids(store) == {"b"}
        assert blob is not None
        assert blob.path.stat().st_mode & 0o200
        put_unit(blob, DATA, 0)
        blob.seal(sha256(DATA))
        assert store.get_by_digest(sha256(DATA)) is blob
    assert list(disk.rglob("small~*")) == []


def wait_for_rows(disk: Path, count: int) -> None:
    connection = sqlite3.connect(disk / "index.sqlite")
    try:
        for _ in range(10_000):
            found = connection.execute("SELECT count(*) FROM blobs WHERE state > 0").fetchone()
            if found[0] == count:
                return
    finally:
        connection.close()
    raise AssertionError("rows were not written")


def test_small_sealed_blobs_are_verified_after_a_crash(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path / "disk", sync_interval_s=3600)) as store:
        for number in range(50):
            put(store, f"s{number}", 1, seed=number)
        wait_for_rows(tmp_path / "disk", 50)
        disk = crash(tmp_path / "disk", tmp_path / "crashed")
    with BlobStore(config(disk)) as store:
        for number in range(50):
            blob = store.get(f"s{number}")
            assert blob is not None
            assert blob.complete
            assert read(blob) == content(geometry(1), number)
        assert store.stats().unverified == 0


def test_what_was_forced_to_the_disk_is_trusted(crashed: Callable[..., Path]) -> None:
    disk = crashed(seal=True)
    with BlobStore(config(disk)) as store:
        blob = store.get("b")
        assert blob is not None
        blob.seal(sha256(DATA))
        store.flush()
        again = crash(disk, disk.with_name("again"))
    store = BlobStore(config(again)).open()
    with closing(store):
        assert store.stats().unverified == 0
        assert [info.complete for info in store.all()] == [True]


@pytest.mark.parametrize("cut", [1, 10, 33, 40])
def test_a_torn_journal_counts_up_to_the_tear(crashed: Callable[..., Path], cut: int) -> None:
    disk = crashed()
    journal = journal_file(disk)
    journal.write_bytes(journal.read_bytes()[:-cut])
    store, blob = opened(disk)
    expected = {0, 2} if cut <= 33 else {0}
    with closing(store):
        assert_held(blob, expected)
        assert blob is not None
        put_unit(blob, DATA, 3)
    store, blob = opened(disk)
    with closing(store):
        assert_held(blob, expected | {3})


def test_a_garbled_journal_costs_units_but_never_lies(crashed: Callable[..., Path]) -> None:
    disk = crashed()
    journal = journal_file(disk)
    good = journal.read_bytes()
    for at in range(0, len(good), 7):
        bad = bytearray(good)
        bad[at] ^= 0x55
        journal.write_bytes(bad)
        store, blob = opened(crash(disk, disk.with_name(f"garbled{at}")))
        with closing(store):
            assert blob is not None
            assert_held(blob, set(blob.held.iter_set()) & {0, 2, 3})


@pytest.mark.parametrize("rest", [b"", b"\0" * 500, b"\xff" * 500])
def test_a_lost_journal_is_begun_anew(crashed: Callable[..., Path], rest: bytes) -> None:
    disk = crashed()
    journal_file(disk).write_bytes(rest)
    store, blob = opened(disk)
    with closing(store):
        assert_held(blob, set())
        assert blob is not None
        put_unit(blob, DATA, 1)
    store, blob = opened(disk)
    with closing(store):
        assert_held(blob, {1})


def test_a_missing_data_file_is_a_missing_blob(crashed: Callable[..., Path]) -> None:
    disk = crashed()
    data_file(disk).unlink()
    store, blob = opened(disk)
    with closing(store):
        assert blob is None
        assert ids(store) == set()
    assert not list(disk.rglob("b~*"))


def test_a_file_of_another_length_is_dropped(crashed: Callable[..., Path]) -> None:
    disk = crashed()
    with data_file(disk).open("r+b") as file:
        file.truncate(UNIT)
    store, blob = opened(disk)
    with closing(store):
        assert blob is None


def test_a_file_that_vanished_while_nobody_looked_is_noticed(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path)) as store:
        put(store, "b", 1)
        put(store, "c", 3, seal=False)
    data_file(tmp_path, "b").unlink()
    data_file(tmp_path, "c").unlink()
    with BlobStore(config(tmp_path)) as store:
        assert store.get("c") is None
        blob = store.get("b")  # sealed: the index is believed until the file is needed
        assert blob is None or not blob.deleted


@pytest.mark.parametrize("damage", ["missing", "garbage", "empty"])
def test_a_lost_index_is_rebuilt_from_the_journals(tmp_path: Path, damage: str) -> None:
    with BlobStore(config(tmp_path)) as store:
        put(store, "sealed", 4)
        put(store, "part", 3, seal=False).discard(1)
        put(store, "small", 1)
    index = tmp_path / "index.sqlite"
    for suffix in ("-wal", "-shm"):
        index.with_name(index.name + suffix).unlink(missing_ok=True)
    if damage == "missing":
        index.unlink()
    else:
        index.write_bytes(b"not an index " * 1000 if damage == "garbage" else b"")
    with BlobStore(config(tmp_path)) as store:
        sealed = store.get("sealed")
        part = store.get("part")
        assert sealed is not None
        assert sealed.complete
        assert read(sealed) == DATA
        assert store.get_by_digest(sha256(DATA)) is sealed
        assert part is not None
        assert set(part.held.iter_set()) == {0, 2}
        assert store.get("small") is None
    assert not list(tmp_path.rglob("small~*"))


def test_strangers_in_the_folders_are_left_alone(crashed: Callable[..., Path]) -> None:
    disk = crashed()
    stranger = data_file(disk).with_name("notes.txt")
    stranger.write_text("mine")
    store, _ = opened(disk)
    store.close()
    assert stranger.read_text() == "mine"


def test_an_older_index_never_vouches_for_newer_bytes(tmp_path: Path) -> None:
    """A power cut may lose the last rows, among them that a blob was deleted and made anew."""
    disk = tmp_path / "disk"
    with BlobStore(config(disk)) as store:
        put(store, "b", 4)
        put(store, "small", 1)
        store.flush()
        before = crash(disk, tmp_path / "before")
        for blob_id, units in (("b", 4), ("small", 1)):
            store.delete(blob_id)
            shape = geometry(units)
            anew = store.create(blob_id, shape)
            anew.write_at(0, content(shape, "other"))
        store.flush()
        after = crash(disk, tmp_path / "after")
    for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"):
        (after / name).unlink(missing_ok=True)
        if (before / name).exists():
            shutil.copy(before / name, after / name)
    with BlobStore(config(after)) as store:
        assert store.get("small") is None
        blob = store.get("b")
        assert blob is None or blob.held.count_set == 0


def test_a_clean_stop_needs_no_walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from blobstore import recover

    with BlobStore(config(tmp_path)) as store:
        put(store, "b", 3)
    monkeypatch.delattr(recover, "_walk")
    with BlobStore(config(tmp_path)) as store:
        assert store.get("b") is not None


def test_closing_does_not_wait_for_all_verification(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path)) as store:
        for number in range(20):
            put(store, f"b{number}", 50, seal=False)
    BlobStore(config(tmp_path)).open().close()
    with BlobStore(config(tmp_path)) as store:
        store.wait_verified()
        assert store.stats().unverified == 0
        for number in range(20):
            blob = store.get(f"b{number}")
            assert blob is not None
            assert blob.held.is_full
