"""What peers report while they download: progress, the end, bad parents. Pure."""

from __future__ import annotations

from scheduler.admission import Admission
from scheduler.census import Census
from scheduler.commands import NoteOrigin, NoteQuarantine, Refuse
from scheduler.desk import Desk, Lease
from scheduler.events import (
    BadParent,
    OriginRefusedPiece,
    PeerFailed,
    PeerFinished,
    PeerRescheduled,
    PeerStarted,
    PieceFailed,
    PieceFinished,
    SeedTriggerFailed,
    StreamClosed,
)
from scheduler.feeding import Feeding
from scheduler.graph import Graph
from scheduler.resource.host import Host
from scheduler.resource.intake import ORIGIN
from scheduler.resource.peer import Peer
from scheduler.resource.states import PeerEvent, TaskEvent
from scheduler.resource.task import Task


class Reports:
    def __init__(
        self, desk: Desk, graph: Graph, feeding: Feeding, admission: Admission, census: Census
    ) -> None:
        self._desk = desk
        self._graph = graph
        self._feeding = feeding
        self._admission = admission
        self._census = census

    def _peer(self, peer_id: str) -> Peer | None:
        return self._desk.pool.peers.get(peer_id)

    # Progress

    def peer_started(self, event: PeerStarted) -> None:
        peer = self._peer(event.peer_id)
        if peer is None or peer.ended:
            return
        desk, task = self._desk, peer.task
        peer.progressed_at = desk.now
        if not event.back_to_source:
            peer.fire(PeerEvent.DOWNLOAD, desk.now)
            desk.pool.enrol(peer)
            return
        moved = peer.fire(PeerEvent.DOWNLOAD_BACK_TO_SOURCE, desk.now)
        desk.pool.enrol(peer)
        if moved and peer not in task.grants:
            why = "on its own account"
            desk.say(NoteOrigin(task.id, peer.id, peer.host.id, False, peer.seed, why))
        if peer.seed:
            self._feeding.adopt(peer)
        self._feeder_began(peer)

    def _feeder_began(self, peer: Peer) -> None:
        task = peer.task
        if task.trigger is not None and task.trigger.host is peer.host:
            self._feeding.end_trigger(task)
        if task.waiting:
            self._admission.wake(task)

    def piece_finished(self, event: PieceFinished) -> None:
        peer = self._peer(event.peer_id)
        if peer is None or peer.ended:
            return
        desk = self._desk
        first = peer.finished_bytes == 0
        peer.finished_bytes += event.length_bytes
        peer.progressed_at = desk.now
        parent = desk.pool.peers.get(event.parent_id) if event.parent_id else None
        if parent is not None and parent is not peer:
            parent.host.note_served(event.length_bytes, desk.now)
        self._note_intake(peer, parent, event)
        if first:
            # A message may have been lost with a stream: whoever has bytes has started.
            peer.fire(
                PeerEvent.DOWNLOAD_BACK_TO_SOURCE if event.back_to_source else PeerEvent.DOWNLOAD,
                desk.now,
            )
            desk.pool.enrol(peer)
            self._feeder_began(peer)

    def _note_intake(self, peer: Peer, parent: Peer | None, event: PieceFinished) -> None:
        giver = parent.host if parent is not None else None
        if giver is None and event.parent_id:
            giver = self._host_named(peer.task, BadParent(event.parent_id))
        self._desk.traffic.note(
            event.length_bytes,
            origin=event.back_to_source,
            taker_seed=peer.seed,
            giver_seed=giver is not None and giver.info.seed,
        )
        if event.back_to_source or giver is not None:
            source = ORIGIN if event.back_to_source or giver is None else giver.id
            peer.task.flow.add(event.length_bytes, self._desk.now)
            peer.intake.note(source, event.number, event.length_bytes, self._desk.now)

    def origin_refused(self, event: OriginRefusedPiece) -> None:
        peer = self._peer(event.peer_id)
        if peer is not None:
            peer.origin_status = event.status

    # The end

    def peer_finished(self, event: PeerFinished) -> None:
        peer = self._peer(event.peer_id)
        if peer is None or peer.ended:
            return
        desk, task = self._desk, peer.task
        if not peer.fire(PeerEvent.DOWNLOAD_SUCCEEDED, desk.now):
            return
        peer.progressed_at = desk.now
        desk.pool.enrol(peer)
        task.grants.pop(peer, None)
        self._feeding.detach(peer)
        self._admission.drop_sources(peer)
        if peer.complete:
            task.fire(TaskEvent.DOWNLOAD_SUCCEEDED, desk.now)
            peer.finished_bytes = task.size_bytes or peer.finished_bytes
            self._graph.slacken(peer)
        elif task.feeder is not None and task.feeder.host is peer.host and not peer.seed:
            self._feeding.lose(task, "it has the part it wanted", failed=False)
        self._admission.end_stream(peer)
        if task.waiting:
            self._admission.wake(task)

    def peer_failed(self, event: PeerFailed) -> None:
        """The peer gave up. Its children know from itself, and why, and ask for others if they like.

        A seed is passed over only if the origin failed it: a client may simply have gone away, and
        another one's credentials may open what was refused.
        """
        peer = self._peer(event.peer_id)
        if peer is None or peer.ended:
            return
        task = peer.task
        peer.fire(PeerEvent.DOWNLOAD_FAILED, self._desk.now)
        if event.back_to_source:
            task.fire(TaskEvent.DOWNLOAD_FAILED, self._desk.now)
        if task.trigger is not None and task.trigger.host is peer.host:
            self._feeding.end_trigger(task)
            self._feeding.pass_over(task, peer.host)
        status = peer.origin_status
        failed = status is not None and not _is_final(status)
        self._census.remove(peer, "it failed", failed=failed, refeed=False)

    def stream_closed(self, event: StreamClosed) -> None:
        peer = self._peer(event.peer_id)
        if peer is None or not peer.streaming:
            return
        desk = self._desk
        peer.streaming = False
        peer.closed_at = desk.now
        desk.settle(peer)
        desk.pool.enrol(peer)
        self._feeding.detach(peer)
        if not peer.ended:
            desk.leases.add(desk.now + desk.policy.lease.stream_grace_s, Lease.STREAM, peer)

    # Bad parents

    def peer_rescheduled(self, event: PeerRescheduled) -> None:
        peer = self._peer(event.peer_id)
        if peer is None or peer.ended or not peer.streaming:
            why = f"peer {event.peer_id} is not registered here: register it first"
            self._desk.say(Refuse(event.peer_id, "NOT_FOUND", why))
            return
        self._admission.drop_sources(peer)
        complained = False
        for bad in event.bad:
            complained |= self._give_up(peer, bad)
        fresh: list[Peer] = []
        if peer.own and not peer.seed:
            fresh = self._graph.link_up(peer) if event.bad else self._graph.swap(peer)
        self._admission.answer_again(peer, fresh)
        if complained and peer.task.waiting:
            self._admission.wake(peer.task)

    def _give_up(self, peer: Peer, bad: BadParent) -> bool:
        """The peer will not hear of this parent again. True if the feeder fell over it."""
        task = peer.task
        other = task.peers.get(bad.peer_id)
        host = other.host if other is not None else self._host_named(task, bad)
        if host is None or host is peer.host:
            return False
        if bad.ip and bad.ip != host.info.ip:
            # It was restarted with another address, where the peer has not tried it yet.
            return False
        peer.block(host, self._desk.now)
        mine = host.tasks.get(task.id)
        if mine is not None:
            self._graph.unlink(peer, mine)
        if task.feeder is not None and task.feeder.host is host:
            return self._feeding.complain(peer)
        if mine is not None and mine in task.grants and self._feeding.looks_dead(mine):
            del task.grants[mine]
            return True
        return False

    def _host_named(self, task: Task, bad: BadParent) -> Host | None:
        """A seed that was named before it had a peer goes by `<host id>-<task id[:12]>`."""
        host_id = bad.host_id or bad.peer_id.removesuffix(f"-{task.id[:12]}")
        return self._desk.pool.hosts.get(host_id)

    def piece_failed(self, event: PieceFailed) -> None:
        """Count bytes that did not verify; other failures are the child's own business."""
        peer = self._peer(event.peer_id)
        if peer is None or event.temporary:
            return
        other = peer.task.peers.get(event.parent_id)
        named = BadParent(event.parent_id)
        host = other.host if other is not None else self._host_named(peer.task, named)
        if host is None or host is peer.host or host.quarantined_until is not None:
            return
        desk, policy = self._desk, self._desk.policy.quarantine
        failures = host.note_failure(desk.now, policy.window_s)
        if failures < policy.failures:
            return
        host.quarantined_until = desk.now + policy.duration_s
        desk.leases.add(host.quarantined_until, Lease.QUARANTINE, host)
        desk.say(NoteQuarantine(host.id, peer.task.id, failures, host.quarantined_until))
        self._census.withdraw(host, "it is quarantined: its bytes did not verify")

    # Seeds

    def seed_trigger_failed(self, event: SeedTriggerFailed) -> None:
        task = self._desk.pool.tasks.get(event.task_id)
        if task is None or task.trigger is None or task.trigger.host.id != event.host_id:
            return
        self.give_up_trigger(task)

    def give_up_trigger(self, task: Task) -> None:
        """The next seed is asked, or a waiting peer goes to the origin."""
        if task.trigger is None:
            return
        self._feeding.pass_over(task, task.trigger.host)
        self._feeding.end_trigger(task)
        self._admission.wake(task)


def _is_final(status: int) -> bool:
    """Whether asking the origin again would bring the same answer."""
    return 400 <= status < 500 and status not in (408, 425, 429)
