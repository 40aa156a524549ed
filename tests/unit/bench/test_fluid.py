"""Exact sharing of links."""

from __future__ import annotations

import pytest

from bench.simulate.fluid import Flow, Fluid


def nothing() -> None:
    pass


def flow(up: int, down: int, size: float = 100.0, weight: float = 1.0) -> Flow:
    return Flow(up, down, size, weight, nothing)


def test_a_lone_transfer_has_the_slower_of_its_links() -> None:
    fluid = Fluid()
    fast, slow = fluid.link(10.0), fluid.link(4.0)
    fluid.begin(flow(fast, slow), 0.0)
    assert fluid.next_end == pytest.approx(25.0)


def test_a_link_is_shared_evenly_and_what_one_leaves_goes_to_the_others() -> None:
    fluid = Fluid()
    up, thin, wide = fluid.link(9.0), fluid.link(1.0), fluid.link(100.0)
    held_back, free = flow(up, thin), flow(up, wide)
    fluid.begin(held_back, 0.0)
    fluid.begin(free, 0.0)
    assert fluid.next_end == pytest.approx(100.0 / 8.0)
    assert (held_back.rate, free.rate) == pytest.approx((1.0, 8.0))


def test_weights_divide_a_full_link() -> None:
    fluid = Fluid()
    up, one, other = fluid.link(9.0), fluid.link(100.0), fluid.link(100.0)
    light, heavy = flow(up, one), flow(up, other, weight=2.0)
    fluid.begin(light, 0.0)
    fluid.begin(heavy, 0.0)
    assert fluid.next_end == pytest.approx(100.0 / 6.0)
    assert light.rate == pytest.approx(3.0)


def test_when_one_ends_the_rest_goes_faster() -> None:
    fluid = Fluid()
    up, one, other = fluid.link(10.0), fluid.link(100.0), fluid.link(100.0)
    short, long = flow(up, one, size=10.0), flow(up, other, size=100.0)
    fluid.begin(short, 0.0)
    fluid.begin(long, 0.0)
    assert fluid.next_end == pytest.approx(2.0)
    assert fluid.ended(2.0) == [short]
    assert fluid.next_end == pytest.approx(2.0 + 90.0 / 10.0)
    assert fluid.carried[up] == pytest.approx(20.0)
