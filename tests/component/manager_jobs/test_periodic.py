"""Schedules and limits of jobs, and what the manager does by itself from time to time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from manager.db.base import now
from manager.db.clusters import Scheduler
from manager.db.jobs import Job
from manager.db.users import Audit
from manager.jobs import store
from manager.jobs.periodic import order_sync
from tests.component.manager_jobs.bed import started

FILE = "https://127.0.0.1:1/model.bin"


async def test_so_many_jobs_are_done_at_a_time(tmp_path: Path) -> None:
    async with started(tmp_path, jobs={"atOnce": 2}) as bed:
        bed.nodes[0].gate.clear()
        numbers = [await bed.client.preheat(url=f"{FILE}{n}") for n in range(4)]
        await bed.client.until("/api/v1/jobs?phase=STARTED", lambda jobs: len(jobs) == 2)
        waiting = await bed.client.ask("GET", "/api/v1/jobs?phase=PENDING")
        assert [job["id"] for job in waiting] == [numbers[3], numbers[2]]
        bed.nodes[0].gate.set()
        for number in numbers:
            assert (await bed.client.over(number))["state"] == "SUCCESS"


async def test_hosts_are_taken_in_by_a_schedule_and_cron_lines_do_any_kind(tmp_path: Path) -> None:
    async with started(tmp_path) as bed:
        for kind, args, key in (
            ("sync_peers", None, "peers"),
            ("gc", {"type": "audit"}, "removed"),
        ):
            wish = {"type": kind, "args": args, "cron": "30 4 * * *", "time_zone": "Europe/Berlin"}
            schedule = await bed.client.ask("POST", "/api/v1/jobs", wish)
            assert (schedule["phase"], schedule["time_zone"]) == ("SCHEDULED", "Europe/Berlin")
            await bed.app.core.database.run(lambda s, n=schedule["id"]: _make_due(s, n))
            bed.app.core.changes.poke()
            (job,) = await bed.client.until(
                f"/api/v1/jobs?schedule_id={schedule['id']}",
                lambda jobs: bool(jobs) and jobs[0]["phase"] == "SUCCESS",
            )
            full = await bed.client.ask("GET", f"/api/v1/jobs/{job['id']}")
            assert key in full["result"]


async def test_hosts_are_taken_in_without_being_asked(tmp_path: Path) -> None:
    async with started(tmp_path, jobs={"syncPeersInterval": "50ms"}) as bed:
        (job, *_) = await bed.client.until("/api/v1/jobs?type=sync_peers&phase=SUCCESS", bool)
        assert job["bio"] == "ordered by the manager itself"
        peers = await bed.client.ask("GET", f"/api/v1/jobs/{job['id']}")
        assert peers["result"]["peers"] == 2


async def test_one_replica_orders_and_none_too_early(tmp_path: Path) -> None:
    async with started(tmp_path, jobs={"atOnce": 0}) as bed:
        database = bed.app.core.database
        await asyncio.gather(*(database.run(lambda s: order_sync(s, 3600.0)) for _ in range(4)))
        jobs = await bed.client.ask("GET", "/api/v1/jobs?type=sync_peers")
        assert len(jobs) == 1


async def test_what_is_older_than_it_is_kept_goes_and_results_stay_until_then(
    tmp_path: Path,
) -> None:
    kept = {"jobs": "20d", "audits": "20d"}
    async with started(tmp_path, retention=kept) as bed:
        old, young = [
            (await bed.client.over(await bed.client.preheat(url=FILE)))["id"] for _ in range(2)
        ]
        url = str(bed.app.core.database.url.database)
        await bed.app.core.database.run(lambda s: _age(s, old, days=21))
        await bed.app.core.database.run(lambda s: _age(s, young, days=19))
        await bed.app.core.database.run(lambda s: s.execute(delete(Scheduler)))
    database = {"url": f"sqlite:///{url}"}
    (tmp_path / "again").mkdir()
    async with started(tmp_path / "again", retention=kept, database=database) as bed:

        def gone(_: Any) -> bool:
            return bed.app.core.database.transact(_counts) == ([young], 1)

        await bed.client.until("/api/v1/jobs", gone)
        job = await bed.client.ask("GET", f"/api/v1/jobs/{young}")
        assert job["result"]["job_states"][0]["results"][0]["success_tasks"]


def _make_due(session: Session, number: int) -> None:
    store.get(session, number).due_at = now() - timedelta(seconds=1)


def _age(session: Session, number: int, *, days: int) -> None:
    then = now() - timedelta(days=days)
    store.get(session, number).finished_at = then
    who = {"actor_type": "USER", "actor_name": "somebody"}
    session.add(Audit(operation="POST", path="/old", state="SUCCESS", operated_at=then, **who))


def _counts(session: Session) -> tuple[list[int], int]:
    audits = select(func.count()).select_from(Audit).where(Audit.path == "/old")
    return list(session.scalars(select(Job.id).where(Job.type == "preheat"))), int(
        session.scalar(audits) or 0
    )
