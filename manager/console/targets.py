"""Which schedulers are asked for live state: those that are alive; and who went away of late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dfcore.errors import Unavailable
from dfcore.hosts import host_port
from manager.db.base import now
from manager.db.clusters import ACTIVE, Scheduler, SchedulerCluster, SeedPeer, SeedPeerCluster
from manager.db.database import Database
from manager.observe.collector import Targets
from manager.observe.model import Target

GONE_FOR = timedelta(hours=1)
"""Who has been away for longer was meant to go."""


def active_schedulers(database: Database) -> Targets:
    """A function that reads them."""

    async def read() -> list[Target]:
        try:
            return await database.read(_read)
        except Exception as error:  # whatever a driver raises: the last list stays
            raise Unavailable(f"the database does not answer: {type(error).__name__}") from error

    return read


def _read(session: Session) -> list[Target]:
    recent = now() - GONE_FOR
    schedulers = (
        select(Scheduler, SchedulerCluster.name)
        .join(SchedulerCluster, SchedulerCluster.id == Scheduler.scheduler_cluster_id)
        .where(or_(Scheduler.state == ACTIVE, Scheduler.last_keep_alive_at > recent))
        .order_by(Scheduler.id)
    )
    seeds = (
        select(SeedPeer, SeedPeerCluster.name)
        .join(SeedPeerCluster, SeedPeerCluster.id == SeedPeer.seed_peer_cluster_id)
        .where(SeedPeer.state != ACTIVE, SeedPeer.last_keep_alive_at > recent)
        .order_by(SeedPeer.id)
    )
    found = [
        Target(
            host_port(row.ip, row.port),
            row.host_name,
            cluster,
            row.scheduler_cluster_id,
            gone_at=0.0 if row.state == ACTIVE else _seconds(row.last_keep_alive_at),
        )
        for row, cluster in session.execute(schedulers)
    ]
    found += [
        Target(
            host_port(row.ip, row.port),
            row.host_name,
            cluster,
            kind="seed",
            gone_at=_seconds(row.last_keep_alive_at),
        )
        for row, cluster in session.execute(seeds)
    ]
    return found


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
