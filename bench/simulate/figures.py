"""The figures of simulated runs, beside those of stars and trees on the same hosts."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from statistics import median
from time import process_time

from bench.simulate import crowd, exact, trees
from bench.simulate.outcome import Outcome
from bench.simulate.scenario import Scenario, churn, mixed, one_slow, rolling

EXACT_NODES = 64
"""Up to so many nodes links are shared exactly, and the whole machine runs."""
MANY_NODES = 2000
FINE_STEPS, COARSE_STEPS = 20, 10
"""Steps of time in which a unit passes a link of its own, up to `MANY_NODES` and above; coarse ones
overstate the makespan by about 0.01."""
TREE_FAN_OUT = 2


def simulate(scenario: Scenario, seed: int) -> Outcome:
    if scenario.nodes <= EXACT_NODES:
        return exact.run(scenario, seed)
    steps = FINE_STEPS if scenario.nodes <= MANY_NODES else COARSE_STEPS
    return crowd.run(scenario, seed, steps_per_unit=steps)


def runs(scenario: Scenario, rounds: int) -> dict[str, float]:
    """Simulate ``rounds`` times; flat figures, medians unless they say otherwise."""
    began = process_time()
    outcomes = [simulate(scenario, seed) for seed in range(rounds)]
    real_s = (process_time() - began) / rounds
    hosts = scenario.nodes
    named = sum(outcome.asked for outcome in outcomes) or 1
    tree = [
        trees.ratio(scenario, trees.random_tree(hosts, TREE_FAN_OUT, Random(seed)))
        for seed in range(rounds)
    ]
    return {
        "hosts": hosts,
        "units": scenario.units,
        "bound_s": outcomes[0].bound_s,
        "ratio_to_bound": median(outcome.ratio for outcome in outcomes),
        "worst_ratio_to_bound": max(outcome.ratio for outcome in outcomes),
        "others_ratio_to_bound": median(_others(scenario, outcome) for outcome in outcomes),
        "unfinished_hosts": max(outcome.unfinished for outcome in outcomes),
        "seed_ratio": median(outcome.seed_sent for outcome in outcomes),
        "up_link_use": median(outcome.up_use for outcome in outcomes),
        "refused_share": sum(outcome.refused for outcome in outcomes) / named,
        "scheduler_messages_per_host": median((o.reports + o.answers) / hosts for o in outcomes),
        "starved_per_host": median(outcome.starved / hosts for outcome in outcomes),
        "star_ratio_to_bound": trees.ratio(scenario, trees.star(hosts)),
        "random_tree_ratio_to_bound": median(tree),
        "cpu_s_per_run": real_s,
        "cpu_us_per_transfer": real_s * 1e6 / (hosts * scenario.units),
        "asked_per_transfer": named / rounds / (hosts * scenario.units),
    }


def _others(scenario: Scenario, outcome: Outcome) -> float:
    """The nodes at full rate against a bound of their own; infinite if one is not done."""
    if outcome.unfinished:
        return float("inf")
    full = {i for i in outcome.done_s if scenario.down(i) >= scenario.down(scenario.nodes - 1)}
    bound_s = scenario.bound_s(without=frozenset(range(scenario.nodes)) - full)
    return max(scenario.arrives(i) + outcome.done_s[i] for i in full) / bound_s


def arranged(scenario: Scenario, arrivals: str, seed: int = 0) -> Scenario:
    """``flash``: all at once. ``rolling``: one after the other within the bound. ``churn``: a
    quarter dies half-way."""
    rng, bound_s = Random(seed), scenario.bound_s()
    match arrivals:
        case "rolling":
            return scenario.but(arrive_s=rolling(scenario.nodes, bound_s, rng))
        case "churn":
            return scenario.but(die_s=churn(scenario.nodes, 0.25, bound_s / 2, rng))
        case _:
            return scenario


def with_rates(scenario: Scenario, rates: str, seed: int = 0) -> Scenario:
    """``equal``, ``mixed`` (30 % to either side) or ``slow`` (one at a tenth)."""
    match rates:
        case "mixed":
            factors: Sequence[float] = mixed(scenario.nodes, 0.3, Random(seed))
        case "slow":
            factors = one_slow(scenario.nodes, 0.1)
        case _:
            return scenario
    return scenario.but(up_factor=tuple(factors), down_factor=tuple(factors))


KEY_ROWS = ((4, 64, 4), (8, 64, 4), (16, 64, 4), (4, 256, 1), (8, 256, 1), (16, 256, 1))
"""Nodes, units, MiB of a unit: the rows that the simulation study leads with."""


def key_rows(scenario: Scenario, rounds: int) -> dict[str, float]:
    """Flash crowds of few nodes, by units."""
    rows: dict[str, float] = {}
    for nodes, units, mib in (*KEY_ROWS, (16, 500, 4)):
        row = scenario.but(nodes=nodes, units=units, unit_bytes=mib << 20)
        rows[f"ratio_to_bound_{nodes}_hosts_{units}_units"] = median(
            simulate(row, seed).ratio for seed in range(rounds)
        )
    return rows
