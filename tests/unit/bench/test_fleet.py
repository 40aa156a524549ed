"""Decisions in arrays against those of the real planner and the real slots, host by host.

Whole swarms run with a real planner beside every host: it hears what the host hears, has the same
chance, and must ask the same parents for the same units in the same order.
"""

from __future__ import annotations

from collections import deque
from random import Random

import numpy as np
import pytest

from bench.simulate.crowd import Crowd
from bench.simulate.doors import Doors
from bench.simulate.fleet import AnyOf, Fleet, Floats, Numbers, Pairs
from bench.simulate.scenario import Scenario, churn, mixed, rolling
from dfcore.pieces import MIN_PIECE_LENGTH, Geometry
from dfdaemon.task.commands import FetchAny, FetchUnit
from dfdaemon.task.events import ParentAddress
from dfdaemon.task.planner import Planner, PlanPolicy
from dfdaemon.upload.slots import Budget, ParentSlots

SEED = "seed"


class Chance(Random):
    """Gives the numbers that the fleet drew for this host, and no others."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: deque[float] = deque()

    def random(self) -> float:
        return self.drawn.popleft()


class Twins(Fleet):
    """A fleet with a real planner beside every host."""

    def __init__(
        self, hosts: int, units: int, policy: PlanPolicy, rng: np.random.Generator
    ) -> None:
        super().__init__(hosts, units, policy, rng)
        self.chances = [Chance() for _ in range(hosts)]
        geometry = Geometry(units * MIN_PIECE_LENGTH, MIN_PIECE_LENGTH, MIN_PIECE_LENGTH)
        self.planners = [Planner(geometry, policy, chance) for chance in self.chances]
        self.numbers: list[dict[tuple[int, int], int]] = [{} for _ in range(hosts)]
        """Transfers by parent and unit."""
        self.open_any: list[deque[int]] = [deque() for _ in range(hosts)]
        self.claimed: list[dict[int, int]] = [{} for _ in range(hosts)]
        self.next_number = [1] * hosts
        self.compared = 0

    def _draw(self, children: Numbers, count: int) -> Floats:
        chance = super()._draw(children, count)
        for child, drawn in zip(children.tolist(), chance.tolist(), strict=True):
            self.chances[child].drawn.extend(drawn)
        return chance

    def begin(self, child: int) -> None:
        super().begin(child)
        self.planners[child].wanted = (1 << self.units) - 1

    def join(self, children: Numbers, parents: Numbers) -> None:
        super().join(children, parents)
        for child, parent in zip(children.tolist(), parents.tolist(), strict=True):
            name = str(parent)
            self.planners[child].add_parent(ParentAddress(name, name, name, 4005))
            held = self.planners[parent].held
            self.planners[child].parent_joined(name, held, complete=False)

    def join_seed(self, child: int, held: int) -> None:
        super().join_seed(child, held)
        planner = self.planners[child]
        planner.add_parent(ParentAddress(SEED, SEED, SEED, 4005, seed=True))
        planner.parent_joined(SEED, held, complete=False)
        planner.vouched |= held

    def vouch(self, children: Numbers, bits: int) -> None:
        super().vouch(children, bits)
        for child in children.tolist():
            self.planners[child].vouched |= bits

    def drop(self, child: int, parent: int) -> None:
        super().drop(child, parent)
        self.planners[child].drop_parent(str(parent))

    def hear(self, news: Pairs) -> Numbers:
        for who, unit in zip(news.child.tolist(), news.unit.tolist(), strict=True):
            for child in self._listeners[who, : self._listening[who]].tolist():
                if self._wants[child]:
                    self.planners[child].parent_holds(str(who), 1 << unit)
        return super().hear(news)

    def plan(self, children: Numbers, now: float) -> tuple[Pairs, list[AnyOf]]:
        children = children[self._wants[children]]
        pairs, anyof = super().plan(children, now)
        for child in children.tolist():
            mine = pairs.where(pairs.child == child)
            asked = list(zip(mine.parent.tolist(), mine.unit.tolist(), strict=True))
            wanted = [request.wanted for request in anyof if request.child == child]
            assert self._plan_real(child, now) == (asked, wanted)
            assert not self.chances[child].drawn
            assert self.planners[child].needed == self.bits(self.needed(np.array([child]))[0])
            self.compared += len(asked)
        return pairs, anyof

    def _plan_real(self, child: int, now: float) -> tuple[list[tuple[int, int]], list[int]]:
        asked, wanted = [], []
        commands = self.planners[child].plan(now, self.next_number[child], None)
        self.next_number[child] += len(commands)
        for command in commands:
            if isinstance(command, FetchUnit):
                pair = int(command.parent), command.unit
                asked.append(pair)
                self.numbers[child][pair] = command.transfer
            else:
                assert isinstance(command, FetchAny)
                wanted.append(command.wanted_bits)
                self.open_any[child].append(command.transfer)
        return asked, wanted

    def _landed(self, pairs: Pairs) -> list[tuple[Planner, int, int, int]]:
        columns = (column.tolist() for column in (pairs.child, pairs.parent, pairs.unit))
        return [
            (self.planners[child], self.numbers[child].pop((parent, unit)), parent, unit)
            for child, parent, unit in zip(*columns, strict=True)
        ]

    def deliver(self, pairs: Pairs, now: float) -> None:
        super().deliver(pairs, now)
        for planner, number, _, unit in self._landed(pairs):
            planner.unit_held(unit)
            planner.delivered(number, now)

    def refuse(self, pairs: Pairs, now: float) -> tuple[Numbers, Floats]:
        child, until = super().refuse(pairs, now)
        for planner, number, parent, _ in self._landed(pairs):
            planner.land(number)
            planner.was_busy(str(parent), now)
        return child, until

    def abandon(self, pairs: Pairs) -> None:
        super().abandon(pairs)
        for planner, number, _, _ in self._landed(pairs):
            planner.land(number)

    def claim(self, child: int, unit: int) -> bool:
        mine = super().claim(child, unit)
        number = self.open_any[child][0]
        assert self.planners[child].claim(number, unit) == mine
        if mine:
            self.claimed[child][unit] = self.open_any[child].popleft()
        return mine

    def seed_had_nothing(self, child: int, now: float) -> float:
        until = super().seed_had_nothing(child, now)
        self.planners[child].land(self.open_any[child].popleft())
        self.planners[child].back_off(SEED, now, self.policy.busy_backoff_s)
        assert self.planners[child].parents[SEED].not_before == until
        return until

    def deliver_from_seed(self, child: Numbers, unit: Numbers) -> None:
        super().deliver_from_seed(child, unit)
        for one, which in zip(child.tolist(), unit.tolist(), strict=True):
            self.planners[one].unit_held(which)
            self.planners[one].land(self.claimed[one].pop(which))

    def abandon_from_seed(self, child: Numbers, unit: Numbers) -> None:
        super().abandon_from_seed(child, unit)
        for one, which in zip(child.tolist(), unit.tolist(), strict=True):
            self.planners[one].land(self.claimed[one].pop(which))


FEW = Scenario(nodes=6, units=70)
MANY = Scenario(nodes=36, units=16)
BOUND_S = MANY.bound_s()
SWARMS = {
    "a full mesh": FEW,
    "a graph": MANY,
    "a cold seed": FEW.but(origin_mbit=100.0),
    "rolling": MANY.but(arrive_s=rolling(36, BOUND_S, Random(1))),
    "mixed rates": MANY.but(up_factor=mixed(36, 0.3, Random(2))),
    "dying": MANY.but(die_s=churn(36, 0.3, BOUND_S / 2, Random(3))),
}


@pytest.mark.parametrize("name", SWARMS)
def test_a_fleet_asks_what_real_planners_ask(name: str) -> None:
    crowd = Crowd(SWARMS[name], 1, steps_per_unit=8, fleet=Twins)
    outcome = crowd.run()
    assert isinstance(crowd.fleet, Twins)
    assert not outcome.unfinished
    assert crowd.fleet.compared > SWARMS[name].units * SWARMS[name].nodes // 2


@pytest.mark.parametrize("seed", range(3))
def test_doors_open_as_real_slots_do(seed: int) -> None:
    rng = Random(seed)
    doors = Doors(8, 3)
    real = [ParentSlots(3, Budget(64)) for _ in range(8)]
    served: list[tuple[int, int]] = []
    for _ in range(40):
        asking = [(rng.randrange(8), child) for child in rng.sample(range(100), 12)]
        asking = [pair for pair in asking if pair not in served]
        granted = doors.take(np.array([parent for parent, _ in asking], np.intp)).tolist()
        assert granted == [real[parent].try_take("t", str(child)) for parent, child in asking]
        served += [pair for pair, yes in zip(asking, granted, strict=True) if yes]
        rng.shuffle(served)
        for parent, child in served[10:]:
            real[parent].release("t", str(child))
        doors.release(np.array([parent for parent, _ in served[10:]], np.intp))
        del served[10:]
