"""The index and its one writer."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from blobstore import BlobMeta, DiskConfig, files
from blobstore.disks import Disk
from blobstore.index import Index, Row, make_row
from blobstore.ledger import Ledger
from blobstore.model import State
from tests.component.blobstore.kit import geometry


def row(blob_id: str = "b", *, nonce: int = 1, state: State = State.FILLING) -> Row:
    return make_row(
        blob_id,
        nonce,
        geometry(0.5),
        BlobMeta(url="https://o"),
        state=state,
        created=1.0,
        last_used=2.0,
        digests=bytes(16),
    )


@dataclass
class Desk:
    """A ledger and what it reported."""

    disk: Disk
    index: Index
    durable: list[Row] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(
            self.disk,
            self.index,
            sync_interval_s=3600,
            on_durable=self.durable.append,
            on_failure=lambda _, error: self.failures.append(error),
        )
        self.ledger.start()

    def make_file(self, of: Row) -> None:
        self.disk.make_shard(of.blob_id)
        self.disk.blob_path(of.blob_id, of.nonce).write_bytes(bytes(of.size_bytes))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    disk = Disk(DiskConfig(tmp_path))
    disk.acquire()
    made = Desk(disk, Index(tmp_path / "index.sqlite"))
    yield made
    made.ledger.close()
    disk.release()


def test_what_was_put_is_found_before_and_after_it_is_written(desk: Desk) -> None:
    desk.ledger.put(row())
    assert desk.ledger.find("b") == row()
    desk.ledger.flush()
    assert desk.index.get("b") == row()
    assert desk.ledger.find("b") == row()
    desk.ledger.remove("b")
    assert desk.ledger.find("b") is None
    assert desk.ledger.rows() == []
    desk.ledger.flush()
    assert desk.index.get("b") is None


def test_the_last_word_on_a_blob_counts(desk: Desk) -> None:
    desk.ledger.put(row(nonce=1))
    desk.ledger.remove("b")
    desk.ledger.put(row(nonce=2))
    desk.ledger.flush()
    written = desk.index.get("b")
    assert written is not None
    assert written.nonce == 2


def test_a_sealed_blob_becomes_durable(desk: Desk) -> None:
    sealed = row(state=State.SEALED)
    desk.make_file(sealed)
    desk.ledger.put(sealed)
    desk.ledger.flush()
    assert desk.durable == [sealed]
    written = desk.index.get("b")
    assert written is not None
    assert written.state == State.DURABLE


def test_many_sealed_blobs_cost_one_sync(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs: list[Path] = []
    monkeypatch.setattr(files, "sync_file_system", syncs.append)
    monkeypatch.setattr(files, "sync_file", lambda _: pytest.fail("one by one"))
    for number in range(100):
        desk.ledger.put(row(f"b{number}", state=State.SEALED))
    desk.ledger.flush()
    assert len(desk.durable) == 100
    assert 1 <= len(syncs) <= 2


def test_a_sealed_blob_that_was_deleted_is_not_durable(desk: Desk) -> None:
    desk.ledger.put(row(state=State.SEALED))  # it has no file
    desk.ledger.flush()
    assert desk.durable == []
    assert desk.failures == []


def test_times_of_use_are_written_at_the_latest_when_flushed(desk: Desk) -> None:
    desk.ledger.put(row())
    desk.ledger.touch("b", 77.0)
    desk.ledger.touch("unknown", 77.0)
    desk.ledger.flush()
    written = desk.index.get("b")
    assert written is not None
    assert written.last_used == 77.0


def test_a_use_after_the_seal_outlives_the_proof(desk: Desk) -> None:
    sealed = row(state=State.SEALED)
    desk.make_file(sealed)
    desk.ledger.put(sealed)
    desk.ledger.touch("b", 77.0)
    desk.ledger.flush()
    written = desk.index.get("b")
    assert written is not None
    assert (written.last_used, written.state) == (77.0, State.DURABLE)


class FullIndex:
    """An index on a disk that is full until it is told otherwise."""

    def __init__(self, index: Index) -> None:
        self.real = index.apply
        self.full = True

    def apply(self, *arguments: object) -> None:
        if self.full:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        self.real(*arguments)  # type: ignore[arg-type]


def test_a_full_disk_delays_the_index_and_loses_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = FullIndex(desk.index)
    monkeypatch.setattr(desk.index, "apply", full.apply)
    desk.ledger.put(row())
    desk.ledger.flush()
    assert desk.ledger.find("b") == row()
    assert desk.index.get("b") is None
    full.full = False
    desk.ledger.flush()
    assert desk.index.get("b") == row()
    assert desk.failures == []


def test_what_a_full_disk_did_not_take_is_no_clean_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(DiskConfig(tmp_path))
    disk.acquire()
    desk = Desk(disk, Index(tmp_path / "index.sqlite"))
    monkeypatch.setattr(desk.index, "apply", FullIndex(desk.index).apply)
    desk.ledger.put(row())
    desk.ledger.close()
    disk.release()
    index = Index(tmp_path / "index.sqlite")
    assert not index.was_clean
    index.close(clean=True)


def test_a_broken_index_is_reported_and_nobody_waits_for_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(desk.index, "apply", broken)
        desk.ledger.put(row())
        desk.ledger.flush()
    assert len(desk.failures) == 1


def test_an_error_while_forcing_bytes_out_is_reported(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Path) -> None:
        raise OSError(errno.EIO, "injected")

    monkeypatch.setattr(files, "sync_file", broken)
    desk.ledger.put(row(state=State.SEALED))
    desk.ledger.flush()
    assert [getattr(error, "errno", None) for error in desk.failures] == [errno.EIO]
    assert desk.durable == []


def test_an_index_knows_whether_it_was_closed(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    first = Index(path)
    assert not first.was_clean  # new: whoever lost the old one has to look
    first.close(clean=True)
    second = Index(path)
    assert second.was_clean
    second.close(clean=False)
    third = Index(path)
    assert not third.was_clean
    third.close(clean=True)


def test_an_index_of_another_version_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.commit()
    connection.close()
    with pytest.raises(sqlite3.DatabaseError, match="99"):
        Index(path)
