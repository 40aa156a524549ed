"""Two managers on one database, killed at random: every job is done once and none is lost."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from manager.db.base import now
from manager.db.clusters import ACTIVE, Scheduler, SchedulerCluster
from manager.db.database import Database
from manager.db.jobs import Job
from manager.jobs import orders, store
from manager.jobs.targets import Targets
from manager.jobs.vault import Vault
from tests.component.manager.bed import KINDS, fresh_database
from tests.component.manager_jobs.bed import running
from tests.component.manager_jobs.fakes import FakeNode, FakeScheduler
from tests.swarm.daemon import Daemon
from tests.swarm.guard import Guard
from tests.swarm.ports import free_port

LOADS = {"sqlite": (1000, 6), "postgresql": (60, 1), "mysql": (60, 1)}
"""Of each database: jobs, and how often a manager is killed meanwhile."""
if "MANAGER_JOBS" in os.environ:
    LOADS = dict.fromkeys(LOADS, (int(os.environ["MANAGER_JOBS"]), 6))
DEADLINE_S = 120.0 + max(jobs for jobs, _ in LOADS.values()) / 4


class Manager(Daemon):
    """A manager as a process."""

    @property
    def ready(self) -> bool:
        """It has started."""
        return self.running and (self.folder / "ready").exists()


def manager(name: str, folder: Path, url: str, guard: Guard) -> Manager:
    config = {
        "server": {
            "grpc": {"ip": "127.0.0.1", "port": free_port()},
            "rest": {"ip": "127.0.0.1", "port": free_port()},
        },
        "admin": {"port": 0},
        "database": {"url": url},
        "stateDir": str(folder / name / "state"),
        "poll": "200ms",
        "jobs": {"lease": "1500ms", "beat": "300ms", "atOnce": 8},
    }
    return Manager(name, "manager", folder / name, config, guard)


def introduce(database: Database, port: int) -> None:
    def work(session: Session) -> None:
        cluster = session.scalar(select(SchedulerCluster))
        session.add(
            Scheduler(
                host_name="scheduler",
                ip="127.0.0.1",
                port=port,
                state=ACTIVE,
                last_keep_alive_at=now(),
                scheduler_cluster_id=cluster.id,
            )
        )

    database.transact(work)


def order_all(database: Database, jobs: int) -> list[int]:
    def work(session: Session) -> list[int]:
        ids = []
        for number in range(jobs):
            args = {"url": f"http://10.0.0.1/{number}", "scope": "all_peers"}
            made = orders.order("preheat", args, Targets())
            new = store.NewJob(made.type, made.args, made.spec)
            ids.append(store.create(session, new, Vault(bytes(32))).id)
        return ids

    return database.transact(work)


@pytest.mark.parametrize("kind", KINDS)
async def test_each_job_is_done_once_although_managers_are_killed(
    tmp_path: Path, kind: str
) -> None:
    jobs, planned_kills = LOADS[kind]
    url = fresh_database(kind, tmp_path)
    rng = random.Random(7)
    ended: Counter[int] = Counter()
    nodes = [FakeNode("node-0"), FakeNode("node-1")]
    scheduler = FakeScheduler(nodes)
    guard = Guard()
    managers = [manager(f"manager-{n}", tmp_path, url, guard) for n in (1, 2)]
    async with running([*(node.server for node in nodes), scheduler.server]):
        try:
            for one in managers:
                one.start()
            for one in managers:
                await asyncio.to_thread(one.wait_ready)
            database = Database(url)
            database.open()
            introduce(database, scheduler.server.port)
            ids = order_all(database, jobs)
            kills, step = 0, jobs // (planned_kills + 1)
            async with asyncio.timeout(DEADLINE_S):
                while left := await database.read(unfinished):
                    ready = [one for one in managers if one.ready]
                    if ready and kills < planned_kills and left < jobs - kills * step:
                        victim = rng.choice(ready)
                        await asyncio.to_thread(victim.kill)
                        victim.start()
                        kills += 1
                    await asyncio.sleep(0.05)
            for one in managers:
                for line in one.log_text().splitlines():
                    if '"job ended"' in line:
                        ended[int(line.partition('"job": ')[2].partition(",")[0])] += 1
            states = await database.read(states_of)
            database.close()
        finally:
            for one in managers:
                one.stop()
            guard.close()
    assert kills == planned_kills
    assert states == {"SUCCESS": jobs}
    # A killed manager may have had no time to write a line; nobody wrote one twice.
    assert max(ended.values()) == 1
    assert set(ended) <= set(ids)
    assert all(len(node.held) == jobs for node in nodes)


def unfinished(session: Session) -> int:
    over = ("SUCCESS", "FAILURE", "CANCELLED")
    query = select(func.count()).select_from(Job).where(Job.state.not_in(over))
    return int(session.scalar(query))


def states_of(session: Session) -> dict[str, int]:
    query = select(Job.state, func.count()).group_by(Job.state)
    return {row[0]: row[1] for row in session.execute(query)}
