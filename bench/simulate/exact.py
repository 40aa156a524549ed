"""A whole swarm, event by event: the download machines, slots and the scheduler's core on one clock.

For up to some hundred hosts. `node` is a host; this is what lies between them: the network, the
scheduler and the latency of every message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import exp
from random import Random

from bench.simulate.clock import Clock
from bench.simulate.fluid import Flow, Fluid
from bench.simulate.node import Node
from bench.simulate.outcome import Outcome
from bench.simulate.scenario import Scenario
from dfdaemon.task import events as it
from dfdaemon.task.origin_runs import OriginPolicy
from dfdaemon.task.policy import TaskPolicy
from scheduler import commands as said
from scheduler import events as ev
from scheduler.core import Core
from scheduler.policy import OriginPolicy as SchedulerOriginPolicy
from scheduler.policy import Policy

GIVE_UP_FACTOR = 60.0


class World:
    """Everything that is not a host."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.rng = Random(seed)
        self.clock = Clock()
        self.fluid = Fluid()
        self.outcome = Outcome(scenario.bound_s())
        self.geometry = scenario.geometry
        # The core has been there for a while: it grants from the first moment on.
        self.core = Core(
            Policy(scenario.swarm, origin=SchedulerOriginPolicy(settle_s=0.0)), Random(seed + 1)
        )
        self._pair_weight: dict[tuple[int, int], float] = {}
        self.origin_link: int | None = None
        if scenario.origin_mbit is not None:
            self.origin_link = self.fluid.link(scenario.origin_mbit * 125_000.0)
        self.by_host: dict[str, Node] = {}
        policy = TaskPolicy(plan=scenario.plan)
        self.seed = self._make("seed", -1, replace(policy, origin=OriginPolicy(first=True)))
        self.nodes = [self._make(f"node-{i}", i, policy) for i in range(scenario.nodes)]

    def _make(self, host_id: str, index: int, policy: TaskPolicy) -> Node:
        scenario = self.scenario
        up = scenario.seed_up if index < 0 else scenario.up(index)
        down = up if index < 0 else scenario.down(index)
        node = Node(self, host_id, index, policy, self.fluid.link(up), self.fluid.link(down))
        self.by_host[host_id] = node
        self.report(ev.HostAnnounced(ev.HostInfo(host_id, seed=node.is_seed), 3600.0))
        return node

    # Time and messages

    def request_s(self) -> float:
        return self.rng.uniform(*self.scenario.delays.request_s)

    def send(self, action: Callable[..., None], *arguments: object) -> None:
        """Have it done when a request has made its way."""
        self.clock.after(self.request_s(), action, *arguments)

    def news_s(self) -> float:
        return self.rng.uniform(*self.scenario.delays.news_s)

    def report(self, event: ev.Event) -> None:
        """Say something to the scheduler, which answers after the latency of a request."""
        self.outcome.reports += 1
        for command in self.core.handle(event, self.clock.now):
            self._obey(command)

    def _obey(self, command: said.Command) -> None:
        match command:
            case said.Offer(peer_id=peer_id, parents=parents):
                addresses = tuple(
                    it.ParentAddress(p.peer_id, p.host_id, p.host_id, 4005, p.seed) for p in parents
                )
                self._answer(peer_id, it.CandidatesNamed(addresses))
            case said.GrantOrigin(peer_id=peer_id, reason=reason):
                self._answer(peer_id, it.OriginGranted(reason))
                self._answer(peer_id, it.CandidatesNamed(()))
            case _:
                pass

    def _answer(self, peer_id: str, event: it.Event) -> None:
        self.outcome.answers += 1
        node = self.by_host[peer_id.removesuffix("/p")]
        self.send(node.post, event)

    # Transfers

    def weight(self, up: int, down: int) -> float:
        unfair = self.scenario.unfair
        if not unfair.sigma:
            return 1.0
        if not unfair.per_pair:
            return exp(unfair.sigma * self.rng.gauss(0.0, 1.0))
        return self._pair_weight.setdefault(
            (up, down), exp(unfair.sigma * self.rng.gauss(0.0, 1.0))
        )

    def begin(self, flow: Flow) -> None:
        self.fluid.begin(flow, self.clock.now)

    def stop(self, flow: Flow) -> None:
        self.fluid.stop(flow, self.clock.now)

    # The run

    def run(self) -> Outcome:
        scenario, clock, fluid = self.scenario, self.clock, self.fluid
        if self.origin_link is None:
            self.seed.hold_everything()
        for node in self.nodes:
            clock.at(scenario.arrives(node.index), node.start)
            if (moment := scenario.dies(node.index)) is not None:
                clock.at(moment, node.die)
        limit_s = self.outcome.bound_s * GIVE_UP_FACTOR + max(scenario.arrive_s, default=0.0)
        while any(node.wanting for node in self.nodes) and clock.now < limit_s:
            due, end = clock.next_due, fluid.next_end
            if due is not None and due <= end:
                clock.run_next()
                continue
            if end == float("inf"):
                break
            clock.now = end
            for flow in fluid.ended(end):
                flow.done()
        return self._judge()

    def _judge(self) -> Outcome:
        outcome, scenario = self.outcome, self.scenario
        alive = [node for node in self.nodes if not node.dead or node.done_at < float("inf")]
        dead = frozenset(range(scenario.nodes)) - {node.index for node in alive}
        outcome.bound_s = scenario.bound_s(without=dead)
        outcome.unfinished = sum(node.wanting for node in alive)
        outcome.done_s = {n.index: n.done_at - scenario.arrives(n.index) for n in alive}
        if not outcome.unfinished:
            outcome.makespan_s = max(node.done_at for node in alive)
        size = scenario.size_bytes
        outcome.seed_sent = self.fluid.carried[self.seed.up_link] / size
        if self.origin_link is not None:
            outcome.origin_sent = self.fluid.carried[self.origin_link] / size
        sent = sum(self.fluid.carried[node.up_link] for node in alive)
        capacity = sum(scenario.up(node.index) for node in alive)
        outcome.up_use = sent / (capacity * self.clock.now)
        outcome.tenth_s = max((node.tenth_at or self.clock.now) for node in alive)
        outcome.lag_s = max(node.lag_s for node in alive)
        return outcome


def run(scenario: Scenario, seed: int) -> Outcome:
    """Simulate one run; the same ``seed`` gives the same run."""
    return World(scenario, seed).run()
