"""Two managers on one database: each sees what the other changed, and one may be gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dfinfra.jobs import spawn
from dfinfra.pb import manager_pb2 as pb
from dfinfra.pb import managerlink_pb2 as link
from manager.db.base import now
from manager.db.clusters import ACTIVE, Scheduler
from tests.component.manager.bed import Bed, config_of, managed
from tests.component.manager.test_rpc import _listed, _scheduler, _until


@pytest.fixture
async def replicas(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Bed, Bed]]:
    """Both start at the same moment, on an empty database."""
    config = config_of(tmp_path, database_url, keepAlive={"interval": "0.3s", "timeout": "2s"})
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(managed(config))
        second = await stack.enter_async_context(managed(config))
        yield first, second


async def test_what_one_replica_settles_the_other_tells(replicas: tuple[Bed, Bed]) -> None:
    one, other = replicas
    request = link.WatchRequest(source_type=pb.PEER_SOURCE, hostname="node-1", ip="10.9.9.9")
    told: asyncio.Queue[Any] = asyncio.Queue()

    async def watch() -> None:
        async for configuration in other.extension.Watch(request):
            told.put_nowait(configuration)

    job = spawn(watch(), name="watch", on_error=lambda _: None)
    async with asyncio.timeout(10):
        await told.get()
        root = await one.root()
        change = {"peer_cluster_config": {"upload_rate_limit": 777}}
        await root.done("PATCH", "/api/v1/clusters/1", change)
        while b"777" not in (await told.get()).cluster.client_config:
            pass
    job.cancel()


async def test_a_session_of_one_is_good_at_the_other(replicas: tuple[Bed, Bed]) -> None:
    one, other = replicas
    root = await one.root()
    root.base = other.anybody.base
    assert (await root.ask("GET", "/api/v1/clusters")).status == 200


async def test_a_scheduler_that_moves_to_another_replica_stays(replicas: tuple[Bed, Bed]) -> None:
    one, other = replicas
    here = await _scheduler(one, "s1")
    await _until(lambda: _listed(other))
    there = await _scheduler(other, "s1")
    await asyncio.sleep(0.5)
    here.cancel()
    await asyncio.sleep(1.5)
    assert await _listed(one) == await _listed(other) == ["s1"]
    there.cancel()


async def test_whose_replica_died_is_inactive_when_its_time_is_over(
    replicas: tuple[Bed, Bed],
) -> None:
    one, other = replicas

    def left_behind(session: Any) -> None:
        """What a replica that was killed leaves: active, and no sign of life any more."""
        session.add(
            Scheduler(
                host_name="orphan",
                ip="10.0.0.1",
                port=8002,
                state=ACTIVE,
                features=["schedule"],
                last_keep_alive_at=now() - timedelta(seconds=1),
                scheduler_cluster_id=1,
            )
        )

    await one.app.core.database.run(left_behind)

    async def inactive() -> bool:
        row = await other.app.core.database.read(lambda s: s.get_one(Scheduler, 1))
        return bool(row.state != ACTIVE)

    await _until(inactive)


async def test_a_replica_says_that_it_is_ready_while_the_database_answers(
    replicas: tuple[Bed, Bed],
) -> None:
    one, _ = replicas
    url = f"http://127.0.0.1:{one.app.admin.port}/readyz"
    async with one.anybody.session.get(url) as answer:
        assert (answer.status, await answer.json()) == (200, {"database": True})
