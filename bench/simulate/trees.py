"""What others do: every node takes everything, in order, from one parent and no other.

A star from the seed, a chain, random trees. No simulation is needed: with the rate of every edge
constant, a node has the last unit when the slowest edge above it has sent all units and the others
have passed on one each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from bench.simulate.scenario import Scenario

SEED = -1


def star(nodes: int) -> list[int]:
    """Everybody at the seed."""
    return [SEED] * nodes


def chain(nodes: int) -> list[int]:
    return [node - 1 for node in range(nodes)]


def random_tree(nodes: int, fan_out: int, rng: Random) -> list[int]:
    """Each node below a random earlier one, or the seed, that has less than ``fan_out`` children."""
    parents: list[int] = []
    room = [SEED]
    taken: Counter[int] = Counter()
    for node in range(nodes):
        place = int(rng.random() * len(room))
        parent = room[place]
        parents.append(parent)
        taken[parent] += 1
        if taken[parent] == fan_out:
            room[place] = room[-1]
            room.pop()
        room.append(node)
    return parents


def makespan_s(scenario: Scenario, parents: Sequence[int]) -> float:
    """When the last node has everything; parents come before their children."""
    children = Counter(parents)
    slowest: list[float] = []
    passed_on: list[float] = []
    last = 0.0
    for node, parent in enumerate(parents):
        up = scenario.seed_up if parent == SEED else scenario.up(parent)
        unit_s = scenario.unit_bytes / min(up / children[parent], scenario.down(node))
        slowest.append(unit_s if parent == SEED else max(slowest[parent], unit_s))
        passed_on.append(unit_s if parent == SEED else passed_on[parent] + unit_s)
        last = max(last, passed_on[node] + (scenario.units - 1) * slowest[node])
    return last


def ratio(scenario: Scenario, parents: Sequence[int]) -> float:
    return makespan_s(scenario, parents) / scenario.bound_s()
