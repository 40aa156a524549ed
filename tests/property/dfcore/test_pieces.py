"""Geometry: parts tile the blob, and each host computes the same ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dfcore.pieces import (
    MAX_PIECE_LENGTH,
    MIB,
    MIN_PIECE_LENGTH,
    Geometry,
    piece_length_for,
    unit_length_for,
)
from dfcore.ranges import ByteRange

SIZES = st.one_of(st.integers(0, 1 << 20), st.integers(0, 1 << 45))
PIECE_LENGTHS = st.one_of(st.none(), st.integers(MIN_PIECE_LENGTH, MAX_PIECE_LENGTH))


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    """Small ones, so that all parts can be walked."""
    unit = draw(st.integers(1, 20))
    return Geometry(draw(st.integers(0, 500)), unit * draw(st.integers(1, 8)), unit)


@given(SIZES)
def test_lengths_are_powers_of_two_within_their_bounds(size: int) -> None:
    piece, unit = piece_length_for(size), unit_length_for(size)
    assert piece.bit_count() == unit.bit_count() == 1
    assert MIN_PIECE_LENGTH <= piece <= MAX_PIECE_LENGTH
    assert (MIB if size >= 128 * MIB else MIB // 2) <= unit <= piece


@given(SIZES)
def test_a_blob_has_about_256_units_where_the_bounds_allow(size: int) -> None:
    unit = unit_length_for(size)
    if MIB < unit < MIN_PIECE_LENGTH:
        assert 181 <= Geometry.for_size(size).unit_count <= 363


@given(SIZES, PIECE_LENGTHS)
def test_the_unit_divides_the_piece(size: int, piece_length: int | None) -> None:
    geometry = Geometry.for_size(size, piece_length)
    assert geometry.piece_length % geometry.unit_length == 0
    assert geometry.piece_length == (piece_length or piece_length_for(size))
    assert geometry.unit_length >= MIB // 2


@given(geometries())
def test_units_and_pieces_tile_the_blob(geometry: Geometry) -> None:
    for count, part in (
        (geometry.unit_count, geometry.unit_range),
        (geometry.piece_count, geometry.piece_range),
    ):
        end = 0
        for number in range(count):
            assert part(number).start == end
            assert part(number).size > 0
            end = part(number).end
        assert end == geometry.size_bytes


@given(geometries())
def test_the_units_of_the_pieces_are_all_units_in_order(geometry: Geometry) -> None:
    units = [
        (unit, piece)
        for piece in range(geometry.piece_count)
        for unit in geometry.units_of_piece(piece)
    ]
    assert [unit for unit, _ in units] == list(range(geometry.unit_count))
    assert all(geometry.piece_of_unit(unit) == piece for unit, piece in units)


@given(geometries(), st.integers(0, 600), st.integers(0, 600))
def test_the_units_of_a_range_are_those_that_share_a_byte(
    geometry: Geometry, start: int, size: int
) -> None:
    wanted = ByteRange(start, start + size)
    touched = [
        unit
        for unit in range(geometry.unit_count)
        if geometry.unit_range(unit).intersect(wanted) is not None
    ]
    assert list(geometry.units_of(wanted)) == touched
