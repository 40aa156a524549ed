"""What a watcher is told of the swarm: all of it in one answer, or one task to the last edge.

A manager asks once per few seconds, however many people look at it. Pure. A task costs the same
however many peers it has, unless it is asked for by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from heapq import nlargest
from itertools import chain, islice
from operator import attrgetter
from uuid import uuid4

from dfcore.pieces import Geometry
from dfinfra.pb import meganeura_pb2
from scheduler.answers import host_message, peer_info, task_info
from scheduler.core import Core
from scheduler.resource.host import Host
from scheduler.resource.peer import Peer
from scheduler.resource.states import PeerState
from scheduler.resource.task import Task

HOSTS_AT_ONCE = 200
SAMPLE = 256
"""Of a task's peers so many are looked at to tell how far they are; the rest is taken for like them."""
_UPDATED = attrgetter("updated_at")


class Survey:
    """`epoch_s` is what to add to the core's time to get the time of day."""

    def __init__(self, core: Core, epoch_s: float) -> None:
        self._core = core
        self._epoch_s = epoch_s
        self._boot_id = uuid4().hex

    def swarm(self, now: float, *, task_limit: int) -> meganeura_pb2.DescribeSwarmResponse:
        """Totals, and the tasks that run or ran last."""
        pool, traffic = self._core.pool, self._core.traffic
        chosen = _chosen(pool.tasks.values(), task_limit)
        return meganeura_pb2.DescribeSwarmResponse(
            boot_id=self._boot_id,
            host_count=len(pool.hosts),
            task_count=len(pool.tasks),
            peer_count=len(pool.peers),
            tasks=[self._task(task, now) for task in chosen],
            traffic=meganeura_pb2.SwarmTraffic(
                origin_to_seeds=traffic.origin_to_seeds,
                origin_to_peers=traffic.origin_to_peers,
                seeds_to_peers=traffic.seeds_to_peers,
                peers_to_peers=traffic.peers_to_peers,
            ),
        )

    def hosts(self, now: float) -> Iterator[list[meganeura_pb2.SwarmHost]]:
        """All hosts in small portions: between two of them the caller may see to other things."""
        known = list(self._core.pool.hosts.values())
        for first in range(0, len(known), HOSTS_AT_ONCE):
            yield [self._host(host, now) for host in known[first : first + HOSTS_AT_ONCE]]

    def task(self, task: Task, now: float, limit: int) -> meganeura_pb2.DescribeTaskResponse:
        """Who takes part, what each holds, and from whom it comes. Seeds and busy peers first."""
        size, length = task.size_bytes or 0, task.wish.piece_length
        geometry = Geometry.for_size(size, length or None) if size else None
        count = geometry.piece_count if geometry else 0
        peers = nlargest(limit, task.peers.values(), key=_weight)
        names = {source for peer in peers for source in peer.intake.sources if source}
        names |= {peer.host.id for peer in peers}
        if task.feeder is not None:
            names.add(task.feeder.host.id)
        return meganeura_pb2.DescribeTaskResponse(
            task=self._task(task, now),
            piece_length=geometry.piece_length if geometry else 0,
            piece_count=count,
            peers=[self._peer(peer, now, count) for peer in peers],
            feeder_host_id=task.feeder.host.id if task.feeder is not None else "",
            hosts=self._hosts(names, now),
        )

    def _hosts(self, names: Iterable[str], now: float) -> list[meganeura_pb2.SwarmHost]:
        known = self._core.pool.hosts
        return [self._host(known[name], now) for name in sorted(names) if name in known]

    def _peer(self, peer: Peer, now: float, piece_count: int) -> meganeura_pb2.SwarmPeer:
        # A mean fades slowly; of a download that has ended nothing flows.
        flows = not peer.ended
        return meganeura_pb2.SwarmPeer(
            peer=peer_info(peer),
            complete=peer.complete,
            pieces=peer.intake.piece_bytes(piece_count, complete=peer.complete),
            bytes_per_s=int(peer.intake.rate(now)) if flows else 0,
            sources=[
                meganeura_pb2.SwarmSource(
                    host_id=source, size_bytes=total, bytes_per_s=int(rate) if flows else 0
                )
                for source, total, rate in peer.intake.rates(now)
            ],
            neighbours=[other.host.id for other in peer.links],
            created_ms=self._milliseconds(peer.created_at),
            updated_ms=self._milliseconds(max(peer.moved_at, peer.progressed_at)),
        )

    def _task(self, task: Task, now: float) -> meganeura_pb2.SwarmTask:
        running, sample = _running(task)
        done = sum(peer.finished_bytes for peer in sample)
        return meganeura_pb2.SwarmTask(
            task=task_info(task),
            running_count=running,
            running_bytes=done * running // len(sample) if sample else 0,
            bytes_per_s=int(task.flow.at(now)) if running else 0,
            tag=task.wish.tag,
            application=task.wish.application,
            digest=task.wish.digest,
            created_ms=self._milliseconds(task.created_at),
            updated_ms=self._milliseconds(task.updated_at),
        )

    def _host(self, host: Host, now: float) -> meganeura_pb2.SwarmHost:
        told = host_message(host)
        return meganeura_pb2.SwarmHost(
            host_id=host.id,
            hostname=told.hostname,
            ip=told.ip,
            port=told.port,
            seed=host.info.seed,
            own=host.info.own,
            idc=told.network.idc,
            location=told.network.location,
            version=told.build.git_version,
            cpu_percent=told.cpu.percent,
            memory_percent=told.memory.used_percent,
            disk_total=told.disk.total,
            disk_used=told.disk.used,
            rx_bps=told.network.rx_bandwidth,
            tx_bps=told.network.tx_bandwidth,
            served_bps=int(host.served_rate(now)),
            task_count=len(host.tasks),
            running_count=sum(not peer.ended and peer.streaming for peer in host.peers.values()),
            quarantined=host.quarantined_until is not None,
            disable_shared=host.info.disable_shared,
            announced_ms=self._milliseconds(host.announced_at),
            cluster_id=told.scheduler_cluster_id,
        )

    def _milliseconds(self, moment: float) -> int:
        return max(0, int((moment + self._epoch_s) * 1000))


def _chosen(tasks: Collection[Task], limit: int) -> list[Task]:
    """Those that run, then those with the latest news."""
    running = nlargest(limit, (task for task in tasks if len(task.active)), key=_UPDATED)
    if len(running) == limit:
        return running
    known = set(running)
    latest = nlargest(limit, tasks, key=_UPDATED)
    return (running + [task for task in latest if task not in known])[:limit]


def _running(task: Task) -> tuple[int, list[Peer]]:
    """How many peers fetch, and some of them: enough to tell how far they are."""
    others = islice(chain(task.seeds.values(), task.plain), SAMPLE)
    fetching = [peer for peer in others if peer.streaming and not peer.ended]
    return len(task.active) + len(fetching), [*fetching, *islice(task.active, SAMPLE)]


def _weight(peer: Peer) -> tuple[bool, bool, float]:
    running = peer.state in (PeerState.RUNNING, PeerState.BACK_TO_SOURCE)
    return (peer.seed, running, peer.progressed_at)
