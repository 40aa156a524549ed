"""Geometry of a blob: pieces (plain Dragonfly peers trade them) and units (our own peers do).

Piece length is Dragonfly's rule (dragonflyoss/client, resource/piece.rs). Unit length follows the
swarm study: about 256 units a blob bring the last host near the bound; smaller ones cost latency.
Integers only, by division; nothing here walks over pieces.
"""

from __future__ import annotations

from dataclasses import dataclass

from dfcore.errors import BadInput
from dfcore.ranges import ByteRange

MIB = 1 << 20
MIN_PIECE_LENGTH = 4 * MIB
MAX_PIECE_LENGTH = 64 * MIB
_TARGET_PIECES = 500

_TARGET_UNITS = 256
_MIN_UNIT_LENGTH = MIB
_SMALL_BLOB_BYTES = 128 * MIB
_MIN_UNIT_LENGTH_SMALL = MIB // 2


def piece_length_for(size: int) -> int:
    """Piece length in bytes for a blob of `size` bytes: a power of two, 4 to 64 MiB."""
    return min(max(_next_power_of_two(size // _TARGET_PIECES), MIN_PIECE_LENGTH), MAX_PIECE_LENGTH)


def unit_length_for(size: int, piece_length: int | None = None) -> int:
    """Unit length in bytes: the power of two nearest to size/256 that divides the piece.

    At least 1 MiB (512 KiB for blobs below 128 MiB), at most a piece. A requested piece length
    that no such power of two divides is traded whole: its units are its pieces.
    """
    if piece_length is None:
        piece_length = piece_length_for(size)
    least = _MIN_UNIT_LENGTH_SMALL if size < _SMALL_BLOB_BYTES else _MIN_UNIT_LENGTH
    largest_divisor = piece_length & -piece_length
    if largest_divisor < least:
        return piece_length
    return min(max(_nearest_power_of_two(size // _TARGET_UNITS), least), largest_divisor)


def _next_power_of_two(n: int) -> int:
    return 1 << max(n - 1, 0).bit_length()


def _nearest_power_of_two(n: int) -> int:
    if n < 1:
        return 1
    below: int = 1 << (n.bit_length() - 1)
    # Nearest by ratio: the border between two powers is their geometric mean.
    return below * 2 if n * n >= 2 * below * below else below


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a blob of `size_bytes` is cut. Pieces and units count from 0; the last may be short."""

    size_bytes: int
    piece_length: int
    unit_length: int

    def __post_init__(self) -> None:
        if self.size_bytes < 0 or self.unit_length < 1 or self.piece_length < self.unit_length:
            raise BadInput(f"impossible geometry: {self}")
        if self.piece_length % self.unit_length:
            raise BadInput(f"the unit does not divide the piece: {self}")

    @classmethod
    def for_size(cls, size: int, piece_length: int | None = None) -> Geometry:
        """The geometry every host computes for a blob of `size` bytes."""
        if piece_length is None:
            piece_length = piece_length_for(size)
        return cls(size, piece_length, unit_length_for(size, piece_length))

    @property
    def unit_count(self) -> int:
        """Number of units; 0 for an empty blob."""
        return -(-self.size_bytes // self.unit_length)

    @property
    def piece_count(self) -> int:
        """Number of pieces; 0 for an empty blob."""
        return -(-self.size_bytes // self.piece_length)

    def unit_range(self, unit: int) -> ByteRange:
        """The bytes of a unit."""
        return self._part(unit, self.unit_length, "unit")

    def piece_range(self, piece: int) -> ByteRange:
        """The bytes of a piece."""
        return self._part(piece, self.piece_length, "piece")

    def units_of(self, byte_range: ByteRange) -> range:
        """The units that hold bytes of `byte_range`; what lies past the end is cut off."""
        end = min(byte_range.end, self.size_bytes)
        if byte_range.start >= end:
            return range(0)
        return range(byte_range.start // self.unit_length, -(-end // self.unit_length))

    def units_of_piece(self, piece: int) -> range:
        """The units of a piece."""
        return self.units_of(self.piece_range(piece))

    def piece_of_unit(self, unit: int) -> int:
        """The piece that holds a unit."""
        return self.unit_range(unit).start // self.piece_length

    def _part(self, number: int, length: int, what: str) -> ByteRange:
        start = number * length
        if not 0 <= start < self.size_bytes:
            raise BadInput(f"{what} {number} lies outside the blob: {self}")
        return ByteRange(start, min(start + length, self.size_bytes))
