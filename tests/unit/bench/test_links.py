"""The stepwise approximation of links, against what links can carry and against exact sharing."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from bench.simulate.fluid import Flow, Fluid
from bench.simulate.links import Links


def begin(links: Links, source: int, target: int, size: float) -> int:
    return int(links.begin(np.array([source]), np.array([target]), size)[0])


def crossing(hosts: int, transfers: int, rng: Random) -> list[tuple[int, int]]:
    return [tuple(rng.sample(range(hosts), 2)) for _ in range(transfers)]  # type: ignore[misc]


def exact_rates(up: list[float], down: list[float], pairs: list[tuple[int, int]]) -> list[float]:
    fluid = Fluid()
    ups, downs = [fluid.link(rate) for rate in up], [fluid.link(rate) for rate in down]
    flows = [Flow(ups[a], downs[b], 1e9, 1.0, lambda: None) for a, b in pairs]
    for flow in flows:
        fluid.begin(flow, 0.0)
    assert fluid.next_end > 0
    return [flow.rate for flow in flows]


def test_no_link_carries_more_than_it_can_and_little_is_left_unused() -> None:
    rng = Random(7)
    up = [rng.uniform(1.0, 3.0) for _ in range(40)]
    down = [rng.uniform(1.0, 3.0) for _ in range(40)]
    pairs = crossing(40, 160, rng)
    links = Links(up, down)
    for source, target in pairs:
        begin(links, source, target, 1e9)
    links.share()
    links.advance(1.0)
    sent = links.sent[:-1]
    assert (sent <= np.array(up) * 1.000001).all()
    received = np.zeros(40)
    assert sent.sum() == pytest.approx(sum(exact_rates(up, down, pairs)), rel=0.03)
    assert received.sum() == 0


def test_a_transfer_ends_at_the_nearest_step_and_its_place_is_used_again() -> None:
    links = Links([10.0, 10.0], [10.0, 10.0])
    place = begin(links, 0, 1, 26.0)
    links.share()
    assert not len(links.advance(1.0))
    assert not len(links.advance(1.0))
    assert links.advance(1.0).tolist() == [place]
    links.stop(np.array([place]))
    assert begin(links, 1, 0, 5.0) == place


def test_transfers_at_a_host_are_found_even_before_they_have_a_rate() -> None:
    links = Links([1.0] * 3, [1.0] * 3)
    mine = [begin(links, 0, 1, 1.0), begin(links, 2, 0, 1.0)]
    begin(links, 1, 2, 1.0)
    assert sorted(links.at(0).tolist()) == sorted(mine)
