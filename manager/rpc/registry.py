"""Registration in the database: upserts and look-ups of schedulers, seeds and peers. Synchronous."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dfcore.errors import NotFound
from manager.db.base import now
from manager.db.clusters import (
    ACTIVE,
    ClusterLink,
    Peer,
    Scheduler,
    SchedulerCluster,
    SeedPeer,
    SeedPeerCluster,
)
from manager.db.revisions import bump

Kind = type[Scheduler] | type[SeedPeer] | type[Peer]
_CLUSTER_OF = {Scheduler: SchedulerCluster, SeedPeer: SeedPeerCluster, Peer: SchedulerCluster}


def cluster_column(kind: Kind) -> Any:
    """The column that says which cluster an instance belongs to."""
    if issubclass(kind, SeedPeer):
        return kind.seed_peer_cluster_id
    return kind.scheduler_cluster_id


def find(session: Session, kind: Kind, host_name: str, ip: str, cluster_id: int) -> Any:
    """The instance's row, or None."""
    return session.scalar(
        select(kind).where(
            kind.host_name == host_name, kind.ip == ip, cluster_column(kind) == cluster_id
        )
    )


def find_by_name(session: Session, kind: Kind, host_name: str, ip: str, cluster_id: int) -> Any:
    """The row of the instance, or of the latest one with its name: addresses of pods change."""
    exact = find(session, kind, host_name, ip, cluster_id)
    if exact is not None:
        return exact
    statement = (
        select(kind)
        .where(kind.host_name == host_name, cluster_column(kind) == cluster_id)
        .order_by(kind.last_keep_alive_at.desc())
        .limit(1)
    )
    return session.scalar(statement)


def enter(
    session: Session,
    kind: Kind,
    identity: tuple[str, str, int],
    values: Mapping[str, Any],
    *,
    active: bool,
) -> Any:
    """Add the instance, or update it. Raises NotFound if there is no such cluster."""
    host_name, ip, cluster_id = identity
    row = find(session, kind, host_name, ip, cluster_id)
    changed = row is None
    if row is None:
        if session.get(_CLUSTER_OF[kind], cluster_id) is None:
            raise NotFound(f"there is no cluster {cluster_id}")
        row = kind(host_name=host_name, ip=ip)
        setattr(row, cluster_column(kind).key, cluster_id)
        session.add(row)
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)
            changed = True
    if active and row.state != ACTIVE:
        row.state, changed = ACTIVE, True
    row.last_keep_alive_at = now()
    session.flush()
    if changed:
        bump(session, "peers" if kind is Peer else "clusters")
    return row


def leave(session: Session, kind: Kind, host_name: str, ip: str, cluster_id: int) -> None:
    """Forget the instance; no error if it is not there."""
    statement = delete(kind).where(kind.host_name == host_name, kind.ip == ip)
    session.execute(statement.where(cluster_column(kind) == cluster_id))
    bump(session, "clusters")


def serving(session: Session, seed_cluster_id: int) -> list[Scheduler]:
    """The schedulers that a cluster of seeds serves."""
    clusters = select(ClusterLink.scheduler_cluster_id).where(
        ClusterLink.seed_peer_cluster_id == seed_cluster_id
    )
    statement = select(Scheduler).where(Scheduler.scheduler_cluster_id.in_(clusters))
    return list(session.scalars(statement))
