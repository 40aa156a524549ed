"""A swarm of up to 100,000 hosts, in small steps of time.

Every child plans with the real planner, every parent refuses by the real slots, the seed chooses by
the real policy, and the scheduler's real core names the parents. What `exact` does and this does not:
the machine around the planner (joins, checks, faults of single transfers), exact sharing of links
(`links`), and moments between two steps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import cycle
from random import Random
from typing import NamedTuple

from bench.simulate.links import Links
from bench.simulate.outcome import Outcome
from bench.simulate.scenario import Scenario
from dfdaemon.task.commands import FetchAny, FetchUnit
from dfdaemon.task.events import ParentAddress
from dfdaemon.task.planner import Planner
from dfdaemon.task.policy import TaskPolicy
from dfdaemon.upload.slots import Budget, Grant, ParentSlots, SeedTask, Waiting
from scheduler import commands as said
from scheduler import events as ev
from scheduler.core import Core
from scheduler.policy import OriginPolicy, Policy

TASK = "f" * 64
MAX_TRANSFERS = 64
GIVE_UP_FACTOR = 20.0
DIFFERENT_DELAYS = 9973
LOOK_S = 0.5
"""How often a node looks whether it is starving."""


class Request(NamedTuple):
    """A named unit asked of a parent."""

    child: int
    transfer: int
    parent: int
    unit: int


class Crowd:
    """The whole swarm. Hosts are numbers; the seed is the last one."""

    def __init__(self, scenario: Scenario, seed: int, *, steps_per_unit: int = 20) -> None:
        self.scenario = scenario
        self.outcome = Outcome(scenario.bound_s())
        self._rng = Random(seed)
        self._policy = TaskPolicy(plan=scenario.plan)
        self._step_s = scenario.unit_s / steps_per_unit
        self._step = 0
        self._all = (1 << scenario.units) - 1
        nodes = range(scenario.nodes)
        self._seed = scenario.nodes
        hosts = [*(f"n{i}" for i in nodes), "seed"]
        self._addresses = [ParentAddress(f"{name}/p", name, name, 4005) for name in hosts]
        self._number = {address.peer_id: i for i, address in enumerate(self._addresses)}
        self._links = Links(
            [*(scenario.up(i) for i in nodes), scenario.seed_up],
            [*(scenario.down(i) for i in nodes), scenario.seed_up],
        )
        geometry = scenario.geometry
        self._planners = [Planner(geometry, scenario.plan, self._rng) for _ in nodes]
        self._slots = [ParentSlots(scenario.slots, Budget(MAX_TRANSFERS)) for _ in nodes]
        self._children: list[dict[int, str]] = [{} for _ in hosts]
        """Who hears of a host's units, and as whose."""
        self._next_transfer = [1] * scenario.nodes
        self._downloads = [0] * scenario.nodes
        self._begun = [False] * scenario.nodes
        self._dead = [False] * scenario.nodes
        self._done_at: list[float] = [-1.0] * scenario.nodes
        self._progress_at = [0.0] * scenario.nodes
        self._missing_nodes = scenario.nodes
        # Transfers by their place in the links.
        self._requests: dict[int, Request] = {}
        self._tickets: dict[int, tuple[int, int]] = {}
        self._ticket_at: dict[int, int] = {}
        self._next_ticket = 0
        self._seeding = SeedTask(scenario.seed_slots, Budget(MAX_TRANSFERS))
        self._seed_children: dict[int, None] = {}
        # What is due in which step.
        self._asked: defaultdict[int, list[Request]] = defaultdict(list)
        self._asked_any: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
        self._news: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self._wakes: defaultdict[int, list[int]] = defaultdict(list)
        self._dirty: dict[int, None] = {}
        self._request_steps = self._delays(scenario.delays.request_s)
        self._news_steps = self._delays(scenario.delays.news_s)
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
            for child in self._wakes.pop(self._step, ()):
                if self._downloads[child] < self._policy.plan.downloads:
                    self._dirty[child] = None
            if self._step % look == 0:
                self._look_for_starving()
            while self._dirty or self._step in self._asked or self._step in self._asked_any:
                self._plan()
                self._answer()
            self._links.share()
            self._step += 1
            self._complete(self._links.advance(self._step_s))
        return self._judge()

    def _begin(self) -> None:
        scenario = self.scenario
        for i, address in enumerate(self._addresses):
            info = ev.HostInfo(address.host_id, seed=i == self._seed)
            self._report(ev.HostAnnounced(info, 3600.0))
        if scenario.origin_mbit is None:
            self._seeding.held = self._all
            blob = ev.HeldBlob(TASK, self._addresses[-1].peer_id, scenario.size_bytes, True)
            self._report(ev.BlobsAnnounced("seed", (blob,), replace=True))
        else:
            self._seeding.fetching = True
            unit_s = scenario.unit_bytes / (scenario.origin_mbit * 125_000.0)
            for unit in range(scenario.units):
                step = int((unit + 1) * unit_s / self._step_s) + 1
                self._news[step].append((self._seed, 1 << unit))
        self._arrivals: defaultdict[int, list[int]] = defaultdict(list)
        self._deaths: defaultdict[int, list[int]] = defaultdict(list)
        for node in range(scenario.nodes):
            self._arrivals[int(scenario.arrives(node) / self._step_s)].append(node)
            if (moment := scenario.dies(node)) is not None:
                self._deaths[int(moment / self._step_s)].append(node)

    def _delays(self, limits: tuple[float, float]) -> Iterator[int]:
        """Latencies in steps, as many as one likes; what is less than a step counts by chance."""
        low, high = limits
        rng = self._rng
        drawn = (low + (high - low) * rng.random() for _ in range(DIFFERENT_DELAYS))
        return cycle([int(delay_s / self._step_s + rng.random()) for delay_s in drawn])

    # Swarm and scheduler

    def _report(self, event: ev.Event) -> None:
        self.outcome.reports += 1
        for command in self._core.handle(event, self.now):
            if isinstance(command, said.Offer):
                self.outcome.answers += 1
                for parent in command.parents:
                    self._join(self._number[command.peer_id], self._host(parent))

    def _host(self, parent: said.Parent) -> int:
        return self._seed if parent.seed else self._number[parent.peer_id]

    def _arrivals_and_deaths(self) -> None:
        for node in self._arrivals.pop(self._step, ()):
            planner = self._planners[node]
            planner.wanted = self._all
            self._begun[node] = True
            self._progress_at[node] = self.now
            address = self._addresses[node]
            self._report(ev.PeerRegistered(address.host_id, TASK, address.peer_id))
            self._report(ev.PeerStarted(address.peer_id))
            self._dirty[node] = None
        for node in self._deaths.pop(self._step, ()):
            self._die(node)

    def _join(self, child: int, parent: int) -> None:
        """``child`` hears of the parent's units from now on, and the other way round."""
        if parent == self._seed:
            self._seed_children[child] = None
            self._know(
                child, ParentAddress("seed", "seed", "seed", 4005, seed=True), self._seeding.held
            )
            self._planners[child].vouched |= self._seeding.held
            return
        if self._dead[parent] or child in self._children[parent]:
            return
        for one, other in ((child, parent), (parent, child)):
            if self._done_at[one] < 0:
                self._children[other][one] = self._addresses[other].peer_id
                self._know(one, self._addresses[other], self._planners[other].held)

    def _know(self, child: int, address: ParentAddress, held: int) -> None:
        planner = self._planners[child]
        planner.add_parent(address)
        planner.parent_joined(address.peer_id, held, complete=False)
        self._dirty[child] = None

    def _look_for_starving(self) -> None:
        """Nodes that got nothing for a while ask for other parents."""
        hungry_since = self.now - self._policy.starving_s
        if hungry_since <= 0:
            return
        for node, moment in enumerate(self._progress_at):
            if moment < hungry_since and self._begun[node] and self._done_at[node] < 0:
                self._progress_at[node] = self.now
                self.outcome.starved += 1
                self._report(ev.PeerRescheduled(self._addresses[node].peer_id))

    # Children

    def _plan(self) -> None:
        dirty, self._dirty = self._dirty, {}
        now, step = self.now, self._step
        delays = self._request_steps
        numbers, number_of = self._next_transfer, self._number
        for child in dirty:
            if self._done_at[child] >= 0:
                continue
            commands = self._planners[child].plan(now, numbers[child], None)
            if not commands:
                continue
            numbers[child] += len(commands)
            for command in commands:
                if isinstance(command, FetchUnit):
                    request = Request(
                        child, command.transfer, number_of[command.parent], command.unit
                    )
                    self._downloads[child] += 1
                    self._asked[step + next(delays)].append(request)
                elif isinstance(command, FetchAny):
                    due = step + next(delays)
                    self._asked_any[due].append((child, command.transfer, command.wanted_bits))

    def _hear_news(self) -> None:
        planners, dirty = self._planners, self._dirty
        limit = self._policy.plan.downloads
        downloads = self._downloads
        for host, bits in self._news.pop(self._step, ()):
            if host == self._seed:
                self._hear_seed(bits)
                continue
            for child, name in self._children[host].items():
                planner = planners[child]
                planner.parent_holds(name, bits)
                if downloads[child] < limit and planner.needed & bits:
                    dirty[child] = None

    def _hear_seed(self, bits: int) -> None:
        """A unit came from the origin."""
        seeding = self._seeding
        seeding.held |= bits
        seeding.fetching = seeding.held != self._all
        for child in self._seed_children:
            self._planners[child].vouched |= bits
            self._dirty[child] = None

    # Parents

    def _answer(self) -> None:
        outcome, dead = self.outcome, self._dead
        for request in self._asked.pop(self._step, ()):
            child, parent = request.child, request.parent
            outcome.asked += 1
            planner = self._planners[child]
            if request.transfer not in planner.flights:
                continue
            child_name = self._addresses[child].host_id
            if not dead[parent] and self._slots[parent].try_take(TASK, child_name):
                place = self._links.begin(parent, child, self.scenario.unit_bytes)
                self._requests[place] = request
                continue
            outcome.refused += 1
            self._downloads[child] -= 1
            planner.land(request.transfer)
            name = self._addresses[parent].peer_id
            planner.back_off(name, self.now, self._policy.plan.busy_backoff_s)
            if (view := planner.parents.get(name)) is not None:
                self._wakes[int(view.not_before / self._step_s) + 1].append(child)
            self._dirty[child] = None
        for child, transfer, wanted in self._asked_any.pop(self._step, ()):
            if transfer in self._planners[child].flights:
                ticket = self._next_ticket
                self._next_ticket += 1
                self._tickets[ticket] = (child, transfer)
                self._seeding.ask(Waiting(ticket, self._addresses[child].host_id, wanted))
        if not self._seeding.idle:
            self._seed_decides()

    def _seed_decides(self) -> None:
        again = True
        while again:
            again = False
            for decision in self._seeding.decide():
                child, transfer = self._tickets.pop(decision.number)
                planner = self._planners[child]
                if isinstance(decision, Grant) and planner.claim(transfer, decision.unit):
                    place = self._links.begin(self._seed, child, self.scenario.unit_bytes)
                    self._requests[place] = Request(child, transfer, self._seed, decision.unit)
                    self._ticket_at[place] = decision.number
                    continue
                if isinstance(decision, Grant):
                    self.outcome.wasted += 1
                    self._seeding.ended(decision.number, delivered=False)
                    again = True
                if planner.land(transfer) is not None:
                    planner.back_off("seed", self.now, self._policy.plan.busy_backoff_s)
                    moment = planner.parents["seed"].not_before
                    self._wakes[int(moment / self._step_s) + 1].append(child)

    # The end of transfers

    def _complete(self, places: list[int]) -> None:
        for place in places:
            child, transfer, parent, unit = self._requests.pop(place)
            planner = self._planners[child]
            planner.unit_held(unit)
            planner.land(transfer)
            self._progress_at[child] = self.now
            self._dirty[child] = None
            self._release(place, child, parent, delivered=True)
            bit = 1 << unit
            if self._children[child]:
                self._news[self._step + next(self._news_steps)].append((child, bit))
            if not planner.missing:
                self._finish(child)
        if places:
            self._links.stop(places)

    def _release(self, place: int, child: int, parent: int, *, delivered: bool) -> None:
        if parent == self._seed:
            self._seeding.ended(self._ticket_at.pop(place), delivered=delivered)
        else:
            self._downloads[child] -= 1
            self._slots[parent].release(TASK, self._addresses[child].host_id)

    def _finish(self, node: int) -> None:
        self._done_at[node] = self.now
        self._missing_nodes -= 1
        address = self._addresses[node]
        self._leave_parents(node)
        self._report(ev.PeerFinished(address.peer_id))

    def _leave_parents(self, node: int) -> None:
        planner = self._planners[node]
        for name in planner.parents:
            if name != "seed":
                self._children[self._number[name]].pop(node, None)
        if node in self._seed_children:
            del self._seed_children[node]
            for ticket, (child, _) in list(self._tickets.items()):
                if child == node:
                    self._seeding.withdraw(ticket)
                    del self._tickets[ticket]
            self._seeding.child_left(self._addresses[node].host_id)

    def _die(self, node: int) -> None:
        """Power off: its transfers break, its neighbours ask for others."""
        if self._done_at[node] < 0:
            self._missing_nodes -= 1
            self._done_at[node] = self.now
        self._dead[node] = True
        places = self._links.at(node)
        for place in places:
            child, transfer, parent, _ = self._requests.pop(place)
            self._planners[child].land(transfer)
            self._release(place, child, parent, delivered=False)
            self._dirty[child] = None
        self._links.stop(places)
        self._leave_parents(node)
        address = self._addresses[node]
        self._report(ev.StreamClosed(address.peer_id))
        bad = (ev.BadParent(address.peer_id),)
        for child, name in list(self._children[node].items()):
            self._planners[child].drop_parent(name)
            self._report(ev.PeerRescheduled(self._addresses[child].peer_id, bad))
        self._children[node].clear()

    def _judge(self) -> Outcome:
        outcome, scenario = self.outcome, self.scenario
        dead = frozenset(i for i, gone in enumerate(self._dead) if gone)
        outcome.bound_s = scenario.bound_s(without=dead)
        outcome.unfinished = self._missing_nodes
        outcome.done_s = {
            i: moment - scenario.arrives(i)
            for i, moment in enumerate(self._done_at)
            if i not in dead
        }
        if not self._missing_nodes:
            outcome.makespan_s = max(self._done_at[i] for i in outcome.done_s)
        # Every node reports its pieces, too; that tells the core nothing it decides by.
        outcome.reports += len(outcome.done_s) * scenario.geometry.piece_count
        sent = self._links.sent
        outcome.seed_sent = float(sent[self._seed]) / scenario.size_bytes
        capacity = sum(scenario.up(i) for i in outcome.done_s)
        outcome.up_use = float(sent[: self._seed].sum()) / (capacity * max(self.now, 1e-9))
        return outcome


def run(scenario: Scenario, seed: int, *, steps_per_unit: int = 20) -> Outcome:
    """Simulate one run; the same ``seed`` gives the same run."""
    return Crowd(scenario, seed, steps_per_unit=steps_per_unit).run()
