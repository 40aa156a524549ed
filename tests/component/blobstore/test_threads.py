"""Many threads on one small store: nobody ever reads a wrong byte, and the books agree after."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from blobstore import BlobStore
from dfcore.digest import unit_digest
from dfcore.errors import BadInput, DigestMismatch, InvalidTransition, NoSpace, NotFound
from tests.component.blobstore.kit import UNIT, config, content, geometry, put_unit, sha256

# What may happen to a thread whose blob another one evicts, deletes, resets or seals.
EXPECTED = (NotFound, NoSpace, InvalidTransition, DigestMismatch, BadInput)


def work(store: BlobStore, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(150):
        name = f"b{rng.randrange(6)}"
        shape = geometry(1 + int(name[1:]) * 0.7)
        data = content(shape, name)
        try:
            blob = store.get(name) or store.create(name, shape)
            with blob.pin():
                for unit in blob.held.iter_missing():
                    if rng.random() < 0.8:
                        put_unit(blob, data, unit)
                for unit in blob.held.iter_set():
                    extent = shape.unit_range(unit)
                    part = blob.pread(extent.start, extent.size)
                    assert unit_digest(part) == unit_digest(data[extent.start : extent.end])
                if rng.random() < 0.1:
                    blob.discard(0)
                if blob.held.is_full:
                    blob.seal(sha256(data))
            if rng.random() < 0.1:
                store.delete(name)
            if rng.random() < 0.02:
                store.flush()
        except EXPECTED:
            continue


def hammer(store: BlobStore, seed: int) -> list[BaseException]:
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(store, seed * 10 + number)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


@pytest.mark.parametrize("seed", range(3))
def test_threads_never_see_a_wrong_byte(tmp_path: Path, seed: int) -> None:
    settings = config(tmp_path, limit=16 * UNIT, unsealed_idle_s=0, sync_interval_s=0.01)
    with BlobStore(settings) as store:
        assert hammer(store, seed) == []
        listed = store.all()
        disk = store._holdings.disks[0]
        assert disk.reserved_bytes == 0
        assert disk.used_bytes == sum(-(-info.size_bytes // UNIT) * UNIT for info in listed)
        assert disk.used_bytes <= 16 * UNIT
        assert not any(info.pinned for info in listed)
    with BlobStore(config(tmp_path)) as store:
        for info in store.all():
            blob = store.get(info.blob_id)
            assert blob is not None
            for unit in blob.held.iter_set():
                extent = blob.geometry.unit_range(unit)
                data = content(blob.geometry, info.blob_id)
                assert blob.pread(extent.start, extent.size) == data[extent.start : extent.end]
        files = [path for path in (tmp_path / "blobs").rglob("*~*") if path.suffix != ".units"]
        assert len(files) == store.stats().blobs
