"""The scheduler's mind: events in, commands out.

Synchronous and deterministic: time is an argument, chance a `random.Random` that the caller seeds.
The service holds one core and performs its commands; the simulator drives the same core with 100,000
hosts on a virtual clock. An event costs O(neighbours) at most, never a walk over hosts or peers
(except where a host with many tasks leaves: O(its tasks)).

Parts: `census` who is there, `admission` what peers are answered, `graph` neighbours, `feeding`
seeds and the origin, `reports` progress and failures, `expiry` leases; `desk` is their common table.
"""

from __future__ import annotations

from random import Random

from scheduler import events as ev
from scheduler.admission import Admission
from scheduler.census import Census
from scheduler.commands import Command
from scheduler.desk import Desk
from scheduler.expiry import Expiry
from scheduler.feeding import Feeding
from scheduler.graph import Graph
from scheduler.policy import Policy
from scheduler.reports import Reports
from scheduler.resource.intake import Traffic
from scheduler.resource.pool import Pool


class Core:
    """Not thread-safe; nothing in it awaits, so between two calls its state is whole."""

    def __init__(self, policy: Policy, rng: Random) -> None:
        self._desk = Desk(policy, rng)
        graph = Graph(self._desk)
        self._feeding = Feeding(self._desk)
        self._admission = Admission(self._desk, graph, self._feeding)
        self._census = Census(self._desk, graph, self._feeding, self._admission)
        self._reports = Reports(self._desk, graph, self._feeding, self._admission, self._census)
        self._expiry = Expiry(
            self._desk, self._feeding, self._admission, self._census, self._reports
        )

    def adopt(self, policy: Policy) -> None:
        """Go on with other limits. What was granted under the former ones stays granted."""
        self._desk.policy = policy
        self._admission.adopt(policy)

    @property
    def pool(self) -> Pool:
        """What is known, to read only."""
        return self._desk.pool

    @property
    def traffic(self) -> Traffic:
        """What was reported in all, to read only."""
        return self._desk.traffic

    @property
    def next_deadline(self) -> float | None:
        """When to send the next `Ticked`, if nothing happens before."""
        return self._desk.leases.next_deadline

    def handle(self, event: ev.Event, now: float) -> list[Command]:
        """Take in what happened at `now` (monotonic seconds) and say what to do, in order."""
        self._desk.begin(now)
        self._dispatch(event)
        return self._desk.out

    def _dispatch(self, event: ev.Event) -> None:
        match event:
            case ev.PieceFinished():
                self._reports.piece_finished(event)
            case ev.PeerRegistered():
                self._census.peer_registered(event)
            case ev.PeerStarted():
                self._reports.peer_started(event)
            case ev.PeerFinished():
                self._reports.peer_finished(event)
            case ev.HostAnnounced():
                self._census.host_announced(event)
            case ev.PeerRescheduled():
                self._reports.peer_rescheduled(event)
            case ev.PieceFailed():
                self._reports.piece_failed(event)
            case ev.OriginRefusedPiece():
                self._reports.origin_refused(event)
            case ev.PeerFailed():
                self._reports.peer_failed(event)
            case ev.StreamClosed():
                self._reports.stream_closed(event)
            case ev.BlobsAnnounced():
                self._census.blobs_announced(event)
            case ev.PeerLeft():
                self._peer_left(event.peer_id)
            case ev.TaskLeft():
                self._task_left(event)
            case ev.HostLeft():
                self._census.host_left(event.host_id)
            case ev.SeedTriggered():
                self._census.seed_triggered(event)
            case ev.SeedTriggerFailed():
                self._reports.seed_trigger_failed(event)
            case ev.Ticked():
                self._expiry.run()

    def _peer_left(self, peer_id: str) -> None:
        peer = self._desk.pool.peers.get(peer_id)
        if peer is not None:
            self._census.remove(peer, "it left")

    def _task_left(self, event: ev.TaskLeft) -> None:
        task = self._desk.pool.tasks.get(event.task_id)
        if task is None:
            return
        for peer in list(task.peers.values()):
            if peer.host.id in event.host_ids:
                self._census.remove(peer, "the task was deleted")

    def validate(self) -> None:
        """Raise AssertionError if the state contradicts itself. O(everything): for tests."""
        pool = self._desk.pool
        pool.validate()
        waiting = {task for task in pool.tasks.values() if task.waiting}
        assert waiting == set(self._desk.waiting_tasks)
        for task in pool.tasks.values():
            assert len(task.grants) <= self._desk.policy.origin.max_hosts_per_task
            if task.feeder is not None:
                assert pool.hosts[task.feeder.host.id] is task.feeder.host
                assert task in task.feeder.host.feeds
                assert len(task.feeder.children) <= len(task.active)
            if task.trigger is not None:
                assert pool.hosts[task.trigger.host.id] is task.trigger.host
                assert task in task.trigger.host.triggers
        for host in pool.hosts.values():
            for task in host.feeds:
                assert task.feeder is not None
                assert task.feeder.host is host
            for task in host.triggers:
                assert task.trigger is not None
                assert task.trigger.host is host
