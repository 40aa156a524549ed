"""Bounds and patterns."""

from __future__ import annotations

from random import Random

import pytest

from bench.simulate import figures
from bench.simulate.scenario import Scenario, churn, mixed

FEW = Scenario(nodes=4, units=100, rate_mbit=8.0, seed_mbit=8.0)
FILE_S = 100 * 1.048576


def test_with_equal_hosts_the_bound_is_the_time_of_one_file() -> None:
    assert FEW.bound_s() == pytest.approx(FILE_S)


def test_the_slowest_of_seed_origin_and_node_sets_the_bound() -> None:
    assert FEW.but(seed_mbit=4.0).bound_s() == pytest.approx(2 * FILE_S)
    assert FEW.but(origin_mbit=2.0).bound_s() == pytest.approx(4 * FILE_S)
    assert FEW.but(down_factor=(0.5, 1, 1, 1)).bound_s() == pytest.approx(2 * FILE_S)


def test_thin_up_links_set_the_bound_together() -> None:
    thin = FEW.but(up_factor=(0.25,) * 4)
    assert thin.bound_s() == pytest.approx(4 * FILE_S / 2)


def test_who_comes_late_cannot_be_done_before_it_has_a_file_time() -> None:
    assert FEW.but(arrive_s=(0.0, 0.0, 0.0, 50.0)).bound_s() == pytest.approx(50 + FILE_S)


def test_the_dead_do_not_count() -> None:
    slow = FEW.but(down_factor=(0.5, 1, 1, 1))
    assert slow.bound_s(without=frozenset({0})) == pytest.approx(FILE_S)


def test_patterns_are_drawn_as_described() -> None:
    rng = Random(1)
    assert all(0.7 <= factor <= 1.3 for factor in mixed(50, 0.3, rng))
    dying = churn(400, 0.25, 10.0, rng)
    assert 60 < sum(moment is not None for moment in dying) < 140
    assert figures.arranged(FEW, "flash") is FEW
    assert len(figures.arranged(FEW, "rolling").arrive_s) == 4
    assert figures.with_rates(FEW, "slow").down_factor[0] == 0.1


def test_figures_are_flat_and_name_stars_and_trees() -> None:
    found = figures.runs(Scenario(nodes=4, units=16), rounds=1)
    assert found["star_ratio_to_bound"] == pytest.approx(4.0)
    assert found["ratio_to_bound"] < found["random_tree_ratio_to_bound"]
    assert found["unfinished_hosts"] == 0
