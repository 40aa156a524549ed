"""Rows as messages of manager.v2."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dfinfra.pb import manager_pb2 as pb
from manager.db.clusters import Application, Scheduler, SchedulerCluster, SeedPeer, SeedPeerCluster

_LEVELS = 6
"""The highest priority of common.v2.Priority."""


def as_json(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """JSON as the wire carries it."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def scheduler_cluster(row: SchedulerCluster) -> pb.SchedulerCluster:
    """A scheduler cluster with its settings."""
    return pb.SchedulerCluster(
        id=row.id,
        name=row.name,
        bio=row.bio,
        config=as_json(row.config),
        client_config=as_json(row.client_config),
        seed_client_config=as_json(row.seed_client_config),
        scopes=as_json(row.scopes),
    )


def seed_peer_cluster(row: SeedPeerCluster) -> pb.SeedPeerCluster:
    """A cluster of seeds with its settings."""
    return pb.SeedPeerCluster(id=row.id, name=row.name, bio=row.bio, config=as_json(row.config))


def scheduler(row: Scheduler) -> pb.Scheduler:
    """A scheduler, without its cluster and seeds."""
    return pb.Scheduler(
        id=row.id,
        hostname=row.host_name,
        idc=row.idc,
        location=row.location,
        ip=row.ip,
        port=row.port,
        state=row.state,
        scheduler_cluster_id=row.scheduler_cluster_id,
        features=as_json(row.features),
    )


def seed_peer(row: SeedPeer, cluster: pb.SeedPeerCluster | None = None) -> pb.SeedPeer:
    """A seed, perhaps with its cluster."""
    return pb.SeedPeer(
        id=row.id,
        hostname=row.host_name,
        type=row.type,
        idc=row.idc,
        location=row.location,
        ip=row.ip,
        port=row.port,
        download_port=row.download_port,
        state=row.state,
        seed_peer_cluster_id=row.seed_peer_cluster_id,
        seed_peer_cluster=cluster,
    )


def application(row: Application) -> pb.Application:
    """An application with its priorities; the wire has seven levels, Dragonfly's REST takes more."""
    priority = row.priority or {}
    urls = [
        pb.URLPriority(regex=str(one.get("regex", "")), value=_level(one.get("value")))
        for one in priority.get("urls") or ()
    ]
    return pb.Application(
        id=row.id,
        name=row.name,
        url=row.url,
        bio=row.bio,
        priority=pb.ApplicationPriority(value=_level(priority.get("value")), urls=urls),
    )


def _level(value: object) -> Any:
    return min(max(int(value), 0), _LEVELS) if isinstance(value, int) else 0
