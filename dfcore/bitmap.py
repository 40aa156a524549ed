"""A set of unit numbers below a fixed count, kept as one big integer.

Blob store, planner, control channel and seed slots use it. Set algebra, counting and searching run
at the speed of big-integer arithmetic (microseconds for 100,000 units); iteration is linear.
On the wire: ceil(count / 8) bytes, unit 0 is the lowest bit of the first byte.
"""

from __future__ import annotations

from collections.abc import Iterator

from dfcore.errors import BadInput


class Bitmap:
    """Unit numbers 0 to `count` - 1, each in or out. Not thread-safe: its owner locks."""

    __slots__ = ("_bits", "count")

    def __init__(self, count: int) -> None:
        if count < 0:
            raise BadInput(f"a bitmap of {count} units is impossible")
        self.count = count
        self._bits = 0

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview, count: int) -> Bitmap:
        """Read the wire form; BadInput unless it fits `count` exactly."""
        if len(data) != (count + 7) // 8:
            raise BadInput(f"a bitmap of {count} units does not have {len(data)} bytes")
        return cls(count)._with(int.from_bytes(data, "little"))

    def to_bytes(self) -> bytes:
        """The wire form."""
        return self._bits.to_bytes((self.count + 7) // 8, "little")

    @property
    def bits(self) -> int:
        """The set as an integer: unit n is bit n."""
        return self._bits

    @property
    def count_set(self) -> int:
        """How many units are in."""
        return self._bits.bit_count()

    @property
    def is_full(self) -> bool:
        """True if every unit is in; so is a bitmap of no units."""
        return self._bits == (1 << self.count) - 1

    def add(self, unit: int) -> None:
        """Put a unit in."""
        self._check(unit)
        self._bits |= 1 << unit

    def discard(self, unit: int) -> None:
        """Take a unit out, if it is in."""
        if unit in self:
            self._bits ^= 1 << unit

    def add_all(self, units: range) -> None:
        """Put a run of consecutive units in."""
        if not units:
            return
        if units.step != 1:
            raise BadInput("add_all takes consecutive units")
        self._check(units[0])
        self._check(units[-1])
        self._bits |= ((1 << len(units)) - 1) << units[0]

    def __contains__(self, unit: int) -> bool:
        return 0 <= unit < self.count and bool(self._bits >> unit & 1)

    def first_missing(self, start: int = 0) -> int | None:
        """The lowest unit from `start` up that is not in, None if there is none."""
        start = max(start, 0)
        gaps = ~self._bits >> start  # negative: endless ones above the top bit
        unit = start + lowest(gaps)
        return unit if unit < self.count else None

    def iter_set(self) -> Iterator[int]:
        """The units that are in, ascending, as of this call; changes on the way are not seen."""
        return _positions(self._bits, self.count, "1")

    def iter_missing(self) -> Iterator[int]:
        """The units that are not in, ascending, as of this call."""
        return _positions(self._bits, self.count, "0")

    def union(self, other: Bitmap) -> Bitmap:
        """What is in either."""
        return self._with(self._bits | self._same(other))

    def copy(self) -> Bitmap:
        """An independent copy."""
        return self._with(self._bits)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Bitmap):
            return NotImplemented
        return self.count == other.count and self._bits == other._bits

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"Bitmap({self.count_set}/{self.count})"

    def _with(self, bits: int) -> Bitmap:
        if bits >> self.count:
            raise BadInput(f"a bitmap of {self.count} units has bits above its end")
        made = Bitmap(self.count)
        made._bits = bits
        return made

    def _same(self, other: Bitmap) -> int:
        if other.count != self.count:
            raise BadInput(f"bitmaps of {self.count} and {other.count} units do not mix")
        return other._bits

    def _check(self, unit: int) -> None:
        if not 0 <= unit < self.count:
            raise BadInput(f"unit {unit} is outside a bitmap of {self.count} units")


def lowest(bits: int) -> int:
    """The lowest unit of a set that is not empty. It is given as an integer: bit ``i`` is unit ``i``."""
    return (bits & -bits).bit_length() - 1


def units_of(bits: int) -> Iterator[int]:
    """The units of a set that is given as an integer, ascending."""
    return _positions(bits, bits.bit_length(), "1")


def _positions(bits: int, count: int, digit: str) -> Iterator[int]:
    # str.find scans at C speed; shifting the integer bit by bit would copy it each time.
    digits = format(bits, f"0{count}b")[::-1] if count else ""
    at = digits.find(digit)
    while at >= 0:
        yield at
        at = digits.find(digit, at + 1)
