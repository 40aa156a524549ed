"""Traffic over time: rates per step, fixed memory, what to draw."""

from __future__ import annotations

import pytest

from manager.observe.history import History, Ring, smoothed
from manager.observe.model import Traffic


def test_a_step_becomes_a_rate_and_the_first_look_none() -> None:
    ring = Ring(10, 2.0)
    ring.add(100.0, Traffic(peers_to_peers=10**12))
    assert ring.last() is None
    ring.add(102.0, Traffic(1, 1, 20, 40))
    sample = ring.last()
    assert sample is not None
    assert (sample.at, sample.peers, sample.seeds, sample.origin) == (102.0, 20, 10, 1)


def test_short_steps_are_gathered() -> None:
    ring = Ring(10, 60.0)
    for second in range(0, 122, 2):
        ring.add(float(second), Traffic(peers_to_peers=200))
    times, peers, _, _ = ring.columns()
    assert len(times) == 2
    assert peers == [100.0, 100.0]


def test_old_samples_make_room() -> None:
    ring = Ring(3, 1.0)
    for second in range(8):
        ring.add(float(second), Traffic(peers_to_peers=second))
    assert ring.columns()[0] == [5.0, 6.0, 7.0]
    assert ring.columns()[1] == [5.0, 6.0, 7.0]
    assert ring.columns(after=6.0)[0] == [7.0]


def test_both_rings_hear_of_everything() -> None:
    history = History()
    for second in range(0, 130, 2):
        history.add(float(second), Traffic(seeds_to_peers=10))
    assert history.now.seeds == 5.0
    assert len(history.coarse.columns()[0]) == 2


@pytest.mark.parametrize("count", [0, 1, 5, 24, 25, 900])
def test_small_pictures_have_few_points(count: int) -> None:
    points = smoothed([1.0] * count, 24)
    assert len(points) <= 24
    assert all(point == pytest.approx(1.0) for point in points)
