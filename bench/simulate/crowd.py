"""A swarm of up to 100,000 hosts, in small steps of time.

Every child plans as the real planner does (`fleet`), every parent refuses as the real slots do
(`doors`), the real seed policy chooses what the seed gives, and the scheduler's real core names the
parents. What `exact` does and this does not: the machine around the planner (joins, checks, faults of
single transfers), exact sharing of links (`links`), and moments between two steps.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from random import Random

import numpy as np

from bench.simulate.doors import Doors
from bench.simulate.fleet import Fleet, Floats, Numbers, Pairs
from bench.simulate.links import Links
from bench.simulate.news import Paces
from bench.simulate.outcome import Outcome
from bench.simulate.scenario import Scenario
from dfdaemon.task.policy import TaskPolicy
from dfdaemon.upload.slots import Budget, Grant, SeedTask, Waiting
from scheduler import commands as said
from scheduler import events as ev
from scheduler.core import Core
from scheduler.policy import OriginPolicy, Policy

TASK = "f" * 64
MAX_TRANSFERS = 64
GIVE_UP_FACTOR = 20.0
LOOK_S = 0.5
"""How often a node looks whether it is starving."""


class Crowd:
    """The whole swarm. Hosts are numbers; the seed is the last one."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        *,
        steps_per_unit: int = 20,
        fleet: type[Fleet] = Fleet,
    ) -> None:
        self.scenario = scenario
        self.outcome = Outcome(scenario.bound_s())
        hosts = scenario.nodes
        self._rng = np.random.default_rng(seed)
        self._policy = TaskPolicy(plan=scenario.plan)
        self._step_s = scenario.unit_s / steps_per_unit
        self._step = 0
        self._all = (1 << scenario.units) - 1
        self._seed = hosts
        self._names = [*(f"n{i}" for i in range(hosts)), "seed"]
        self._number = {f"{name}/p": i for i, name in enumerate(self._names)}
        self._links = Links(
            [*(scenario.up(i) for i in range(hosts)), scenario.seed_up],
            [*(scenario.down(i) for i in range(hosts)), scenario.seed_up],
        )
        self.fleet = fleet(hosts, scenario.units, scenario.plan, self._rng)
        self._doors = Doors(hosts, scenario.slots)
        self._children: list[dict[int, None]] = [{} for _ in range(hosts)]
        """Who hears of a host's units."""
        self._met: list[tuple[int, int]] = []
        """Children and parents that have just been told of one another."""
        self._paces = Paces(hosts)
        self._begun = np.zeros(hosts, np.bool_)
        self._dead = np.zeros(hosts, np.bool_)
        self._over = np.zeros(hosts, np.bool_)
        """It is dead or done."""
        self._done_at = np.zeros(hosts)
        self._progress_at = np.zeros(hosts)
        self._missing_nodes = hosts
        # What belongs to a transfer, by its place in the links.
        self._units = np.empty((2, 0), np.intp)
        self._ticket_at: dict[int, int] = {}
        self._tickets: dict[int, int] = {}
        self._next_ticket = 0
        self._seeding = SeedTask(scenario.seed_slots, Budget(MAX_TRANSFERS))
        self._seed_children: dict[int, None] = {}
        # What is due in which step.
        self._asked: defaultdict[int, list[Pairs]] = defaultdict(list)
        self._asked_any: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self._news: defaultdict[int, list[Pairs]] = defaultdict(list)
        self._from_origin: defaultdict[int, list[int]] = defaultdict(list)
        self._arrivals: defaultdict[int, list[int]] = defaultdict(list)
        self._deaths: defaultdict[int, list[int]] = defaultdict(list)
        self._wakes: defaultdict[int, list[Numbers]] = defaultdict(list)
        self._dirty = np.zeros(hosts, np.bool_)
        policy = Policy(scenario.swarm, origin=OriginPolicy(settle_s=0.0))
        self._core = Core(policy, Random(seed + 1))

    @property
    def now(self) -> float:
        return self._step * self._step_s

    # The run

    def run(self) -> Outcome:
        self._begin()
        limit = int(self.outcome.bound_s * GIVE_UP_FACTOR / self._step_s)
        look = max(1, round(LOOK_S / self._step_s))
        while self._missing_nodes and self._step < limit:
            self._arrivals_and_deaths()
            self._hear_news()
            for woken in self._wakes.pop(self._step, ()):
                self._dirty[woken] = True
            if self._step % look == 0:
                self._look_for_starving()
            self._introduce()
            while self._dirty.any() or self._step in self._asked or self._step in self._asked_any:
                self._plan()
                self._answer()
            self._links.share()
            self._step += 1
            self._complete(self._links.advance(self._step_s))
        return self._judge()

    def _begin(self) -> None:
        scenario = self.scenario
        for i, name in enumerate(self._names):
            self._report(ev.HostAnnounced(ev.HostInfo(name, seed=i == self._seed), 3600.0))
        if scenario.origin_mbit is None:
            self._seeding.held = self._all
            blob = ev.HeldBlob(TASK, "seed/p", scenario.size_bytes, True)
            self._report(ev.BlobsAnnounced("seed", (blob,), replace=True))
        else:
            self._seeding.fetching = True
            unit_s = scenario.unit_bytes / (scenario.origin_mbit * 125_000.0)
            for unit in range(scenario.units):
                step = int((unit + 1) * unit_s / self._step_s) + 1
                self._from_origin[step].append(unit)
        for node in range(scenario.nodes):
            self._arrivals[int(scenario.arrives(node) / self._step_s)].append(node)
            if (moment := scenario.dies(node)) is not None:
                self._deaths[int(moment / self._step_s)].append(node)

    def _after(
        self,
        due: defaultdict[int, list[Pairs]],
        limits: tuple[float, float],
        pairs: Pairs,
        wait_s: Floats | float = 0.0,
    ) -> None:
        """Have each become due after a latency; what is less than a step counts by chance."""
        low, high = limits
        chance = self._rng.random((2, len(pairs.child)))
        delay_s = wait_s + low + (high - low) * chance[0]
        steps = (delay_s / self._step_s + chance[1]).astype(np.intp)
        for delay in np.unique(steps).tolist():
            due[self._step + delay].append(pairs.where(steps == delay))

    # Swarm and scheduler

    def _report(self, event: ev.Event) -> None:
        self.outcome.reports += 1
        for command in self._core.handle(event, self.now):
            if isinstance(command, said.Offer):
                self.outcome.answers += 1
                for parent in command.parents:
                    child = self._number[command.peer_id]
                    if parent.seed:
                        self._join_seed(child)
                    else:
                        self._join(child, self._number[parent.peer_id])

    def _arrivals_and_deaths(self) -> None:
        for node in self._arrivals.pop(self._step, ()):
            self.fleet.begin(node)
            self._begun[node] = self._dirty[node] = True
            self._progress_at[node] = self.now
            name = self._names[node]
            self._report(ev.PeerRegistered(name, TASK, f"{name}/p"))
            self._report(ev.PeerStarted(f"{name}/p"))
        for node in self._deaths.pop(self._step, ()):
            self._introduce()
            self._die(node)

    def _join_seed(self, child: int) -> None:
        self._seed_children[child] = None
        self.fleet.join_seed(child, self._seeding.held)
        self._dirty[child] = True

    def _join(self, child: int, parent: int) -> None:
        """``child`` hears of the parent's units from now on, and the other way round."""
        if self._dead[parent] or child in self._children[parent]:
            return
        for one, other in ((child, parent), (parent, child)):
            if not self._over[one]:
                self._children[other][one] = None
                self._met.append((one, other))

    def _introduce(self) -> None:
        """Tell the fleet of those who have met."""
        if self._met:
            child, parent = np.array(self._met, np.intp).T
            self._met.clear()
            self.fleet.join(child, parent)
            self._dirty[child] = True

    def _look_for_starving(self) -> None:
        """Nodes that got nothing for a while ask for other parents."""
        hungry = self._progress_at < self.now - self._policy.starving_s
        for node in np.flatnonzero(hungry & self._begun & ~self._over).tolist():
            self._progress_at[node] = self.now
            self.outcome.starved += 1
            self._report(ev.PeerRescheduled(f"{self._names[node]}/p"))

    # Children

    def _plan(self) -> None:
        dirty = np.flatnonzero(self._dirty)
        self._dirty[dirty] = False
        delays = self.scenario.delays.request_s
        pairs, anyof = self.fleet.plan(dirty, self.now)
        self._after(self._asked, delays, pairs)
        for child, wanted in anyof:
            delay_s = self._rng.uniform(*delays)
            step = self._step + int(delay_s / self._step_s + self._rng.random())
            self._asked_any[step].append((child, wanted))

    def _hear_news(self) -> None:
        for units in self._news.pop(self._step, ()):
            self._dirty[self.fleet.hear(units)] = True
        for unit in self._from_origin.pop(self._step, ()):
            seeding = self._seeding
            seeding.held |= 1 << unit
            seeding.fetching = seeding.held != self._all
            children = np.array(list(self._seed_children), np.intp)
            self.fleet.vouch(children, 1 << unit)
            self._dirty[children] = True

    # Parents

    def _answer(self) -> None:
        if asked := self._asked.pop(self._step, None):
            pairs = _together(asked)
            self.outcome.asked += len(pairs.child)
            pairs = pairs.where(~self._over[pairs.child])
            self._answer_named(pairs.where(self._rng.permutation(len(pairs.child))))
        for child, wanted in self._asked_any.pop(self._step, ()):
            if not self._over[child]:
                self._tickets[self._next_ticket] = child
                self._seeding.ask(Waiting(self._next_ticket, self._names[child], wanted))
                self._next_ticket += 1
        if not self._seeding.idle:
            self._seed_decides()

    def _answer_named(self, pairs: Pairs) -> None:
        granted = ~self._dead[pairs.parent]
        granted[granted] = self._doors.take(pairs.parent[granted])
        self._send(pairs.where(granted))
        refused = pairs.where(~granted)
        self.outcome.refused += len(refused.child)
        child, until = self.fleet.refuse(refused, self.now)
        self._wake(child, until)
        self._dirty[refused.child] = True

    def _send(self, pairs: Pairs) -> Numbers:
        places = self._links.begin(pairs.parent, pairs.child, self.scenario.unit_bytes)
        more = int(places.max(initial=-1)) + 1 - self._units.shape[1]
        if more > 0:
            self._units = np.pad(self._units, ((0, 0), (0, 2 * more)))
        self._units[:, places] = pairs.unit, pairs.slot
        return places

    def _wake(self, child: Numbers, until: np.ndarray) -> None:
        """Let them plan again when what they wait for is over."""
        steps = (until / self._step_s).astype(np.intp) + 1
        for step in np.unique(steps).tolist():
            self._wakes[step].append(child[steps == step])

    def _seed_decides(self) -> None:
        again = True
        while again:
            again = False
            for decision in self._seeding.decide():
                child = self._tickets.pop(decision.number)
                if isinstance(decision, Grant):
                    if self.fleet.claim(child, decision.unit):
                        pair = Pairs(*np.array([[child], [self._seed], [decision.unit], [0]]))
                        self._ticket_at[int(self._send(pair)[0])] = decision.number
                        continue
                    self.outcome.wasted += 1
                    self._seeding.ended(decision.number, delivered=False)
                    again = True
                until = self.fleet.seed_had_nothing(child, self.now)
                self._wake(np.array([child]), np.array([until]))

    # The end of transfers

    def _complete(self, places: Numbers) -> None:
        if not len(places):
            return
        pairs, from_seed = self._ended(places, delivered=True)
        peers = pairs.where(~from_seed)
        self.fleet.deliver(peers, self.now)
        self.fleet.deliver_from_seed(pairs.child[from_seed], pairs.unit[from_seed])
        self._progress_at[pairs.child] = self.now
        self._dirty[pairs.child] = True
        wait_s = self._paces.wait_s(pairs.child, self.now)
        self._after(self._news, self.scenario.delays.news_s, pairs, wait_s)
        child = np.unique(pairs.child)
        for node in child[self.fleet.whole(child)].tolist():
            self._finish(node)

    def _ended(self, places: Numbers, *, delivered: bool) -> tuple[Pairs, np.ndarray]:
        """Take transfers off; which of them came from the seed."""
        parent, child = self._links.ends(places)
        pairs = Pairs(child, parent, *self._units[:, places])
        from_seed = parent == self._seed
        for place in places[from_seed].tolist():
            self._seeding.ended(self._ticket_at.pop(place), delivered=delivered)
        self._doors.release(parent[~from_seed])
        self._links.stop(places)
        return pairs, from_seed

    def _finish(self, node: int) -> None:
        self._over[node] = True
        self._done_at[node] = self.now
        self._missing_nodes -= 1
        self._leave_parents(node)
        self._report(ev.PeerFinished(f"{self._names[node]}/p"))

    def _leave_parents(self, node: int) -> None:
        parents = self.fleet.finish(node)
        for parent in parents:
            self._children[parent].pop(node, None)
        if node in self._seed_children:
            del self._seed_children[node]
            for ticket, child in list(self._tickets.items()):
                if child == node:
                    self._seeding.withdraw(ticket)
                    del self._tickets[ticket]
            self._seeding.child_left(self._names[node])

    def _die(self, node: int) -> None:
        """Power off: its transfers break, its neighbours ask for others."""
        if not self._over[node]:
            self._missing_nodes -= 1
            self._done_at[node] = self.now
        self._over[node] = self._dead[node] = True
        pairs, from_seed = self._ended(self._links.at(node), delivered=False)
        self.fleet.abandon(pairs.where(~from_seed))
        self.fleet.abandon_from_seed(pairs.child[from_seed], pairs.unit[from_seed])
        self._dirty[pairs.child] = True
        self._leave_parents(node)
        self._report(ev.StreamClosed(f"{self._names[node]}/p"))
        bad = (ev.BadParent(f"{self._names[node]}/p"),)
        children, self._children[node] = self._children[node], {}
        for child in children:
            self.fleet.drop(child, node)
            self._report(ev.PeerRescheduled(f"{self._names[child]}/p", bad))

    def _judge(self) -> Outcome:
        outcome, scenario = self.outcome, self.scenario
        dead = frozenset(np.flatnonzero(self._dead).tolist())
        outcome.bound_s = scenario.bound_s(without=dead)
        outcome.unfinished = self._missing_nodes
        outcome.done_s = {
            i: moment - scenario.arrives(i)
            for i, moment in enumerate(self._done_at.tolist())
            if i not in dead
        }
        if not self._missing_nodes:
            outcome.makespan_s = float(max(self._done_at[i] for i in outcome.done_s))
        # Every node reports its pieces, too.
        outcome.reports += len(outcome.done_s) * scenario.geometry.piece_count
        sent = self._links.sent
        outcome.seed_sent = float(sent[self._seed]) / scenario.size_bytes
        capacity = sum(scenario.up(i) for i in outcome.done_s)
        outcome.up_use = float(sent[: self._seed].sum()) / (capacity * max(self.now, 1e-9))
        return outcome


def _together(parts: list[Pairs]) -> Pairs:
    return Pairs(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def run(scenario: Scenario, seed: int, *, steps_per_unit: int = 20) -> Outcome:
    """Simulate one run; the same ``seed`` gives the same run."""
    # Nothing here is a cycle, and there are millions of objects to look through for one.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return Crowd(scenario, seed, steps_per_unit=steps_per_unit).run()
    finally:
        if collecting:
            gc.enable()
