"""The store as a whole: making, finding, listing, deleting, and what is there after a restart."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

import pytest

from blobstore import BlobMeta, BlobStore
from dfcore.digest import unit_digest
from dfcore.errors import BadInput, ConfigError, NotFound, Unavailable
from tests.component.blobstore.kit import (
    META,
    UNIT,
    SetClock,
    config,
    content,
    geometry,
    ids,
    put,
    put_unit,
    read,
    sha256,
)


def test_a_new_blob_is_found_and_holds_nothing(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path)) as store:
        blob = store.create("b", geometry(3), meta=META)
        assert store.get("b") is blob
        assert blob.held.count_set == 0
        assert store.get("other") is None
        assert blob.meta == META


def test_creating_what_exists_gives_the_same_blob(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path)) as store:
        blob = put(store, "b", 3)
        assert store.create("b", geometry(3)) is blob
        with pytest.raises(BadInput):
            store.create("b", geometry(4))


def test_ids_that_are_no_file_names_are_refused(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path)) as store:
        for blob_id in ("", "..", "a/b", "a..", "a~1", "x" * 200, "-", "a\n"):
            with pytest.raises(BadInput):
                store.create(blob_id, geometry(1))
        assert ids(store) == set()


def test_a_blob_is_found_by_the_digest_it_was_sealed_with(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path)) as store:
        digest = sha256(content(geometry(3)))
        blob = put(store, "b", 3, seal=False)
        assert store.get_by_digest(digest) is None
        blob.seal(digest)
        assert store.get_by_digest(digest) is blob
        other = put(store, "same-content", 3)
        store.delete("b")
        assert store.get_by_digest(digest) is other
        store.delete("same-content")
        assert store.get_by_digest(digest) is None


def test_a_deleted_blob_leaves_no_file(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path)) as store:
        put(store, "b", 3)
        put(store, "c", 3, seal=False)
        assert store.delete("b")
        assert store.delete("c")
        assert not store.delete("b")
        assert store.get("b") is None
        assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []
        assert store.stats().used_bytes == 0


def test_an_id_can_be_used_again_after_deletion(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path)) as store:
        put(store, "b", 3)
        store.delete("b")
        assert read(put(store, "b", 2, seed=1)) == content(geometry(2), 1)
    with BlobStore(config(tmp_path)) as store:
        again = store.get("b")
        assert again is not None
        assert read(again) == content(geometry(2), 1)


@pytest.mark.parametrize("units", [0, 0.1, 1, 3.5])
def test_a_sealed_blob_is_there_after_a_restart(tmp_path: Path, units: float) -> None:
    data = content(geometry(units))
    with BlobStore(config(tmp_path)) as store:
        put(store, "b", units)
    with BlobStore(config(tmp_path)) as store:
        assert store.stats().unverified == 0
        blob = store.get("b")
        assert blob is not None
        assert blob.complete
        assert blob.meta == META
        assert blob.geometry == geometry(units)
        assert read(blob) == data
        for unit in range(blob.geometry.unit_count):
            extent = blob.geometry.unit_range(unit)
            assert blob.digests(unit) == unit_digest(data[extent.start : extent.end])
        assert store.get_by_digest(sha256(data)) is blob


def test_an_unsealed_blob_goes_on_after_a_restart(tmp_path: Path) -> None:
    shape = geometry(4)
    data = content(shape)
    with BlobStore(config(tmp_path)) as store:
        blob = store.create("b", shape, meta=META)
        put_unit(blob, data, 1)
        put_unit(blob, data, 3)
        put_unit(blob, data, 0)
        blob.discard(0)
    with BlobStore(config(tmp_path)) as store:
        again = store.get("b")
        assert again is not None
        assert list(again.held.iter_set()) == [1, 3]
        assert again.held_bytes == 2 * UNIT
        put_unit(again, data, 0)
    with BlobStore(config(tmp_path)) as store:
        again = store.get("b")
        assert again is not None
        assert list(again.held.iter_set()) == [0, 1, 3]
        put_unit(again, data, 2)
        again.seal(sha256(data))
    with BlobStore(config(tmp_path)) as store:
        again = store.get("b")
        assert again is not None
        assert again.complete
        assert read(again) == data


def test_what_was_reset_stays_away_after_a_restart(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path)) as store:
        put(store, "b", 4, seal=False).reset()
    with BlobStore(config(tmp_path)) as store:
        blob = store.get("b")
        assert blob is not None
        assert blob.held.count_set == 0


def test_a_blob_of_one_unit_is_kept_only_when_sealed(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path)) as store:
        put(store, "b", 1, seal=False)
        put(store, "c", 1)
    with BlobStore(config(tmp_path)) as store:
        assert ids(store) == {"c"}
    assert len([path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]) == 1


def test_signatures_and_passwords_of_a_url_are_not_kept(tmp_path: Path) -> None:
    meta = BlobMeta(url="https://me:secret@origin/a/b?X-Amz-Signature=s3cr3t#part")
    with BlobStore(config(tmp_path)) as store:
        store.create("b", geometry(3), meta=meta)
        store.flush()
        assert [info.url for info in store.all()] == ["https://origin/a/b"]
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"s3cr3t" not in path.read_bytes()


def test_the_listing_tells_what_a_blob_is(tmp_path: Path) -> None:
    clock = SetClock()
    with BlobStore(config(tmp_path), clock=clock) as store:
        put(store, "whole", 2.5)
        part = store.create("part", geometry(3), meta=BlobMeta(url="https://r", restricted=True))
        put_unit(part, content(geometry(3)), 1)
        clock.now += 5
        with part.pin():
            listed = {info.blob_id: info for info in store.all()}
            assert all(store.info(blob_id) == info for blob_id, info in listed.items())
        assert store.info("nothing") is None
        whole = listed["whole"]
        assert (whole.complete, whole.size_bytes, whole.held_bytes) == (True, 10240, 10240)
        assert whole.digest == str(sha256(content(geometry(2.5))))
        assert (whole.url, whole.restricted, whole.pinned) == (META.url, False, False)
        other = listed["part"]
        assert (other.complete, other.held_bytes, other.digest) == (False, UNIT, None)
        assert (other.url, other.restricted, other.pinned) == ("https://r", True, True)
        assert other.last_used == other.created + 5
        assert other.disk == tmp_path


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path)):
        with pytest.raises(ConfigError, match=f"pid {os.getpid()}"):
            BlobStore(config(tmp_path)).open()
    BlobStore(config(tmp_path)).open().close()


def test_a_closed_store_makes_nothing(tmp_path: Path) -> None:
    store = BlobStore(config(tmp_path)).open()
    sealed = put(store, "b", 3)
    filling = put(store, "c", 3, seal=False)
    store.close()
    store.close()
    with pytest.raises(Unavailable):
        store.create("d", geometry(1))
    assert read(sealed) == content(geometry(3))
    with pytest.raises(NotFound):
        filling.seal()


def test_last_use_is_remembered_over_a_restart(tmp_path: Path) -> None:
    clock = SetClock()
    with BlobStore(config(tmp_path), clock=clock) as store:
        put(store, "a")
        put(store, "b")
        clock.now += 50
        store.get("a")
    with BlobStore(config(tmp_path), clock=clock) as store:
        used = {info.blob_id: info.last_used for info in store.all()}
        assert used == {"a": clock.now, "b": clock.now - 50}


def test_descriptors_are_closed_with_the_last_holder(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path, idle_open_files=2)) as store:
        for number in range(20):
            put(store, f"b{number}", 1)
        store.flush()
        gc.collect()
        open_before = len(os.listdir("/proc/self/fd"))
        blobs = [store.get(f"b{number}") for number in range(20)]
        for blob in blobs:
            assert blob is not None
            blob.fileno()
        assert len(os.listdir("/proc/self/fd")) >= open_before + 18
        del blob, blobs
        gc.collect()
        assert len(os.listdir("/proc/self/fd")) <= open_before


def test_threads_that_create_the_same_blob_get_the_same_one(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path)) as store:
        made: list[object] = []
        start = threading.Barrier(6)

        def create() -> None:
            start.wait()
            made.append(store.create("b", geometry(8)))

        threads = [threading.Thread(target=create) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({id(blob) for blob in made}) == 1
        assert store.stats().used_bytes == 8 * UNIT
        assert len(list((tmp_path / "blobs").rglob("b~*"))) == 2


def test_thousands_of_small_blobs_are_kept(tmp_path: Path) -> None:
    data = b"x" * 2048
    digest = unit_digest(data)
    with BlobStore(config(tmp_path)) as store:
        for number in range(2000):
            blob = store.create(f"{number:064x}", geometry(0.5))
            blob.write_at(0, data)
            blob.commit(0, digest)
            blob.seal()
        assert store.stats().blobs == 2000
        assert len(store.all()) == 2000
    with BlobStore(config(tmp_path)) as store:
        assert store.stats().unverified == 0
        assert store.stats().blobs == 2000
        again = store.get(f"{1234:064x}")
        assert again is not None
        assert read(again) == data


def test_others_cannot_look_into_the_store(tmp_path: Path) -> None:
    with BlobStore(config(tmp_path / "new" / "disk")) as store:
        put(store, "b", 3)
        for path in (tmp_path / "new" / "disk").iterdir():
            assert path.stat().st_mode & 0o077 == 0, path
