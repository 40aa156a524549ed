"""Whole small swarms on the virtual clock."""

from __future__ import annotations

from random import Random

import pytest

from bench.simulate import exact
from bench.simulate.scenario import Scenario, churn, one_slow, rolling
from dfdaemon.task.planner import PlanPolicy

FEW = Scenario(nodes=4, units=32)


def test_the_same_seed_gives_the_same_run() -> None:
    assert exact.run(FEW, 5).done_s == exact.run(FEW, 5).done_s


def test_without_peers_the_seed_feeds_everybody_in_turn() -> None:
    alone = FEW.but(plan=PlanPolicy(downloads=0))
    outcome = exact.run(alone, 1)
    assert outcome.ratio == pytest.approx(4 / 1.0, rel=0.05)
    assert outcome.seed_sent == pytest.approx(4.0)


def test_a_swarm_comes_near_the_bound_and_the_seed_sends_little_more_than_once() -> None:
    outcome = exact.run(Scenario(nodes=8, units=128), 1)
    assert 1.0 < outcome.ratio < 1.12
    assert outcome.seed_sent < 1.12


def test_the_origin_sends_once() -> None:
    outcome = exact.run(FEW.but(origin_mbit=100.0), 1)
    assert outcome.origin_sent == pytest.approx(1.0)
    assert outcome.ratio < 1.6


def test_a_faster_origin_or_seed_is_no_harm() -> None:
    slow = exact.run(FEW.but(origin_mbit=50.0), 1)
    fast = exact.run(FEW.but(origin_mbit=1000.0, seed_mbit=1000.0), 1)
    assert fast.makespan_s < slow.makespan_s


def test_those_that_live_get_everything_though_others_die() -> None:
    scenario = Scenario(nodes=12, units=32)
    dying = churn(12, 0.3, scenario.bound_s() / 2, Random(3))
    outcome = exact.run(scenario.but(die_s=dying), 1)
    assert any(dying)
    assert not outcome.unfinished
    assert set(outcome.done_s) == {node for node, moment in enumerate(dying) if moment is None}


def test_late_joiners_are_done_soon_after_they_come() -> None:
    scenario = Scenario(nodes=8, units=32)
    late = rolling(8, scenario.bound_s(), Random(2))
    outcome = exact.run(scenario.but(arrive_s=late), 1)
    assert outcome.ratio < 1.15


def test_a_slow_node_does_not_hold_up_the_others() -> None:
    factors = one_slow(8, 0.1)
    scenario = Scenario(nodes=8, units=64)
    outcome = exact.run(scenario.but(up_factor=factors, down_factor=factors), 1)
    others = max(moment for node, moment in outcome.done_s.items() if node)
    assert others < 2 * scenario.bound_s()
    assert outcome.done_s[0] == pytest.approx(10 * scenario.bound_s(), rel=0.05)


def test_nodes_that_leave_when_done_leave_nobody_behind() -> None:
    outcome = exact.run(FEW.but(leave_when_done=True), 1)
    assert not outcome.unfinished
    assert len(outcome.done_s) == 4


def test_the_scheduler_hears_once_per_piece_and_a_little_more() -> None:
    outcome = exact.run(Scenario(nodes=8, units=64), 1)
    pieces = 8 * 16
    assert pieces < outcome.reports < pieces + 8 * 5
