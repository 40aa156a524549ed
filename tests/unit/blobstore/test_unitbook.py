from __future__ import annotations

from pathlib import Path

import pytest

from blobstore.unitbook import UnitBook, unpack_digests
from dfcore.pieces import Geometry

SHAPE = Geometry(35, 40, 10)
NO_JOURNAL = Path("/nowhere/x.units")


@pytest.fixture
def book() -> UnitBook:
    return UnitBook(SHAPE, full=False, digests=b"")


def test_units_come_and_go_with_their_bytes(book: UnitBook) -> None:
    assert book.add(0, b"a" * 16) == 10
    assert book.add(3, b"b" * 16) == 5
    assert book.digest(3, NO_JOURNAL) == b"b" * 16
    assert book.digest(1, NO_JOURNAL) is None
    assert book.drop(3) == 5
    assert book.drop(3) == 0
    assert list(book.held.iter_set()) == [0]
    book.drop_all()
    assert book.digest(0, NO_JOURNAL) is None


def test_holding_a_range_means_every_unit(book: UnitBook) -> None:
    book.add(1, bytes(16))
    book.add(2, bytes(16))
    assert book.holds(range(1, 3))
    assert book.holds(range(0))
    assert not book.holds(range(3))
    assert not book.holds(range(2, 4))


def test_digests_are_packed_in_order(book: UnitBook) -> None:
    for unit in (2, 0, 3, 1):
        book.add(unit, bytes([unit]) * 16)
    packed = book.packed_digests()
    assert unpack_digests(packed) == {unit: bytes([unit]) * 16 for unit in range(4)}


def test_only_what_was_verified_is_believed(book: UnitBook) -> None:
    assert book.believe({1: b"x" * 16, 3: b"y" * 16}) == 15
    assert list(book.held.iter_set()) == [1, 3]
    assert book.recorded() == {1: b"x" * 16, 3: b"y" * 16}
