"""Who is there: hosts come and go, announce what they hold, register and drop peers. Pure."""

from __future__ import annotations

from math import inf

from scheduler.admission import Admission
from scheduler.commands import NoteHostExpired, Refuse
from scheduler.desk import Desk, Lease
from scheduler.events import (
    BlobsAnnounced,
    HeldBlob,
    HostAnnounced,
    PeerRegistered,
    SeedTriggered,
    Wish,
)
from scheduler.feeding import Feeding
from scheduler.graph import Graph
from scheduler.resource.host import Host
from scheduler.resource.peer import Peer
from scheduler.resource.states import PeerEvent, TaskEvent, TaskState
from scheduler.resource.task import Task

LEASE_INTERVALS = 2
"""A host that was silent for so many of its intervals is gone (Dragonfly's rule)."""


class Census:
    def __init__(self, desk: Desk, graph: Graph, feeding: Feeding, admission: Admission) -> None:
        self._desk = desk
        self._graph = graph
        self._feeding = feeding
        self._admission = admission

    # Hosts

    def host_announced(self, event: HostAnnounced) -> None:
        desk, info = self._desk, event.host
        interval_s = event.interval_s or desk.policy.lease.host_interval_s
        before = desk.pool.hosts.get(info.id)
        served = before is not None and before.serves
        host = desk.pool.put_host(info, desk.now, interval_s)
        if before is None:
            desk.leases.add(desk.now + LEASE_INTERVALS * interval_s, Lease.HOST, host)
            if info.seed:
                self.wake_all()
        elif served and not host.serves:
            self.withdraw(host, "it shares no more")

    def wake_all(self) -> None:
        """A seed has come (back): it may be what waiting peers wait for."""
        for task in list(self._desk.waiting_tasks):
            self._admission.wake(task)

    def withdraw(self, host: Host, reason: str) -> None:
        """The host is no parent any more, but its own downloads may go on."""
        for peer in host.peers.values():
            self._desk.pool.enrol(peer)
        for peer in list(host.peers.values()):
            self._graph.release(peer)
        for task in list(host.feeds):
            self._feeding.lose(task, reason)
            self._admission.wake(task)

    def restore(self, host: Host) -> None:
        for peer in host.peers.values():
            self._desk.pool.enrol(peer)
        if host.info.seed:
            self.wake_all()

    def host_left(self, host_id: str, reason: str = "it left") -> None:
        desk = self._desk
        host = desk.pool.hosts.get(host_id)
        if host is None:
            return
        desk.pool.drop_host(host)
        for peer in host.peers.values():
            peer.fire(PeerEvent.LEAVE, desk.now)
            desk.pool.enrol(peer)
        touched: dict[Task, None] = {}
        for peer in list(host.peers.values()):
            touched[peer.task] = None
            self.remove(peer, reason, wake=False)
        for task in list(host.feeds):
            touched[task] = None
            self._feeding.lose(task, reason, failed=False)
        for task in list(host.triggers):
            touched[task] = None
            self._feeding.end_trigger(task)
        for task in touched:
            self._admission.wake(task)

    def host_expired(self, host: Host) -> None:
        silent_s = self._desk.now - host.announced_at
        self._desk.say(NoteHostExpired(host.id, silent_s))
        self.host_left(host.id, f"its host was silent for {silent_s:.0f} s")

    # What hosts hold

    def blobs_announced(self, event: BlobsAnnounced) -> None:
        host = self._desk.pool.hosts.get(event.host_id)
        if host is None:
            return
        if event.replace:
            host.began_at = host.listed_from = self._desk.now
            host.listed = set()
        for blob in event.blobs:
            self._hold(host, blob)
        over = False
        if host.listed is not None:
            host.listed.update(blob.task_id for blob in event.blobs)
            if over := not event.more:
                self._forget_all_but(host, host.listed)
                host.listed = None
        if host.info.seed and (event.replace or over):
            self.wake_all()

    def _forget_all_but(self, host: Host, kept: set[str]) -> None:
        """Drop what the host held, but no download that runs or may yet come back, and none that
        ended so late that its host had made the list already."""
        recent = host.listed_from - self._desk.policy.lease.stream_grace_s
        for peer in list(host.peers.values()):
            late = peer.streaming or peer.closed_at > recent
            if not late and peer.task.id not in kept:
                self.remove(peer, "its host does not hold it any more")

    def _hold(self, host: Host, blob: HeldBlob) -> None:
        desk = self._desk
        task = self._task(blob.task_id)
        task.learn(Wish(url=blob.url, size_bytes=blob.size_bytes or None))
        peer = host.tasks.get(blob.task_id)
        if peer is not None and peer.streaming:
            return
        if peer is None:
            if blob.peer_id in desk.pool.peers:
                return
            peer = self._add_peer(blob.peer_id, host, task)
            peer.closed_at = -inf
        self._hold_as(peer, blob)
        desk.pool.enrol(peer)
        if peer.complete:
            task.fire(TaskEvent.DOWNLOAD_SUCCEEDED, desk.now)
            self._graph.slacken(peer)
        elif task.state is TaskState.PENDING:
            task.fire(TaskEvent.DOWNLOAD, desk.now)
        if task.waiting:
            self._admission.wake(task)

    def _hold_as(self, peer: Peer, blob: HeldBlob) -> None:
        now = self._desk.now
        peer.progressed_at = now
        if blob.complete:
            peer.wish = Wish(url=blob.url, size_bytes=blob.size_bytes)
            peer.finished_bytes = blob.size_bytes
            peer.fire(PeerEvent.DOWNLOAD_SUCCEEDED, now)
            return
        if peer.complete:
            peer.restart(now)
        peer.fire(PeerEvent.DOWNLOAD, now)

    def seed_triggered(self, event: SeedTriggered) -> None:
        """The seed answered our request: it serves the task, whether it registers or not."""
        desk = self._desk
        host = desk.pool.hosts.get(event.host_id)
        task = desk.pool.tasks.get(event.task_id)
        if host is None or task is None:
            return
        if task.trigger is not None and task.trigger.host is host:
            self._feeding.end_trigger(task)
        if event.task_id not in host.tasks and event.peer_id not in desk.pool.peers:
            peer = self._add_peer(event.peer_id, host, task)
            peer.fire(PeerEvent.REGISTER_NORMAL, desk.now)
            peer.fire(PeerEvent.DOWNLOAD_BACK_TO_SOURCE, desk.now)
            desk.pool.enrol(peer)
        self._admission.wake(task)

    # Peers

    def peer_registered(self, event: PeerRegistered) -> None:
        desk = self._desk
        host = desk.pool.hosts.get(event.host_id)
        if host is None:
            why = f"host {event.host_id} is not known here: announce it first"
            desk.say(Refuse(event.peer_id, "NOT_FOUND", why))
            return
        peer = desk.pool.peers.get(event.peer_id)
        if peer is not None and (peer.host is not host or peer.task.id != event.task_id):
            why = f"peer {event.peer_id} belongs to another host or task"
            desk.say(Refuse(event.peer_id, "ALREADY_EXISTS", why))
            return
        task = self._task(event.task_id)
        task.learn(event.wish)
        peer = self._begin_again(peer) if peer is not None else self._new_peer(event, host, task)
        peer.wish = event.wish
        peer.streaming = True
        empty = task.size_bytes == 0
        peer.fire(PeerEvent.REGISTER_EMPTY if empty else PeerEvent.REGISTER_NORMAL, desk.now)
        if task.state is not TaskState.RUNNING and not len(task.holders):
            task.fire(TaskEvent.DOWNLOAD, desk.now)
        desk.pool.enrol(peer)
        self._admission.answer_first(peer)

    def _new_peer(self, event: PeerRegistered, host: Host, task: Task) -> Peer:
        old = host.tasks.get(task.id)
        if old is not None and host.info.own:
            # One of our hosts has one peer per task: the older one belongs to a past life.
            self.remove(old, "its host began anew")
        return self._add_peer(event.peer_id, host, task)

    def _add_peer(self, peer_id: str, host: Host, task: Task) -> Peer:
        desk = self._desk
        peer = desk.pool.add_peer(peer_id, host, task, desk.now)
        desk.leases.add(desk.now + desk.policy.lease.piece_timeout_s, Lease.PEER, peer)
        return peer

    def _begin_again(self, peer: Peer) -> Peer:
        self._desk.settle(peer)
        self._admission.drop_sources(peer)
        peer.restart(self._desk.now)
        return peer

    def _task(self, task_id: str) -> Task:
        task, new = self._desk.pool.task(task_id, self._desk.now)
        if new:
            ttl_s = self._desk.policy.lease.task_ttl_s
            self._desk.leases.add(self._desk.now + ttl_s, Lease.TASK, task)
        return task

    def remove(
        self,
        peer: Peer,
        reason: str,
        *,
        wake: bool = True,
        failed: bool = False,
        refeed: bool = True,
    ) -> None:
        """Forget a peer; whoever lived from it gets something else.

        `failed`: a seed is passed over for this task for a while. Without `refeed` its children
        are left to ask by themselves.
        """
        desk, task = self._desk, peer.task
        self._admission.end_stream(peer)
        peer.fire(PeerEvent.LEAVE, desk.now)
        desk.pool.enrol(peer)
        self._admission.drop_sources(peer)
        had_grant = peer in task.grants
        task.grants.pop(peer, None)
        self._feeding.detach(peer)
        desk.pool.drop_peer(peer, desk.now)
        self._graph.release(peer)
        if task.feeder is not None and task.feeder.host is peer.host:
            self._feeding.lose(task, reason, failed=failed, refeed=refeed)
        elif had_grant and task.feeder is None and refeed:
            self._feeding.refeed(task, [])
        if wake and task.waiting:
            self._admission.wake(task)
