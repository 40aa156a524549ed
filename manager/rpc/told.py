"""What one who watches is told: pure, from a snapshot and what the node says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dfinfra.pb import manager_pb2
from dfinfra.pb import managerlink_pb2 as pb
from manager.rpc import checks
from manager.rpc.scoring import Where
from manager.rpc.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: one of thousands, so no more is kept than needed."""

    source: int
    cluster_id: int
    where: Where


def asker_of(request: pb.WatchRequest) -> Asker:
    """From what was sent. Raises BadInput."""
    where = Where(
        checks.ip(request.ip),
        checks.hostname(request.hostname),
        checks.text("idc", request.idc),
        checks.text("location", request.location),
    )
    return Asker(request.source_type, request.cluster_id, where)


def told_to(snapshot: Snapshot, asker: Asker) -> pb.Configuration:
    """What the one who asks is to be told, as things are."""
    source, cluster_id = asker.source, asker.cluster_id
    if source == manager_pb2.SCHEDULER_SOURCE:
        return snapshot.configuration(source, cluster_id, ())
    order = snapshot.best(asker.where)
    if source == manager_pb2.SEED_PEER_SOURCE:
        own = snapshot.seed_clusters.get(cluster_id)
        served = own.serves if own is not None else ()
        return snapshot.configuration(source, cluster_id, tuple(n for n in order if n in served))
    if cluster_id:
        order = snapshot.only(cluster_id)
    elif not order and snapshot.default_cluster():
        # No scheduler is active yet: the settings of the default cluster are in force.
        return snapshot.configuration(source, snapshot.default_cluster(), ())
    return snapshot.configuration(source, 0, order)


def facts_of(request: pb.WatchRequest) -> dict[str, Any]:
    """What the table of peers keeps."""
    return {
        "port": request.port,
        "download_port": request.download_port,
        "proxy_port": request.proxy_port,
        "idc": request.idc,
        "location": request.location,
        "git_version": request.version[:256],
        "os": request.os[:256],
        "platform": request.platform[:256],
        "kernel_version": request.kernel_version[:256],
    }
