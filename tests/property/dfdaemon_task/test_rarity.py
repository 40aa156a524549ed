"""Counts of holders in bit planes, against counting one by one."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from dfdaemon.task.rarity import Rarity, pick

UNITS = 12
BITS = st.integers(0, (1 << UNITS) - 1)


@given(st.lists(BITS, max_size=40), st.data())
def test_the_rarest_are_those_that_fewest_hold(added: list[int], data: st.DataObject) -> None:
    rarity, counts = Rarity(), Counter[int]()
    for bits in added:
        rarity.add(bits)
        counts.update(unit for unit in range(UNITS) if bits >> unit & 1)
    for bits in data.draw(st.lists(st.sampled_from(added), unique=True) if added else st.just([])):
        rarity.remove(bits)
        counts.subtract(unit for unit in range(UNITS) if bits >> unit & 1)
    among = data.draw(BITS)
    held = {unit: counts[unit] for unit in range(UNITS) if among >> unit & 1 and counts[unit]}
    least = min(held.values(), default=0)
    assert rarity.rarest(among) == sum(1 << unit for unit in held if held[unit] == least)


@given(st.integers(1, (1 << UNITS) - 1), st.integers())
def test_what_is_picked_is_there(bits: int, seed: int) -> None:
    assert bits >> pick(bits, Random(seed)) & 1
