"""Which schedulers are to be asked for live state: those that have registered and are alive."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from dfcore.errors import Unavailable
from manager.db.clusters import ACTIVE, Scheduler, SchedulerCluster
from manager.db.database import Database
from manager.observe.collector import Targets
from manager.observe.model import Target


def active_schedulers(database: Database) -> Targets:
    """A function that reads them."""

    async def read() -> list[Target]:
        try:
            return await database.read(_read)
        except Exception as error:  # whatever a driver raises: the last list stays
            raise Unavailable(f"the database does not answer: {type(error).__name__}") from error

    return read


def _read(session: Session) -> list[Target]:
    found = session.execute(
        select(Scheduler, SchedulerCluster.name)
        .join(SchedulerCluster, SchedulerCluster.id == Scheduler.scheduler_cluster_id)
        .where(Scheduler.state == ACTIVE)
        .order_by(Scheduler.id)
    )
    return [
        Target(_address(row.ip, row.port), row.host_name, cluster, row.scheduler_cluster_id)
        for row, cluster in found
    ]


def _address(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
