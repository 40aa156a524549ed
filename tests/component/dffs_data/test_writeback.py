"""--writeback: closed files are on this node at once, in the volume soon, and lost never."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from dfcore.errors import BadInput, Unavailable
from dffs.meta.types import ROOT_CALLER
from dffs.options import CacheOptions
from dffs.volume import Volume
from tests.component.dffs_data.conftest import BLOCK, Opener, options
from tests.component.dffs_data.faulty import FaultyStore
from tests.component.dffs_data.test_files import content, create, noise, reopen


@pytest.fixture
def held(open_volume: Opener) -> tuple[Volume, threading.Event]:
    """A node with --writeback, whose uploads wait for the event."""
    volume = open_volume(writeback=True)
    go = threading.Event()
    store = FaultyStore(volume.blocks.store)

    def before(call: str, _name: str) -> None:
        if call == "put":
            go.wait(20)

    store.before = before
    volume.blocks.store = store
    return volume, go


def save(volume: Volume, name: str, data: bytes) -> int:
    file = create(volume, name)
    file.write(0, data)
    file.flush()
    file.release()
    return file.ino


def wait_published(volume: Volume, ino: int, size: int) -> None:
    volume.files.flush_ino(ino)
    assert volume.meta.getattr(ino).size_bytes == size


def test_a_closed_file_is_seen_here_at_once_and_elsewhere_when_it_is_stored(
    held: tuple[Volume, threading.Event], open_volume: Opener
) -> None:
    here, go = held
    there = open_volume()
    data = noise(3 * BLOCK + 7)
    ino = save(here, "a", data)
    assert content(here, ino) == data
    assert here.files.seen(here.meta.getattr(ino)).size_bytes == len(data)
    assert there.meta.getattr(ino).size_bytes == 0
    go.set()
    wait_published(here, ino, len(data))
    assert content(there, ino) == data


def test_a_promise_is_kept_after_a_crash(
    held: tuple[Volume, threading.Event], meta_url: str, tmp_path: Path
) -> None:
    here, go = held
    data = noise(2 * BLOCK + 1)
    file = create(here, "a")
    file.write(0, data)
    file.fsync()
    # As a kill would leave it: neither stores nor sessions are closed.
    copy = tmp_path / "after"
    os.system(f"cp -a {tmp_path}/node0 {copy}")
    with Volume.open(meta_url, options(copy, writeback=True)) as again:
        assert content(again, file.ino) == data
        assert again.meta.getattr(file.ino).size_bytes == len(data)
        assert not list((copy / "cache").glob("*-staging/*.promise"))
    here.files._inodes[file.ino].discard()
    go.set()


def test_an_unlinked_file_need_not_be_published(held: tuple[Volume, threading.Event]) -> None:
    here, go = held
    ino = save(here, "a", noise(BLOCK))
    here.meta.unlink(ROOT_CALLER, 1, b"a", skip_trash=True)
    go.set()
    here.files.flush_all()
    assert here.meta.statfs().used_inodes <= 2
    assert ino


def test_a_store_that_is_away_delays_and_loses_nothing(
    held: tuple[Volume, threading.Event],
) -> None:
    here, go = held
    store = here.blocks.store
    assert isinstance(store, FaultyStore)

    def away(call: str, _name: str) -> None:
        raise Unavailable("away")

    store.before = away
    data = noise(2 * BLOCK)
    ino = save(here, "a", data)
    again = reopen(here, ino, os.O_RDWR)
    again.write(BLOCK, b"y")
    again.flush()
    again.release()
    store.before = lambda _call, _name: None
    go.set()
    wait_published(here, ino, len(data))
    assert content(here, ino) == data[:BLOCK] + b"y" + data[BLOCK + 1 :]


def test_it_needs_a_disk(open_volume: Opener) -> None:
    with pytest.raises(BadInput, match="--cache-dir"):
        open_volume(writeback=True, cache=CacheOptions())
