"""Claims due jobs for this replica and runs them; makes the jobs of schedules."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from manager.changes import Changes
from manager.db.base import now
from manager.db.database import Database
from manager.jobs import store
from manager.jobs.runner import LeasePolicy, Runner
from manager.jobs.work import Claim

log = get_logger("jobs")


@dataclass(frozen=True, slots=True)
class DispatchPolicy:
    """How many jobs a replica does at once, and how often it looks."""

    at_once: int = 8
    poll_s: float = 1.0


class Dispatcher:
    """A service. ``owner`` is this replica's name."""

    name = "jobs"

    def __init__(
        self,
        database: Database,
        changes: Changes,
        runner: Runner,
        owner: str,
        lease: LeasePolicy,
        policy: DispatchPolicy,
    ) -> None:
        self._database = database
        self._changes = changes
        self._runner = runner
        self._owner = owner
        self._lease = lease
        self._policy = policy
        self._awake = asyncio.Event()
        self._loops = JobGroup("dispatch")
        self._running = JobGroup("jobs")

    async def start(self) -> None:
        """Begin to look for jobs."""
        self._changes.listen(self._heard)
        self._loops.spawn(self._keep_claiming(), name="claim", vital=True)

    async def stop(self) -> None:
        """Take no more jobs and give back those that run."""
        await self._loops.cancel_all()
        await self._running.cancel_all()

    def _heard(self, topics: frozenset[str]) -> None:
        if store.TOPIC in topics:
            self._awake.set()

    async def _keep_claiming(self) -> None:
        while True:
            self._awake.clear()
            claims: list[Claim] = []
            try:
                claims = await self._claim()
            except SQLAlchemyError as problem:
                log.warning("no jobs claimed", reason=type(problem).__name__)
            for claim in claims:
                self._running.spawn(self._run(claim), name=str(claim.id))
            if not claims:
                await self._wait()

    async def _claim(self) -> list[Claim]:
        free = self._policy.at_once - len(self._running)
        due = await self._database.read(store.next_due)
        if free <= 0 or due is None or due > now():
            return []

        def take(session: Session) -> list[Claim]:
            store.fire_schedules(session)
            session.flush()
            return store.claim(session, self._owner, self._lease.lease_s, free)

        return await self._database.run(take)

    async def _run(self, claim: Claim) -> None:
        try:
            await self._runner.run(claim)
        finally:
            self._awake.set()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._policy.poll_s):
                await self._awake.wait()
        except TimeoutError:
            pass
