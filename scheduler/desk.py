"""What the parts of the core share while one event is handled: state, policy, time, chance, output.

Made by `core.Core`, handed to every part; nothing else holds state. Pure.
"""

from __future__ import annotations

import heapq
from enum import StrEnum
from itertools import count
from random import Random
from weakref import ref

from scheduler.commands import Command, Offer, Parent
from scheduler.policy import Policy
from scheduler.resource.host import Host
from scheduler.resource.intake import Traffic
from scheduler.resource.peer import Peer
from scheduler.resource.pool import Pool
from scheduler.resource.task import Task


class Lease(StrEnum):
    """What may run out. The holder of a due lease looks at the facts and may renew it."""

    HOST = "host"
    PEER = "peer"
    STREAM = "stream"
    TASK = "task"
    WAIT = "wait"
    GRANT = "grant"
    TRIGGER = "trigger"
    QUARANTINE = "quarantine"
    SETTLING = "settling"


Holder = Host | Peer | Task | None


class Leases:
    """Deadlines in order. Entries are hints: they are checked when due, never removed early.

    So they must not keep a peer that was forgotten: a host with 100,000 blobs that comes and goes
    would leave that many behind each time.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Lease, Holder | ref[Peer]]] = []
        self._numbers = count()

    def add(self, deadline: float, kind: Lease, holder: Holder) -> None:
        kept = ref(holder) if isinstance(holder, Peer) else holder
        heapq.heappush(self._heap, (deadline, next(self._numbers), kind, kept))

    @property
    def next_deadline(self) -> float | None:
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> tuple[Lease, Holder] | None:
        while self._heap and self._heap[0][0] <= now:
            _, _, kind, kept = heapq.heappop(self._heap)
            if not isinstance(kept, ref):
                return kind, kept
            if (peer := kept()) is not None:
                return kind, peer
        return None


class Desk:
    """One core's state and the output of the event at hand."""

    def __init__(self, policy: Policy, rng: Random) -> None:
        self.policy = policy
        self.rng = rng
        self.pool = Pool()
        self.traffic = Traffic()
        self.leases = Leases()
        self.waiting_tasks: dict[Task, None] = {}
        """Tasks with peers that were promised an answer."""
        self.settling = True
        """The scheduler has just started: see `OriginPolicy.settle_s`."""
        self.started_at: float | None = None
        self.now = 0.0
        self.out: list[Command] = []

    def begin(self, now: float) -> None:
        """An event came in at `now`; time never goes back."""
        if self.started_at is None:
            self.started_at = self.now = now
            self.leases.add(now + self.policy.origin.settle_s, Lease.SETTLING, None)
        self.now = max(self.now, now)
        self.settling = self.now < self.started_at + self.policy.origin.settle_s
        self.out = []

    def say(self, command: Command) -> None:
        self.out.append(command)

    def offer(self, peer: Peer, parents: list[Parent]) -> None:
        """Offer parents (if any) and settle what was promised."""
        if parents:
            peer.answered = True
            self.settle(peer)
            self.say(Offer(peer.id, tuple(parents)))

    def settle(self, peer: Peer) -> None:
        if peer.awaits:
            peer.awaits = False
            del peer.task.waiting[peer]
            if not peer.task.waiting:
                del self.waiting_tasks[peer.task]

    def promise(self, peer: Peer) -> None:
        """Answer later, when there is something, or when the wait is over."""
        if not peer.awaits:
            peer.awaits = True
            peer.task.waiting[peer] = None
            self.waiting_tasks[peer.task] = None
            peer.wait_until = self.now + self.policy.origin.wait_s
            self.leases.add(peer.wait_until, Lease.WAIT, peer)


def as_parent(peer: Peer) -> Parent:
    return Parent(peer.id, peer.host.id, str(peer.state), peer.seed)


def alive(desk: Desk, peer: Peer) -> bool:
    """Whether the record is still the one in the pool (leases may hold older ones)."""
    return desk.pool.peers.get(peer.id) is peer
