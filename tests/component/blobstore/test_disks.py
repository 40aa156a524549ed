"""Several disks: who gets what, and what happens when one fails or comes back."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from blobstore import BlobStore, DiskConfig, DiskFailed, StoreConfig, files
from dfcore.errors import NotFound, Unavailable
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


def on_disk(store: BlobStore, disk: Path) -> set[str]:
    return {info.blob_id for info in store.all() if info.disk == disk}


def test_new_blobs_are_spread_by_weight(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    disks = (DiskConfig(one, weight=1, free_ratio=0), DiskConfig(two, weight=3, free_ratio=0))
    with BlobStore(StoreConfig(disks)) as store:
        for number in range(200):
            store.create(f"b{number}", geometry(1))
        assert 25 <= len(on_disk(store, one)) <= 75
        stats = {disk.path: disk for disk in store.stats().disks}
        assert stats[one].blobs + stats[two].blobs == 200
        assert stats[one].used_bytes == stats[one].blobs * UNIT


def test_a_disk_without_room_is_passed_over_before_anything_is_evicted(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    disks = (
        DiskConfig(small, size_limit_bytes=4 * UNIT, weight=1000, free_ratio=0),
        DiskConfig(large, size_limit_bytes=100 * UNIT, free_ratio=0),
    )
    with BlobStore(StoreConfig(disks)) as store:
        for number in range(30):
            put(store, f"b{number}", 3)
        assert store.stats().blobs == 30
        assert store.stats().evicted_blobs == 0
        assert len(on_disk(store, small)) == 1
        put(store, "huge", 90)
        assert "huge" in on_disk(store, large)


def fail_writes(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def fail(*_: object) -> None:
        raise OSError(code, "injected")

    monkeypatch.setattr(files, "pwrite_all", fail)


@pytest.mark.parametrize("code", [errno.EIO, errno.EROFS, errno.ENODEV])
def test_a_failing_disk_is_taken_out_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    with BlobStore(config(one, two)) as store:
        for number in range(20):
            put(store, f"b{number}", 2)
        lost, kept = on_disk(store, one), on_disk(store, two)
        assert lost
        assert kept
        blob = next(
            b
            for n in range(99)
            if (b := store.create(f"c{n}", geometry(2))).path.is_relative_to(one)
        )
        with monkeypatch.context() as patch:
            fail_writes(patch, code)
            with pytest.raises(DiskFailed):
                blob.write_at(0, b"x")
        assert [disk.healthy for disk in store.stats().disks] == [False, True]
        assert ids(store) & (lost | kept) == kept
        with pytest.raises(NotFound):
            blob.write_at(0, b"x")
        assert store.get(blob.id) is None
        again = put(store, blob.id, 2)
        assert again.path.is_relative_to(two)
        store.flush()
    with BlobStore(config(one, two)) as store:
        assert lost | kept <= ids(store)
        found = store.get(blob.id)
        assert found is not None
        assert found.complete  # the better one of the two that exist now
        assert read(found) == content(geometry(2))


def test_with_its_last_disk_gone_the_store_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BlobStore(config(tmp_path)) as store:
        blob = store.create("a", geometry(2))
        with monkeypatch.context() as patch:
            fail_writes(patch, errno.EIO)
            with pytest.raises(Unavailable):
                blob.write_at(0, b"x")
        with pytest.raises(Unavailable):
            store.create("b", geometry(2))
        assert store.all() == []
        store.flush()


def test_a_disk_whose_directory_vanished_is_taken_out(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    with BlobStore(config(one, two)) as store:
        for number in range(10):
            put(store, f"b{number}", 2)
        store.flush()
        shutil.rmtree(one)
        for number in range(100, 130):
            put(store, f"b{number}", 2)
        assert on_disk(store, one) == set()
        assert len(on_disk(store, two)) >= 30


def test_a_removed_folder_is_made_again(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path)) as store:
        put(store, "xx", 2)
        store.flush()
        shutil.rmtree(tmp_path / "blobs" / "xx")
        put(store, "1xx", 2)
        assert store.stats().disks[0].healthy


def test_a_disk_that_cannot_be_opened_is_left_out(tmp_path: Path) -> None:
    broken = tmp_path / "file"
    broken.write_text("not a directory")
    with BlobStore(config(broken, tmp_path / "good")) as store:
        put(store, "a", 2)
        assert [disk.healthy for disk in store.stats().disks] == [False, True]
    with pytest.raises(Unavailable, match="file"):
        BlobStore(config(broken)).open()


def test_a_disk_that_fails_while_its_blobs_are_forced_out_is_taken_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> None:
        raise OSError(errno.EIO, "injected")

    with BlobStore(config(tmp_path, sync_interval_s=3600)) as store:
        put(store, "a", 2)
        with monkeypatch.context() as patch:
            patch.setattr(files, "sync_file", fail)
            store.flush()
        assert store.get("a") is None
        assert not store.stats().disks[0].healthy
    with BlobStore(config(tmp_path)) as store:
        blob = store.get("a")
        assert blob is not None
        assert read(blob) == content(geometry(2))


def test_of_a_blob_on_two_disks_the_complete_one_stays(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    with BlobStore(config(one)) as store:
        put_unit(store.create("a", geometry(2)), content(geometry(2)), 0)
    with BlobStore(config(two)) as store:
        put(store, "a", 2)
    with BlobStore(config(one, two)) as store:
        blob = store.get("a")
        assert blob is not None
        assert blob.complete
        assert store.get_by_digest(sha256(content(geometry(2)))) is blob
        assert store.stats().blobs == 1
    assert list((one / "blobs").rglob("a~*")) == []
