"""Sets of units as integers: which are rare, which is picked. Pure.

Bit ``i`` stands for unit ``i``. Used by ``task/planner``.
"""

from __future__ import annotations

from random import Random

from dfcore.bitmap import lowest


class Rarity:
    """How many parents hold each unit: plane ``k`` has bit ``k`` of every unit's count.

    One more holder is an addition with carry over all units at once; almost every carry dies out
    after a plane or two.
    """

    __slots__ = ("_planes",)

    def __init__(self) -> None:
        self._planes: list[int] = []

    def add(self, bits: int) -> None:
        """One more parent holds ``bits``."""
        planes, place = self._planes, 0
        while bits:
            if place == len(planes):
                planes.append(0)
            plane = planes[place]
            planes[place] = plane ^ bits
            bits &= plane
            place += 1

    def remove(self, bits: int) -> None:
        """One parent less holds ``bits``; each of them was held."""
        planes, place = self._planes, 0
        while bits:
            plane = planes[place]
            planes[place] = plane ^ bits
            bits &= ~plane
            place += 1

    def rarest(self, among: int) -> int:
        """Of ``among``, those that the fewest parents hold (but one at least)."""
        held = 0
        for plane in self._planes:
            held |= plane
        among &= held
        for plane in reversed(self._planes):
            among = among & ~plane or among
        return among


def pick(bits: int, rng: Random) -> int:
    """A set bit of ``bits``, which is not 0, from a random place onwards."""
    start = int(rng.random() * bits.bit_length())
    return start + lowest(bits >> start)
