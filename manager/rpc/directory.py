"""Keeps a snapshot of the clusters fresh: loaded when something changed, here or in another replica."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from dfinfra.pb import manager_pb2 as pb
from manager.changes import Changes
from manager.db.clusters import (
    ACTIVE,
    Application,
    ClusterLink,
    Scheduler,
    SchedulerCluster,
    SeedPeer,
    SeedPeerCluster,
)
from manager.db.database import Database
from manager.rpc import messages
from manager.rpc.scoring import Scopes
from manager.rpc.snapshot import EMPTY, SCHEDULE, ClusterView, SeedClusterView, Snapshot

log = get_logger("directory")

TOPICS = frozenset({"clusters", "applications"})
SETTLE_S = 0.2
"""After a change others often follow at once; they are loaded together."""
WAKE_BATCH = 64


class Directory:
    """A service; ``snapshot`` is always there, ``changed`` tells of a newer one."""

    name = "directory"

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes
        self._stale = asyncio.Event()
        self._jobs = JobGroup("directory")
        self._waiters: set[asyncio.Future[None]] = set()
        self.snapshot: Snapshot = EMPTY

    async def start(self) -> None:
        """Load, then follow the changes."""
        self._changes.listen(self._on_change)
        await self.load()
        self._jobs.spawn(self._follow(), name="follow")

    async def stop(self) -> None:
        """Follow no more."""
        await self._jobs.cancel_all()

    async def load(self) -> None:
        """Read everything anew and tell those who wait."""
        self.snapshot = await self._database.read(load_snapshot)
        waiters, self._waiters = self._waiters, set()
        for count, waiter in enumerate(waiters, 1):
            if not waiter.done():
                waiter.set_result(None)
            if count % WAKE_BATCH == 0:
                # Ten thousand who watch must not keep one who asks waiting.
                await asyncio.sleep(0.002)

    async def newer(self, than: Snapshot) -> Snapshot:
        """Wait for a snapshot that is another one."""
        while self.snapshot is than:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
        return self.snapshot

    def _on_change(self, topics: frozenset[str]) -> None:
        if topics & TOPICS:
            self._stale.set()

    async def _follow(self) -> None:
        while True:
            await self._stale.wait()
            await asyncio.sleep(SETTLE_S)
            self._stale.clear()
            try:
                await self.load()
            except Exception as error:  # the last snapshot stays in force meanwhile
                log.warning("clusters not loaded", reason=type(error).__name__)
                self._stale.set()
                await asyncio.sleep(1.0)


def load_snapshot(session: Session) -> Snapshot:
    """Everything that is active, from the database."""
    seed_rows = session.scalars(select(SeedPeerCluster)).all()
    seed_clusters = {row.id: messages.seed_peer_cluster(row) for row in seed_rows}
    served, serving = defaultdict(list), defaultdict(list)
    for row in session.scalars(select(ClusterLink)):
        served[row.scheduler_cluster_id].append(row.seed_peer_cluster_id)
        serving[row.seed_peer_cluster_id].append(row.scheduler_cluster_id)
    seeds: dict[int, list[pb.SeedPeer]] = defaultdict(list)
    for seed in session.scalars(select(SeedPeer).where(SeedPeer.state == ACTIVE)):
        number = seed.seed_peer_cluster_id
        seeds[number].append(messages.seed_peer(seed, seed_clusters.get(number)))
    schedulers: dict[int, list[pb.Scheduler]] = defaultdict(list)
    for scheduler in session.scalars(select(Scheduler).where(Scheduler.state == ACTIVE)):
        if SCHEDULE in scheduler.features:
            schedulers[scheduler.scheduler_cluster_id].append(messages.scheduler(scheduler))
    clusters = {
        row.id: ClusterView(
            messages.scheduler_cluster(row),
            Scopes.of(row.scopes or {}),
            row.is_default,
            tuple(schedulers[row.id]),
            tuple(seed for number in served[row.id] for seed in seeds[number]),
        )
        for row in session.scalars(select(SchedulerCluster))
    }
    applications = session.scalars(select(Application).order_by(Application.id))
    return Snapshot(
        clusters,
        {
            number: SeedClusterView(cluster, tuple(serving[number]))
            for number, cluster in seed_clusters.items()
        },
        tuple(messages.application(row) for row in applications),
    )
