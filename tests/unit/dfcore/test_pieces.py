"""Geometry: Dragonfly's piece lengths, our unit lengths, and the maths between them."""

from __future__ import annotations

import pytest

from dfcore.errors import BadInput
from dfcore.pieces import Geometry, piece_length_for, unit_length_for
from dfcore.ranges import ByteRange

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


@pytest.mark.parametrize(
    ("size", "length"),
    [
        (0, 4 * MIB),
        (1, 4 * MIB),
        (2000 * MIB, 4 * MIB),
        (2000 * MIB + 499, 4 * MIB),
        (2000 * MIB + 500, 8 * MIB),
        (4000 * MIB, 8 * MIB),
        (8 * GIB, 32 * MIB),
        (32 * GIB, 64 * MIB),
        (1000 * GIB, 64 * MIB),
    ],
)
def test_piece_length_is_dragonflys(size: int, length: int) -> None:
    assert piece_length_for(size) == length


@pytest.mark.parametrize(
    ("size", "length"),
    [
        (0, 512 * KIB),
        (128 * MIB - 1, 512 * KIB),
        (128 * MIB, MIB),
        (256 * MIB, MIB),
        (512 * MIB, 2 * MIB),
        (GIB, 4 * MIB),
        (2 * GIB, 8 * MIB),
        (8 * GIB, 32 * MIB),
        (100 * GIB, 64 * MIB),
    ],
)
def test_a_unit_is_about_a_256th(size: int, length: int) -> None:
    assert unit_length_for(size) == length


def test_from_2_gib_up_a_unit_is_a_piece() -> None:
    for size in (2 * GIB, 3 * GIB, 5 * GIB, 40 * GIB):
        assert unit_length_for(size) == piece_length_for(size)


@pytest.mark.parametrize(
    ("piece_length", "length"),
    [
        (4 * MIB, 4 * MIB),
        (64 * MIB, 4 * MIB),
        (6 * MIB, 2 * MIB),
        (5 * MIB, MIB),
        (4 * MIB + 1, 4 * MIB + 1),
        (4 * MIB + 512 * KIB, 4 * MIB + 512 * KIB),
    ],
)
def test_a_requested_piece_length_is_respected(piece_length: int, length: int) -> None:
    assert unit_length_for(GIB, piece_length) == length
    assert Geometry.for_size(GIB, piece_length) == Geometry(GIB, piece_length, length)


def test_the_parts_of_a_blob() -> None:
    geometry = Geometry(10 * MIB + 1, 4 * MIB, MIB)
    assert (geometry.piece_count, geometry.unit_count) == (3, 11)
    assert geometry.unit_range(10) == ByteRange(10 * MIB, 10 * MIB + 1)
    assert geometry.piece_range(2) == ByteRange(8 * MIB, 10 * MIB + 1)
    assert geometry.units_of_piece(0) == range(4)
    assert geometry.units_of_piece(2) == range(8, 11)
    assert geometry.piece_of_unit(7) == 1
    assert geometry.units_of(ByteRange(MIB, MIB + 1)) == range(1, 2)
    assert geometry.units_of(ByteRange(MIB - 1, MIB + 1)) == range(2)
    assert geometry.units_of(ByteRange(9 * MIB, 99 * MIB)) == range(9, 11)


@pytest.mark.parametrize("byte_range", [ByteRange(5, 5), ByteRange(10 * MIB, 11 * MIB)])
def test_no_bytes_are_in_no_unit(byte_range: ByteRange) -> None:
    assert not Geometry.for_size(10 * MIB).units_of(byte_range)


def test_an_empty_blob_has_no_parts() -> None:
    geometry = Geometry.for_size(0)
    assert (geometry.piece_count, geometry.unit_count) == (0, 0)
    assert not geometry.units_of(ByteRange(0, 10))


def test_parts_outside_the_blob_do_not_exist() -> None:
    geometry = Geometry.for_size(4 * MIB)
    for number in (-1, 8):
        with pytest.raises(BadInput):
            geometry.unit_range(number)
    with pytest.raises(BadInput):
        geometry.piece_range(1)


@pytest.mark.parametrize("numbers", [(-1, 4, 1), (1, 4, 0), (1, 4, 8), (1, 0, 0), (1, 6, 4)])
def test_an_impossible_geometry_is_refused(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(BadInput):
        Geometry(*numbers)
