"""The clusters with all who are active in them, as they were at one moment. Answers from memory.

Immutable but for its caches: answers are messages that many callers get, made once per order of
clusters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from dfinfra.pb import manager_pb2 as pb
from dfinfra.pb import managerlink_pb2 as link
from manager.rpc.scoring import Scopes, Where, score

K = TypeVar("K")
V = TypeVar("V")

_CACHED_ORDERS = 1024
SCHEDULE = "schedule"
"""The feature of schedulers that nodes are told of."""


@dataclass(frozen=True, slots=True)
class ClusterView:
    """A scheduler cluster: its settings, its active schedulers, and the active seeds that serve it."""

    cluster: pb.SchedulerCluster
    scopes: Scopes
    is_default: bool
    schedulers: tuple[pb.Scheduler, ...]
    seeds: tuple[pb.SeedPeer, ...]


@dataclass(frozen=True, slots=True)
class SeedClusterView:
    """A cluster of seeds: its settings, and the scheduler clusters that it serves."""

    cluster: pb.SeedPeerCluster
    serves: tuple[int, ...]


@dataclass(frozen=True)
class Snapshot:
    """All of it."""

    clusters: Mapping[int, ClusterView]
    seed_clusters: Mapping[int, SeedClusterView]
    applications: tuple[pb.Application, ...]
    _lists: dict[tuple[int, ...], pb.ListSchedulersResponse] = field(default_factory=dict)
    _configurations: dict[tuple[int, int, tuple[int, ...]], link.Configuration] = field(
        default_factory=dict
    )

    def best(self, where: Where) -> tuple[int, ...]:
        """The clusters with active schedulers, the best one for the host first."""
        scored = [
            (-score(where, view.scopes, is_default=view.is_default), number)
            for number, view in self.clusters.items()
            if view.schedulers
        ]
        return tuple(number for _, number in sorted(scored))

    def only(self, cluster_id: int) -> tuple[int, ...]:
        """Just this cluster, if it has active schedulers."""
        view = self.clusters.get(cluster_id)
        return (cluster_id,) if view is not None and view.schedulers else ()

    def schedulers(self, order: tuple[int, ...]) -> pb.ListSchedulersResponse:
        """The active schedulers of the clusters, in their order."""
        found = self._lists.get(order)
        if found is None:
            found = pb.ListSchedulersResponse(schedulers=self._schedulers(order))
            _keep(self._lists, order, found)
        return found

    def _schedulers(self, order: tuple[int, ...]) -> list[pb.Scheduler]:
        found = []
        for number in order:
            view = self.clusters[number]
            for scheduler in view.schedulers:
                told = pb.Scheduler()
                told.CopyFrom(scheduler)
                told.scheduler_cluster.CopyFrom(view.cluster)
                told.seed_peers.extend(view.seeds)
                found.append(told)
        return found

    def default_cluster(self) -> int:
        """The default cluster, or the first; 0 if there is none."""
        marked = [number for number, view in self.clusters.items() if view.is_default]
        return min(marked or self.clusters, default=0)

    def configuration(
        self, source: int, cluster_id: int, order: tuple[int, ...]
    ) -> link.Configuration:
        """What one who watches is told. ``cluster_id``: its own (of seeds, for a seed)."""
        key = (source, cluster_id, order)
        found = self._configurations.get(key)
        if found is None:
            found = self._make(source, cluster_id, order)
            found.digest = hashlib.sha256(found.SerializeToString(deterministic=True)).hexdigest()
            _keep(self._configurations, key, found)
        return found

    def _make(self, source: int, cluster_id: int, order: tuple[int, ...]) -> link.Configuration:
        made = link.Configuration(applications=self.applications)
        if source == pb.SCHEDULER_SOURCE:
            view = self.clusters.get(cluster_id)
            if view is not None:
                made.cluster.CopyFrom(view.cluster)
                made.seed_peers.extend(view.seeds)
            return made
        for number in order:
            view = self.clusters[number]
            for scheduler in view.schedulers:
                told = made.schedulers.add()
                told.CopyFrom(scheduler)
        own = order[0] if order else cluster_id
        if order or (source == pb.PEER_SOURCE and own in self.clusters):
            made.cluster.CopyFrom(self.clusters[own].cluster)
        seeds = self.seed_clusters.get(cluster_id) if source == pb.SEED_PEER_SOURCE else None
        if seeds is not None:
            made.seed_peer_cluster.CopyFrom(seeds.cluster)
        return made


EMPTY = Snapshot({}, {}, ())


def _keep(cache: dict[K, V], key: K, value: V) -> None:
    if len(cache) >= _CACHED_ORDERS:
        cache.clear()
    cache[key] = value
