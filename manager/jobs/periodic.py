"""What the manager does by itself from time to time: forgets old records, takes in hosts.

Each replica forgets; it costs nothing to find that another one did. Jobs are ordered by one of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from manager.changes import Changes
from manager.db import revisions
from manager.db.base import now
from manager.db.clusters import ACTIVE, Scheduler
from manager.db.database import Database
from manager.db.jobs import Job
from manager.jobs import orders, store

PURGE_EVERY_S = 3600.0
LONGEST_PAUSE_S = 3600.0
"""So often a replica looks at least whether a job is due: the one that would have may be gone."""
_TOPIC = "periodic"

log = get_logger("jobs")

Forget = Callable[[Session], int]
"""Forgets some of what is old, and says how many."""


class Periodic:
    """A service."""

    name = "periodic"

    def __init__(
        self,
        database: Database,
        changes: Changes,
        forget: Sequence[Forget],
        sync_peers_every_s: float,
    ) -> None:
        """``sync_peers_every_s``: how often hosts are taken in from the schedulers."""
        self._database = database
        self._changes = changes
        self._forget = forget
        self._sync_peers_every_s = sync_peers_every_s
        self._jobs = JobGroup("periodic")

    async def start(self) -> None:
        """Begin."""
        self._jobs.spawn(self._keep(self._purge, PURGE_EVERY_S), name="purge")
        pause_s = min(self._sync_peers_every_s, LONGEST_PAUSE_S)
        self._jobs.spawn(self._keep(self._order, pause_s, first_s=pause_s), name="order")

    async def stop(self) -> None:
        """End."""
        await self._jobs.cancel_all()

    async def _keep(
        self, do: Callable[[], Awaitable[None]], pause_s: float, *, first_s: float = 0.0
    ) -> None:
        await asyncio.sleep(first_s)
        while True:
            try:
                await do()
            except SQLAlchemyError as problem:
                log.warning("upkeep not done", reason=type(problem).__name__)
            await asyncio.sleep(pause_s)

    async def _purge(self) -> None:
        for forget in self._forget:
            while await self._database.run(forget):
                pass  # in small transactions, so that nobody waits long

    async def _order(self) -> None:
        if await self._database.run(lambda s: order_sync(s, self._sync_peers_every_s)):
            self._changes.poke()


def order_sync(session: Session, every_s: float) -> bool:
    """Order a ``sync_peers`` job, unless there was one of late or no scheduler could be asked."""
    if not session.scalar(select(Scheduler.id).where(Scheduler.state == ACTIVE).limit(1)):
        return False
    revisions.bump(session, _TOPIC)  # replicas take turns here
    last = session.scalar(select(func.max(Job.created_at)).where(Job.type == orders.SYNC_PEERS))
    if last is not None and last > now() - timedelta(seconds=every_s):
        return False
    new = store.NewJob(orders.SYNC_PEERS, {}, {}, bio="ordered by the manager itself")
    store.create(session, new, None)
    return True
