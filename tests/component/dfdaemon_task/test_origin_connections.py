"""A seed's downloads use the connections of those before them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from dfdaemon.fetch.origin import OriginPool
from dfdaemon.task import events as it
from dfdaemon.task.conductor import Conductor
from dfdaemon.task.origin_runs import OriginPolicy
from dfdaemon.task.parts import EngineParts
from dfdaemon.task.policy import TaskPolicy
from dfdaemon.task.spec import TaskSpec
from tests.component.dfdaemon_plane.httporigin import Asked, origin, part

FILES = 20


async def test_files_one_after_the_other_come_over_one_connection(parts: EngineParts) -> None:
    def small(asked: Asked) -> bytes:
        return part(asked, content=asked.target.encode() * 100)

    pool = OriginPool()
    policy = replace(TaskPolicy(), origin=OriginPolicy(first=True))
    parts = replace(parts, origin=pool, policy=policy)
    async with origin(small) as server, asyncio.timeout(20):
        for number in range(FILES):
            over = asyncio.Event()
            spec = TaskSpec(f"{server.url}/{number}")
            conductor = Conductor(spec, parts, lambda _, over=over: over.set())
            conductor.start(None)
            conductor.post(it.OriginGranted("a seed"))
            conductor.post(it.CandidatesNamed(()))
            await over.wait()
            assert conductor.error is None
            await conductor.aclose()
        assert len(server.asked) == FILES
        assert server.connections == 1
        await pool.aclose()
