"""Bitmaps: membership, searching, set algebra, the wire form."""

from __future__ import annotations

import pytest

from dfcore.bitmap import Bitmap
from dfcore.errors import BadInput


def bitmap(count: int, *units: int) -> Bitmap:
    made = Bitmap(count)
    for unit in units:
        made.add(unit)
    return made


def test_units_go_in_and_out() -> None:
    held = bitmap(10, 3, 3, 9)
    assert list(held.iter_set()) == [3, 9]
    assert held.count_set == 2
    assert 3 in held
    assert 4 not in held
    assert -1 not in held
    assert 10 not in held
    held.discard(3)
    held.discard(4)
    assert list(held.iter_set()) == [9]


def test_a_run_goes_in_at_once() -> None:
    held = Bitmap(10)
    held.add_all(range(2, 5))
    held.add_all(range(4, 7))
    held.add_all(range(99, 99))
    assert list(held.iter_set()) == [2, 3, 4, 5, 6]
    assert list(held.iter_missing()) == [0, 1, 7, 8, 9]


def test_what_is_outside_is_refused_and_changes_nothing() -> None:
    held = Bitmap(4)
    with pytest.raises(BadInput):
        held.add(4)
    with pytest.raises(BadInput):
        held.add(-1)
    with pytest.raises(BadInput):
        held.add_all(range(3, 5))
    with pytest.raises(BadInput):
        held.add_all(range(0, 4, 2))
    with pytest.raises(BadInput):
        Bitmap(-1)
    assert held.bits == 0


def test_the_first_missing() -> None:
    held = bitmap(5, 0, 1, 3)
    assert held.first_missing() == 2
    assert held.first_missing(3) == 4
    assert held.first_missing(5) is None
    assert bitmap(2, 0, 1).first_missing() is None


def test_full_and_empty() -> None:
    assert Bitmap(0).is_full
    assert Bitmap(0).first_missing() is None
    assert not list(Bitmap(0).iter_missing())
    assert not Bitmap(1).is_full
    assert bitmap(2, 0, 1).is_full


def test_a_union_leaves_its_operands_alone() -> None:
    a, b = bitmap(4, 0, 1), bitmap(4, 1, 2)
    assert a.union(b) == bitmap(4, 0, 1, 2)
    assert a == bitmap(4, 0, 1)


def test_bitmaps_of_different_blobs_do_not_mix() -> None:
    with pytest.raises(BadInput):
        Bitmap(4).union(Bitmap(5))
    assert Bitmap(4) != Bitmap(5)


def test_a_copy_is_independent() -> None:
    held = bitmap(4, 1)
    other = held.copy()
    other.add(2)
    assert list(held.iter_set()) == [1]


def test_iteration_sees_the_moment_it_began() -> None:
    held = Bitmap(3)
    for unit in held.iter_missing():
        held.add_all(range(unit + 1))
    assert held.is_full
    rest = bitmap(3, 0, 1, 2)
    seen = []
    for unit in rest.iter_set():
        rest.discard(2)
        seen.append(unit)
    assert seen == [0, 1, 2]


def test_the_wire_form_is_lowest_bit_first() -> None:
    held = bitmap(10, 0, 9)
    assert held.to_bytes() == bytes([0b00000001, 0b00000010])
    assert Bitmap.from_bytes(memoryview(held.to_bytes()), 10) == held
    assert Bitmap(0).to_bytes() == b""


@pytest.mark.parametrize(("data", "count"), [(b"", 1), (b"\0\0", 8), (b"\x02", 1), (b"\0\x04", 10)])
def test_a_wire_form_that_does_not_fit_is_refused(data: bytes, count: int) -> None:
    with pytest.raises(BadInput):
        Bitmap.from_bytes(data, count)


def test_it_shows_how_far_it_is() -> None:
    assert repr(bitmap(4, 1)) == "Bitmap(1/4)"
