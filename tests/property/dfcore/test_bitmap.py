"""A bitmap is a set of small numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dfcore.bitmap import Bitmap, lowest, units_of


@st.composite
def bitmaps(draw: st.DrawFn, count: int | None = None) -> tuple[Bitmap, set[int]]:
    """A bitmap and the set it stands for."""
    size = draw(st.integers(0, 200)) if count is None else count
    units = draw(st.sets(st.integers(0, size - 1))) if size else set()
    made = Bitmap(size)
    for unit in units:
        made.add(unit)
    return made, units


@st.composite
def pairs(draw: st.DrawFn) -> tuple[tuple[Bitmap, set[int]], tuple[Bitmap, set[int]]]:
    """Two bitmaps of one blob."""
    count = draw(st.integers(0, 100))
    return draw(bitmaps(count)), draw(bitmaps(count))


@given(bitmaps())
def test_it_answers_as_the_set_does(pair: tuple[Bitmap, set[int]]) -> None:
    held, units = pair
    everything = set(range(held.count))
    assert list(held.iter_set()) == sorted(units)
    assert list(held.iter_missing()) == sorted(everything - units)
    assert held.count_set == len(units)
    assert held.is_full == (units == everything)
    assert {unit for unit in range(-2, held.count + 2) if unit in held} == units


@given(bitmaps(), st.integers(-5, 250))
def test_the_first_missing_is_the_lowest(pair: tuple[Bitmap, set[int]], start: int) -> None:
    held, _ = pair
    rest = [unit for unit in held.iter_missing() if unit >= start]
    assert held.first_missing(start) == (rest[0] if rest else None)


@given(bitmaps())
def test_the_wire_form_comes_back_as_it_went(pair: tuple[Bitmap, set[int]]) -> None:
    held, _ = pair
    data = held.to_bytes()
    assert Bitmap.from_bytes(data, held.count) == held
    for unit in range(held.count):
        assert bool(data[unit // 8] >> unit % 8 & 1) == (unit in held)


@given(pairs())
def test_union(pair: tuple[tuple[Bitmap, set[int]], tuple[Bitmap, set[int]]]) -> None:
    (a, a_units), (b, b_units) = pair
    assert set(a.union(b).iter_set()) == a_units | b_units


@given(bitmaps(), st.data())
def test_changes(pair: tuple[Bitmap, set[int]], data: st.DataObject) -> None:
    held, units = pair
    start = data.draw(st.integers(0, held.count))
    run = range(start, data.draw(st.integers(start, held.count)))
    before = held.copy()
    held.add_all(run)
    assert set(held.iter_set()) == units | set(run)
    for unit in run:
        held.discard(unit)
    assert set(held.iter_set()) == units - set(run)
    assert set(before.iter_set()) == units


@given(st.sets(st.integers(0, 300)))
def test_sets_that_are_integers(units: set[int]) -> None:
    bits = sum(1 << unit for unit in units)
    assert list(units_of(bits)) == sorted(units)
    if units:
        assert lowest(bits) == min(units)
    assert lowest(~bits) == min(set(range(302)) - units)
