"""Indexes over hosts, tasks and peers, and the rosters of each task.

The only place that adds or removes them. `validate` states what must be true between two events;
tests call it after every step.
"""

from __future__ import annotations

from collections.abc import Iterator

from dfcore.hashring import HashRing
from scheduler.events import HostInfo
from scheduler.resource.host import Host
from scheduler.resource.peer import Peer
from scheduler.resource.sampler import Sampler
from scheduler.resource.states import HOLDING_STATES, PeerState
from scheduler.resource.task import Task

_NO_RING = HashRing(())


class Pool:
    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}
        self.tasks: dict[str, Task] = {}
        self.peers: dict[str, Peer] = {}
        self._ring: HashRing | None = _NO_RING

    # Hosts

    def put_host(self, info: HostInfo, now: float, interval_s: float) -> Host:
        """Add a host or take over what it now says of itself."""
        host = self.hosts.get(info.id)
        if host is None:
            host = self.hosts[info.id] = Host(info, now, interval_s)
            if info.seed:
                self._ring = None
            return host
        before, host.info = host.info, info
        host.announced_at = now
        host.interval_s = interval_s
        if before.seed != info.seed:
            self._ring = None
        if (before.seed, before.own, before.disable_shared) != (
            info.seed,
            info.own,
            info.disable_shared,
        ):
            for peer in host.peers.values():
                self.enrol(peer)
        return host

    def drop_host(self, host: Host) -> None:
        """Forget a host whose peers are gone."""
        del self.hosts[host.id]
        if host.info.seed:
            self._ring = None

    def seed_hosts(self, task_id: str, count: int) -> Iterator[Host]:
        """Seeds in the order in which they are responsible for the task."""
        if self._ring is None:
            self._ring = HashRing(host.id for host in self.hosts.values() if host.info.seed)
        for host_id in self._ring.get(task_id, count):
            yield self.hosts[host_id]

    # Tasks and peers

    def task(self, task_id: str, now: float) -> tuple[Task, bool]:
        """The task, and whether it is new."""
        task = self.tasks.get(task_id)
        if task is not None:
            return task, False
        task = self.tasks[task_id] = Task(task_id, now)
        return task, True

    def add_peer(self, peer_id: str, host: Host, task: Task, now: float) -> Peer:
        peer = Peer(peer_id, host, task, now)
        self.peers[peer_id] = peer
        host.peers[peer_id] = peer
        host.tasks[task.id] = peer
        task.peers[peer_id] = peer
        if host.info.seed:
            task.seeds[host.id] = peer
        task.updated_at = now
        return peer

    def drop_peer(self, peer: Peer, now: float) -> None:
        """Take a peer whose links and promises are gone out of every index."""
        task, host = peer.task, peer.host
        del self.peers[peer.id]
        del host.peers[peer.id]
        del task.peers[peer.id]
        if host.tasks.get(task.id) is peer:
            del host.tasks[task.id]
        if task.seeds.get(host.id) is peer:
            del task.seeds[host.id]
        for roster in (task.members, task.plain, task.holders, task.active):
            roster.discard(peer)
        task.updated_at = now

    def enrol(self, peer: Peer) -> None:
        """Bring the task's rosters up to date after anything about the peer changed. O(1)."""
        task = peer.task
        if peer.seed and peer.id in task.peers:
            task.seeds[peer.host.id] = peer
        for roster, belongs in zip(
            (task.members, task.plain, task.holders, task.active), _places(peer), strict=True
        ):
            if belongs:
                roster.add(peer)
            else:
                roster.discard(peer)

    # Invariants

    def validate(self) -> None:
        """Raise AssertionError if the indexes contradict each other. O(everything): for tests."""
        for host in self.hosts.values():
            assert self.hosts[host.id] is host
            uploads = sum(host in peer.sources for peer in self.peers.values())
            assert host.uploads == uploads, (host.id, host.uploads, uploads)
            for peer in host.peers.values():
                assert self.peers[peer.id] is peer
                assert peer.host is host
            for task_id, peer in host.tasks.items():
                assert host.peers[peer.id] is peer
                assert peer.task.id == task_id
        for peer in self.peers.values():
            assert self.hosts[peer.host.id] is peer.host
            assert peer.host.peers[peer.id] is peer
            assert peer.task.peers[peer.id] is peer
            assert self.tasks[peer.task.id] is peer.task
            assert peer.state not in (PeerState.LEAVE, PeerState.PENDING), peer.state
        for task in self.tasks.values():
            _validate_task(task)
            assert all(self.peers[peer.id] is peer for peer in task.peers.values())


def _places(peer: Peer) -> tuple[bool, bool, bool, bool]:
    """Whether the peer belongs to the task's members, plain, holders, active."""
    info = peer.host.info
    state = peer.machine.state
    serving = peer.host.serves and state in HOLDING_STATES
    ordinary = not info.seed
    return (
        serving and ordinary and info.own,
        serving and ordinary and not info.own and state is not PeerState.RECEIVED_NORMAL,
        serving and peer.complete,
        ordinary and info.own and peer.streaming and not peer.ended,
    )


def _validate_task(task: Task) -> None:
    rosters: tuple[Sampler[Peer], ...] = (task.members, task.plain, task.holders, task.active)
    for number, roster in enumerate(rosters):
        assert roster.place_is_consistent()
        wanted = {peer.id for peer in task.peers.values() if _places(peer)[number]}
        assert {peer.id for peer in roster} == wanted, (number, wanted)
    for peer in task.peers.values():
        for other in peer.links:
            assert other is not peer
            assert other.host is not peer.host
            assert task.peers.get(other.id) is other, (peer.id, other.id)
            assert peer in other.links
            assert not (peer.complete and other.complete)
        assert not peer.links or (peer.own and not peer.seed)
        assert peer.awaits == (peer in task.waiting), peer.id
        assert not peer.sources or not peer.ended
    for peer in task.waiting:
        assert task.peers.get(peer.id) is peer
        assert peer.streaming
        assert not peer.ended
    for peer in task.grants:
        assert task.peers.get(peer.id) is peer
        assert not peer.ended
    for host_id, peer in task.seeds.items():
        assert peer.host.id == host_id
    if task.feeder is not None:
        for child in task.feeder.children:
            assert child in task.active, child.id
            assert child.host is not task.feeder.host
