"""On Google's storage, too, an object that is there is not put again: by the generation it must have."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from dffs.blocks.codec import Codec
from dffs.blocks.names import Names
from dffs.blocks.store import BlockStore
from dffs.object.opening import open_store
from tests.component.dffs_data.google import Google


@pytest.fixture
def google() -> Iterator[Google]:
    with Google() as server:
        yield server


def test_what_is_there_is_not_put_again(google: Google) -> None:
    store = open_store(google.location)
    assert store.put("v/a", b"first", create=True)
    assert not store.put("v/a", b"other", create=True)
    assert bytes(store.get("v/a")) == b"first"
    assert store.put("v/a", b"other")
    assert bytes(store.get("v/a")) == b"other"
    assert google.conditions == ["0", "0", None]


def test_of_writers_at_once_one_puts(google: Google) -> None:
    store = open_store(google.location)
    together = threading.Barrier(8)

    def put(number: int) -> bool:
        together.wait()
        return store.put("v/a", b"%d" % number, create=True)

    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(put, range(8)))
    assert won.count(True) == 1
    assert bytes(store.get("v/a")) == b"%d" % won.index(True)


def test_an_equal_block_is_stored_once(google: Google) -> None:
    content = b"weights" * 1000
    digest = hashlib.sha256(content).digest()
    blocks = BlockStore(open_store(google.location), Names("v"), Codec(), block_size_bytes=1 << 16)
    assert blocks.put(digest, content)
    assert not blocks.put(digest, content)
    assert bytes(blocks.get(digest, len(content))) == content
