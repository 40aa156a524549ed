"""Schedulers, seeds and peers, and the two kinds of clusters apart, as Dragonfly's API has them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from manager.db.clusters import (
    ClusterLink,
    Peer,
    Scheduler,
    SchedulerCluster,
    SeedPeer,
    SeedPeerCluster,
)
from manager.db.revisions import bump
from manager.rest import instanceforms as forms
from manager.rest.problems import Conflict, Invalid
from manager.rest.resource import Resource, Values
from manager.rest.routes import Call, Route
from manager.rpc import checks


def _instance(session: Session, values: Values, row: Any) -> None:
    """Addresses are addresses, and the cluster is there."""
    if "ip" in values:
        values["ip"] = checks.ip(values["ip"])
    if "host_name" in values:
        checks.hostname(values["host_name"])
    for column, table in (
        ("scheduler_cluster_id", SchedulerCluster),
        ("seed_peer_cluster_id", SeedPeerCluster),
    ):
        number = values.get(column)
        if number is not None and session.get(table, number) is None:
            raise Invalid(f"{column}: there is no cluster {number}")


def _scheduler_cluster(session: Session, values: Values, row: Any) -> None:
    seeds = values.pop("seed_peer_cluster_id", None)
    if seeds is not None and session.get(SeedPeerCluster, seeds) is None:
        raise Invalid(f"seed_peer_cluster_id: there is no cluster {seeds}")
    if values.get("is_default"):
        for other in session.scalars(select(SchedulerCluster)):
            other.is_default = False
    session.info["seeds"] = seeds


def _link_seeds(session: Session, row: Any) -> None:
    """The seeds that were named serve the cluster, and no others."""
    seeds = session.info.pop("seeds", None)
    if seeds is not None:
        session.execute(delete(ClusterLink).where(ClusterLink.scheduler_cluster_id == row.id))
        session.add(ClusterLink(seed_peer_cluster_id=seeds, scheduler_cluster_id=row.id))
        session.flush()


def _unused(session: Session, row: Any) -> None:
    """A cluster is deleted when nobody belongs to it."""
    if isinstance(row, SchedulerCluster):
        members: Any = select(Scheduler.id).where(Scheduler.scheduler_cluster_id == row.id)
        session.execute(delete(Peer).where(Peer.scheduler_cluster_id == row.id))
        links = delete(ClusterLink).where(ClusterLink.scheduler_cluster_id == row.id)
    else:
        members = select(SeedPeer.id).where(SeedPeer.seed_peer_cluster_id == row.id)
        links = delete(ClusterLink).where(ClusterLink.seed_peer_cluster_id == row.id)
    if session.scalar(members.limit(1)) is not None:
        raise Conflict("instances still belong to this cluster")
    session.execute(links)


SCHEDULERS = Resource(
    "/api/v1/schedulers",
    "scheduler",
    Scheduler,
    forms.SchedulerAnswer,
    forms.NewScheduler,
    forms.SchedulerPatch,
    forms.SchedulerQuery,
    "clusters",
    _instance,
)
SEED_PEERS = Resource(
    "/api/v1/seed-peers",
    "seed peer",
    SeedPeer,
    forms.SeedPeerAnswer,
    forms.NewSeedPeer,
    forms.SeedPeerPatch,
    forms.SeedPeerQuery,
    "clusters",
    _instance,
)
PEERS = Resource(
    "/api/v1/peers",
    "peer",
    Peer,
    forms.PeerAnswer,
    forms.NewPeer,
    None,
    forms.PeerQuery,
    "peers",
    _instance,
)
SCHEDULER_CLUSTERS = Resource(
    "/api/v1/scheduler-clusters",
    "scheduler cluster",
    SchedulerCluster,
    forms.SchedulerClusterAnswer,
    forms.NewSchedulerCluster,
    forms.SchedulerClusterPatch,
    forms.ByName,
    "clusters",
    _scheduler_cluster,
    _unused,
    _link_seeds,
)
SEED_PEER_CLUSTERS = Resource(
    "/api/v1/seed-peer-clusters",
    "seed peer cluster",
    SeedPeerCluster,
    forms.SeedPeerClusterAnswer,
    forms.NewSeedPeerCluster,
    forms.SeedPeerClusterPatch,
    forms.ByName,
    "clusters",
    before_delete=_unused,
)


async def _move(call: Call, change: Any) -> None:
    await call.core.database.run(change)
    call.core.changes.poke()


async def move_scheduler(call: Call) -> None:
    """Put a scheduler into a cluster."""
    cluster_id, number = call.number(), call.number("scheduler_id")

    def work(session: Session) -> None:
        SCHEDULER_CLUSTERS.load(session, cluster_id)
        SCHEDULERS.load(session, number).scheduler_cluster_id = cluster_id
        session.flush()
        bump(session, "clusters")

    await _move(call, work)


async def move_seed(call: Call) -> None:
    """Put a seed into a cluster."""
    cluster_id, number = call.number(), call.number("seed_peer_id")

    def work(session: Session) -> None:
        SEED_PEER_CLUSTERS.load(session, cluster_id)
        SEED_PEERS.load(session, number).seed_peer_cluster_id = cluster_id
        session.flush()
        bump(session, "clusters")

    await _move(call, work)


async def link(call: Call) -> None:
    """Have the seeds of a cluster serve a scheduler cluster."""
    cluster_id, number = call.number(), call.number("scheduler_cluster_id")

    def work(session: Session) -> None:
        SEED_PEER_CLUSTERS.load(session, cluster_id)
        SCHEDULER_CLUSTERS.load(session, number)
        if session.get(ClusterLink, (cluster_id, number)) is None:
            session.add(ClusterLink(seed_peer_cluster_id=cluster_id, scheduler_cluster_id=number))
        session.flush()
        bump(session, "clusters")

    await _move(call, work)


async def features(call: Call) -> list[str]:
    """What a scheduler can be told to do."""
    return list(forms.FEATURES)


def routes() -> tuple[Route, ...]:
    """The rows of the table."""
    clusters, seeds = "/api/v1/scheduler-clusters", "/api/v1/seed-peer-clusters"
    return (
        *SCHEDULER_CLUSTERS.routes(),
        Route(
            "PUT",
            clusters + "/{id}/schedulers/{scheduler_id}",
            "scheduler-clusters:write",
            move_scheduler,
            "Put a scheduler into the cluster",
        ),
        *SCHEDULERS.routes(),
        Route(
            "GET",
            "/api/v1/scheduler-features",
            "schedulers:read",
            features,
            "What schedulers can be told to do",
            answer=list[str],
        ),
        *SEED_PEER_CLUSTERS.routes(),
        Route(
            "PUT",
            seeds + "/{id}/seed-peers/{seed_peer_id}",
            "seed-peer-clusters:write",
            move_seed,
            "Put a seed into the cluster",
        ),
        Route(
            "PUT",
            seeds + "/{id}/scheduler-clusters/{scheduler_cluster_id}",
            "seed-peer-clusters:write",
            link,
            "Have these seeds serve a scheduler cluster",
        ),
        *SEED_PEERS.routes(),
        *PEERS.routes(),
    )
