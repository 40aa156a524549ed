"""What runs out: leases of hosts, silent peers, empty tasks, waits, grants, quarantines. Pure."""

from __future__ import annotations

from scheduler.admission import Admission
from scheduler.census import LEASE_INTERVALS, Census
from scheduler.desk import Desk, Lease, alive
from scheduler.feeding import Feeding
from scheduler.reports import Reports
from scheduler.resource.host import Host
from scheduler.resource.peer import Peer
from scheduler.resource.task import Task


class Expiry:
    """Looks at the facts when a lease is due: acts, renews the lease, or drops it."""

    def __init__(
        self,
        desk: Desk,
        feeding: Feeding,
        admission: Admission,
        census: Census,
        reports: Reports,
    ) -> None:
        self._desk = desk
        self._feeding = feeding
        self._admission = admission
        self._census = census
        self._reports = reports

    def run(self) -> None:
        """Work off everything that is due."""
        while (due := self._desk.leases.pop_due(self._desk.now)) is not None:
            kind, holder = due
            if holder is None:
                self._census.wake_all()
            elif isinstance(holder, Host):
                self._host(kind, holder)
            elif isinstance(holder, Task):
                self._task(kind, holder)
            elif alive(self._desk, holder):
                self._peer(kind, holder)

    def _host(self, kind: Lease, host: Host) -> None:
        if self._desk.pool.hosts.get(host.id) is not host:
            return
        now = self._desk.now
        if kind is Lease.QUARANTINE:
            host.quarantined_until = None
            host.failures.clear()
            self._census.restore(host)
            return
        until = host.announced_at + LEASE_INTERVALS * host.interval_s
        if now >= until:
            self._census.host_expired(host)
        else:
            self._desk.leases.add(until, Lease.HOST, host)

    def _task(self, kind: Lease, task: Task) -> None:
        if self._desk.pool.tasks.get(task.id) is not task:
            return
        now = self._desk.now
        if kind is Lease.TRIGGER:
            if task.trigger is not None and now >= task.trigger.until:
                self._reports.give_up_trigger(task)
            return
        until = task.updated_at + self._desk.policy.lease.task_ttl_s
        if not task.peers and now >= until:
            self._feeding.forget(task)
            del self._desk.pool.tasks[task.id]
        else:
            ttl_s = self._desk.policy.lease.task_ttl_s
            self._desk.leases.add(now + ttl_s if task.peers else until, Lease.TASK, task)

    def _peer(self, kind: Lease, peer: Peer) -> None:
        if kind is Lease.WAIT:
            if peer.awaits and self._desk.now >= peer.wait_until:
                self._admission.give_up(peer)
        elif kind is Lease.STREAM:
            grace_s = self._desk.policy.lease.stream_grace_s
            gone = not peer.streaming and not peer.ended
            if gone and self._desk.now >= peer.closed_at + grace_s:
                self._census.remove(peer, "its stream broke", failed=True)
        elif kind is Lease.GRANT:
            self._grant(peer)
        else:
            self._silent(peer)

    def _grant(self, peer: Peer) -> None:
        task = peer.task
        if peer not in task.grants:
            return
        until = peer.progressed_at + self._desk.policy.origin.idle_s
        if self._desk.now < until:
            self._desk.leases.add(until, Lease.GRANT, peer)
            return
        del task.grants[peer]
        if task.feeder is not None and task.feeder.host is peer.host:
            self._feeding.lose(task, "it makes no progress at the origin")
        self._admission.wake(task)

    def _silent(self, peer: Peer) -> None:
        lease = self._desk.policy.lease
        limit_s = lease.peer_ttl_s if peer.ended else lease.piece_timeout_s
        until = peer.progressed_at + limit_s
        if self._desk.now >= until:
            self._census.remove(peer, "it makes no progress", failed=True)
        else:
            soon = self._desk.now + lease.piece_timeout_s
            self._desk.leases.add(min(until, max(soon, self._desk.now)), Lease.PEER, peer)
