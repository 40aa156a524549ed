"""Crowds in steps, against the exact simulation of the same swarm."""

from __future__ import annotations

from random import Random

import pytest

from bench.simulate import crowd, exact
from bench.simulate.scenario import Scenario, churn, rolling


@pytest.mark.parametrize("seed", [1, 2])
def test_a_crowd_in_steps_takes_as_long_as_the_exact_one(seed: int) -> None:
    scenario = Scenario(nodes=16, units=64)
    stepped, truth = crowd.run(scenario, seed), exact.run(scenario, seed)
    assert stepped.ratio == pytest.approx(truth.ratio, abs=0.05)
    assert stepped.seed_sent == pytest.approx(truth.seed_sent, abs=0.08)


def test_a_cold_seed_is_simulated_too() -> None:
    outcome = crowd.run(Scenario(nodes=8, units=32, origin_mbit=100.0), 1)
    assert not outcome.unfinished
    assert 1.0 < outcome.ratio < 1.8


def test_above_a_full_mesh_not_everybody_knows_the_seed() -> None:
    outcome = crowd.run(Scenario(nodes=60, units=16), 1)
    assert not outcome.unfinished
    assert outcome.seed_sent < 4


def test_those_that_live_get_everything_though_others_die() -> None:
    scenario = Scenario(nodes=24, units=32)
    dying = churn(24, 0.25, scenario.bound_s() / 2, Random(4))
    outcome = crowd.run(scenario.but(die_s=dying), 1)
    assert not outcome.unfinished
    assert len(outcome.done_s) == sum(moment is None for moment in dying)


def test_late_joiners_are_done_soon_after_they_come() -> None:
    scenario = Scenario(nodes=12, units=32)
    late = rolling(12, scenario.bound_s(), Random(2))
    outcome = crowd.run(scenario.but(arrive_s=late), 1)
    assert not outcome.unfinished
    assert outcome.ratio < 1.2
