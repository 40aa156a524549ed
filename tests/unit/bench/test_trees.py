"""Stars, chains and trees, against what the simulation study has for them."""

from __future__ import annotations

from random import Random

import pytest

from bench.simulate import trees
from bench.simulate.scenario import Scenario

HOSTS_AND_CHAIN = [(4, 1.047), (8, 1.109), (16, 1.234)]


@pytest.mark.parametrize(("hosts", "chain"), HOSTS_AND_CHAIN)
def test_a_star_takes_n_times_as_long_and_a_chain_one_unit_more_per_host(
    hosts: int, chain: float
) -> None:
    scenario = Scenario(nodes=hosts, units=64)
    assert trees.ratio(scenario, trees.star(hosts)) == pytest.approx(hosts)
    assert trees.ratio(scenario, trees.chain(hosts)) == pytest.approx(chain, abs=0.001)


def test_a_binary_tree_takes_twice_as_long_and_its_depth() -> None:
    scenario = Scenario(nodes=16, units=500)
    tree = trees.random_tree(16, 2, Random(1))
    assert 2.0 < trees.ratio(scenario, tree) < 2.05


def test_no_node_has_more_children_than_the_fan_out() -> None:
    tree = trees.random_tree(200, 3, Random(2))
    assert max(tree.count(parent) for parent in set(tree)) <= 3
    assert all(parent < node for node, parent in enumerate(tree))


def test_a_slow_node_holds_up_those_below_it() -> None:
    scenario = Scenario(nodes=3, units=10, down_factor=(0.5, 1.0, 1.0), up_factor=(1.0, 1.0, 1.0))
    unit_s = scenario.unit_s
    assert trees.makespan_s(scenario, trees.chain(3)) == pytest.approx(unit_s * (2 + 2 * 1 + 9 * 2))
