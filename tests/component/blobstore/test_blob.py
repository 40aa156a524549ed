"""One blob: written, committed, read, sealed, linked."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from blobstore import BlobMeta, BlobStore
from dfcore.digest import Digest, unit_digest
from dfcore.errors import BadInput, DigestMismatch, InvalidTransition, NotFound
from dfcore.ranges import ByteRange
from tests.component.blobstore.kit import UNIT, config, content, geometry, put, put_unit, read

SHAPE = geometry(3.5)
DATA = content(SHAPE)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BlobStore]:
    with BlobStore(config(tmp_path / "disk")) as opened:
        yield opened


def test_a_unit_is_held_only_after_its_commit(store: BlobStore) -> None:
    blob = store.create("b", SHAPE)
    blob.write_at(0, DATA[:UNIT])
    assert 0 not in blob.held
    with pytest.raises(NotFound):
        blob.pread(0, 10)
    blob.commit(0, unit_digest(DATA[:UNIT]))
    assert list(blob.held.iter_set()) == [0]
    assert blob.pread(10, 20) == DATA[10:30]
    assert blob.digests(0) == unit_digest(DATA[:UNIT])
    assert blob.digests(1) is None
    assert blob.held_bytes == UNIT


def test_units_come_in_any_order_and_in_parts(store: BlobStore) -> None:
    blob = store.create("b", SHAPE)
    for unit in (3, 1, 0, 2):
        put_unit(blob, DATA, unit)
    assert blob.held.is_full
    assert read(blob) == DATA
    assert not blob.complete


def test_one_write_may_span_units(store: BlobStore) -> None:
    blob = store.create("b", SHAPE)
    blob.write_at(100, DATA[100:])
    blob.write_at(0, DATA[:100])
    for unit in range(4):
        extent = SHAPE.unit_range(unit)
        blob.commit(unit, unit_digest(DATA[extent.start : extent.end]))
    assert read(blob) == DATA


def test_unverified_bytes_can_be_read_on_request(store: BlobStore) -> None:
    blob = store.create("b", SHAPE)
    blob.write_at(0, DATA[:UNIT])
    assert blob.pread(0, 8, unverified=True) == DATA[:8]


def test_reads_end_at_the_end_of_the_blob(store: BlobStore) -> None:
    blob = put(store, "b", 3.5)
    assert len(blob.pread(UNIT * 3, UNIT)) == UNIT // 2
    assert blob.pread(SHAPE.size_bytes + 5, 10) == b""
    buffer = bytearray(UNIT)
    assert blob.read_into(UNIT * 3, buffer) == UNIT // 2


def test_holds_asks_for_every_unit_of_the_range(store: BlobStore) -> None:
    blob = store.create("b", SHAPE)
    put_unit(blob, DATA, 1)
    assert blob.holds(ByteRange(UNIT, 2 * UNIT))
    assert not blob.holds(ByteRange(UNIT - 1, 2 * UNIT))
    assert not blob.holds(ByteRange(UNIT, 2 * UNIT + 1))
    assert not blob.holds(ByteRange(0, SHAPE.size_bytes + 1))


def test_writes_outside_the_blob_are_refused(store: BlobStore) -> None:
    blob = store.create("b", SHAPE)
    with pytest.raises(BadInput):
        blob.write_at(SHAPE.size_bytes - 1, b"ab")
    with pytest.raises(BadInput):
        blob.write_at(-1, b"a")
    with pytest.raises(BadInput):
        blob.commit(4, bytes(16))
    with pytest.raises(BadInput):
        blob.commit(0, b"short")


def test_a_late_write_cannot_change_a_held_unit(store: BlobStore) -> None:
    blob = store.create("b", SHAPE)
    put_unit(blob, DATA, 1)
    blob.write_at(UNIT, bytes(UNIT))
    blob.write_at(UNIT + 5, b"garbage")
    assert blob.pread(UNIT, UNIT) == DATA[UNIT : 2 * UNIT]


def test_a_write_over_held_and_missing_units_changes_only_the_missing(store: BlobStore) -> None:
    blob = store.create("b", SHAPE)
    put_unit(blob, DATA, 1)
    blob.write_at(0, b"x" * SHAPE.size_bytes)
    assert blob.pread(UNIT, UNIT) == DATA[UNIT : 2 * UNIT]
    assert blob.pread(0, UNIT, unverified=True) == b"x" * UNIT


def test_committing_again_changes_nothing_unless_the_digest_differs(store: BlobStore) -> None:
    blob = store.create("b", SHAPE)
    seen: list[int | None] = []
    blob.add_listener(seen.append)
    put_unit(blob, DATA, 0)
    blob.commit(0, unit_digest(DATA[:UNIT]))
    assert seen == [0]
    with pytest.raises(DigestMismatch):
        blob.commit(0, bytes(16))
    assert 0 in blob.held


def in_thread(function: object, *args: object) -> None:
    thread = threading.Thread(target=function, args=args)  # type: ignore[arg-type]
    thread.start()
    thread.join()


def test_a_unit_two_threads_wrote_is_read_back_before_it_is_believed(store: BlobStore) -> None:
    blob = store.create("b", SHAPE)
    blob.write_at(0, DATA[:UNIT])
    in_thread(blob.write_at, 10, b"garbage of a second parent")
    with pytest.raises(DigestMismatch):
        blob.commit(0, unit_digest(DATA[:UNIT]))
    assert 0 not in blob.held
    put_unit(blob, DATA, 0)
    assert blob.pread(0, UNIT) == DATA[:UNIT]


def test_a_second_thread_may_take_over_a_unit(store: BlobStore) -> None:
    blob = store.create("b", SHAPE)
    in_thread(blob.write_at, 0, b"a parent that broke off")
    put_unit(blob, DATA, 0)
    assert blob.pread(0, UNIT) == DATA[:UNIT]


def test_discarded_units_are_missing_until_they_come_again(store: BlobStore) -> None:
    blob = put(store, "b", 3.5, seal=False)
    blob.discard(1)
    blob.discard(1)
    assert list(blob.held.iter_missing()) == [1]
    assert blob.held_bytes == SHAPE.size_bytes - UNIT
    put_unit(blob, DATA, 1)
    assert blob.held.is_full


def test_reset_drops_everything(store: BlobStore) -> None:
    blob = put(store, "b", 3.5, seal=False)
    blob.reset()
    assert blob.held.count_set == 0
    assert blob.held_bytes == 0
    blob.write_at(0, bytes(UNIT))
    blob.commit(0, unit_digest(bytes(UNIT)))
    assert blob.pread(0, UNIT) == bytes(UNIT)


def test_a_blob_with_missing_units_cannot_be_sealed(store: BlobStore) -> None:
    blob = store.create("b", SHAPE)
    put_unit(blob, DATA, 0)
    with pytest.raises(InvalidTransition):
        blob.seal()
    assert not blob.complete


def test_a_sealed_blob_never_changes(store: BlobStore) -> None:
    blob = put(store, "b", 3.5)
    blob.write_at(0, bytes(SHAPE.size_bytes))
    assert read(blob) == DATA
    with pytest.raises(InvalidTransition):
        blob.discard(0)
    with pytest.raises(InvalidTransition):
        blob.reset()
    blob.seal()
    assert blob.complete


def test_seal_refuses_another_digest_than_the_expected_one(store: BlobStore) -> None:
    expected = Digest("md5", "0" * 32)
    blob = store.create("b", geometry(0), meta=BlobMeta(digest=str(expected)))
    with pytest.raises(DigestMismatch):
        blob.seal(Digest("md5", "1" * 32))
    blob.seal(expected)
    assert blob.digest == expected


def test_a_digest_of_another_algorithm_is_a_second_name(store: BlobStore) -> None:
    expected, found = Digest("git-sha1", "0" * 40), Digest("md5", "1" * 32)
    blob = store.create("b", geometry(0), meta=BlobMeta(digest=str(expected)))
    blob.seal(found)
    assert store.get_by_digest(found) is blob


def test_an_empty_blob_is_sealed_and_read(store: BlobStore) -> None:
    blob = store.create("empty", geometry(0))
    blob.seal()
    assert blob.complete
    assert blob.held.is_full
    assert read(blob) == b""


def test_listeners_hear_of_commits_and_of_the_seal(store: BlobStore) -> None:
    blob = store.create("b", SHAPE)
    seen: list[int | None] = []
    other: list[int | None] = []
    blob.add_listener(seen.append)
    blob.add_listener(other.append)
    put_unit(blob, DATA, 2)
    blob.remove_listener(other.append)
    blob.remove_listener(other.append)
    for unit in (0, 1, 3):
        put_unit(blob, DATA, unit)
    blob.seal()
    assert seen == [2, 0, 1, 3, None]
    assert other == [2]


def test_a_unit_is_readable_when_its_listener_is_called(store: BlobStore) -> None:
    blob = store.create("b", SHAPE)
    seen: list[bytes] = []
    blob.add_listener(lambda unit: seen.append(blob.pread(UNIT * (unit or 0), 4)))
    put_unit(blob, DATA, 2)
    assert seen == [DATA[2 * UNIT : 2 * UNIT + 4]]


def test_a_closed_loop_does_not_keep_others_from_hearing(store: BlobStore) -> None:
    blob = store.create("b", SHAPE)
    seen: list[int | None] = []

    def closed(_: int | None) -> None:
        raise RuntimeError("Event loop is closed")

    blob.add_listener(closed)
    blob.add_listener(seen.append)
    put_unit(blob, DATA, 0)
    assert seen == [0]


def test_a_hard_link_is_read_only_and_survives_the_store(store: BlobStore, tmp_path: Path) -> None:
    blob = put(store, "b", 3.5)
    target = tmp_path / "model.bin"
    assert blob.link_to(target)
    assert target.stat().st_ino == os.fstat(blob.fileno()).st_ino
    assert target.stat().st_mode & 0o222 == 0
    store.delete("b")
    assert target.read_bytes() == DATA


def test_linking_does_not_overwrite_unless_told(store: BlobStore, tmp_path: Path) -> None:
    blob = put(store, "b", 3.5)
    target = tmp_path / "model.bin"
    target.write_bytes(b"mine")
    with pytest.raises(BadInput):
        blob.link_to(target)
    assert target.read_bytes() == b"mine"
    assert blob.link_to(target, overwrite=True)
    assert blob.link_to(target, overwrite=True)
    assert target.read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["model.bin"]


def test_an_unsealed_blob_cannot_be_linked(store: BlobStore, tmp_path: Path) -> None:
    blob = put(store, "b", 3.5, seal=False)
    with pytest.raises(InvalidTransition):
        blob.link_to(tmp_path / "model.bin")


def test_descriptors_read_the_file(store: BlobStore) -> None:
    blob = put(store, "b", 3.5)
    assert os.pread(blob.fileno(), 100, 50) == DATA[50:150]
    assert blob.path.read_bytes() == DATA


def test_after_deletion_readers_go_on_and_writers_stop(store: BlobStore) -> None:
    blob = put(store, "b", 3.5, seal=False)
    fd = blob.fileno()
    blob.discard(0)
    store.delete("b")
    assert blob.deleted
    assert os.pread(fd, 10, UNIT) == DATA[UNIT : UNIT + 10]
    with pytest.raises(NotFound):
        blob.write_at(0, b"x")
    with pytest.raises(NotFound):
        blob.commit(0, bytes(16))
    with pytest.raises(NotFound):
        blob.seal()
    with pytest.raises(NotFound):
        blob.pin()


def test_threads_fill_one_blob_together(store: BlobStore) -> None:
    shape = geometry(64)
    data = content(shape, "threads")
    blob = store.create("b", shape)
    seen: list[int | None] = []
    blob.add_listener(seen.append)

    def fill(first: int) -> None:
        for unit in range(first, 64, 4):
            put_unit(blob, data, unit)

    threads = [threading.Thread(target=fill, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(u for u in seen if u is not None) == list(range(64))
    assert read(blob) == data


def test_threads_that_race_for_the_same_units_never_corrupt_them(store: BlobStore) -> None:
    shape = geometry(16)
    data = content(shape, "race")
    blob = store.create("b", shape)

    def fill(bad: bool) -> None:
        for unit in range(16):
            extent = shape.unit_range(unit)
            part = data[extent.start : extent.end]
            half = UNIT // 2
            blob.write_at(extent.start, part[:half])
            blob.write_at(extent.start + half, bytes(half) if bad else part[half:])
            if bad:
                continue  # a liar: its digest never agrees, so it does not commit
            try:
                blob.commit(unit, unit_digest(part))
            except DigestMismatch:
                put_unit(blob, data, unit)

    threads = [threading.Thread(target=fill, args=(bad,)) for bad in (True, False, True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for unit in blob.held.iter_set():
        extent = shape.unit_range(unit)
        assert blob.pread(extent.start, extent.size) == data[extent.start : extent.end]
