"""Who asks whom, and how often: one question per scheduler, whoever looks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from dfcore.errors import NotFound, Unavailable
from dfinfra.clock import SystemClock
from manager.observe.collector import Collector, Pace
from manager.observe.model import Target
from tests.console.swarm import TARGETS, Shape, StandInSwarm, task_id_of

NEVER = Pace(watched_s=0.01, idle_s=1e6, hosts_idle_s=1e6, targets_s=0.01, task_s=1e6)


@asynccontextmanager
async def collecting(
    swarm: StandInSwarm, targets: list[Target], pace: Pace = NEVER
) -> AsyncIterator[Collector]:
    async def known() -> list[Target]:
        return targets

    collector = Collector(known, swarm, SystemClock(), pace)
    await collector.start()
    try:
        yield collector
    finally:
        await collector.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.001)


@pytest.fixture
def swarm() -> StandInSwarm:
    return StandInSwarm(Shape(hosts=8, tasks=2, peers_per_task=3), time.time)


async def test_nobody_looks_one_question(swarm: StandInSwarm) -> None:
    async with collecting(swarm, list(TARGETS)) as collector:
        await until(lambda: collector.state.revision > 0)
        await asyncio.sleep(0.03)
        assert swarm.questions == 1
        assert collector.state.host_count == 8


async def test_a_look_wakes_it_up(swarm: StandInSwarm) -> None:
    async with collecting(swarm, list(TARGETS)) as collector:
        await until(lambda: swarm.questions == 1)
        collector.look()
        await until(lambda: swarm.questions > 3)


async def test_schedulers_come_and_go(swarm: StandInSwarm) -> None:
    targets = list(TARGETS)
    async with collecting(swarm, targets) as collector:
        await until(lambda: len(collector.state.hosts) == 8)
        targets.clear()
        await until(lambda: not collector.state.stations)
        assert not collector.state.hosts


async def test_a_silent_scheduler_is_an_alarm(swarm: StandInSwarm) -> None:
    swarm.silent = True
    async with collecting(swarm, list(TARGETS)) as collector:
        collector.look()
        await until(lambda: any(s.silent for s in collector.state.stations.values()))
        assert [alarm.kind for alarm in collector.state.alarms(time.time())] == ["scheduler"]


async def test_a_task_is_asked_for_once_by_all_who_look(swarm: StandInSwarm) -> None:
    async with collecting(swarm, list(TARGETS)) as collector:
        await until(lambda: collector.state.revision > 0)
        looks = [collector.task(task_id_of(0)) for _ in range(3)]
        details = await asyncio.gather(*looks)
        assert all(detail is details[0] for detail in details)
        assert await collector.task(task_id_of(0)) is details[0]
        assert len(details[0].peers) == 4


async def test_an_unknown_task_is_not_found(swarm: StandInSwarm) -> None:
    async with collecting(swarm, list(TARGETS)) as collector:
        await until(lambda: collector.state.revision > 0)
        with pytest.raises(NotFound):
            await collector.task("f" * 64)


async def test_a_list_of_schedulers_that_cannot_be_read_is_read_again() -> None:
    swarm = StandInSwarm(Shape(hosts=4, tasks=1, peers_per_task=2), time.time)
    asked = 0

    async def flaky() -> list[Target]:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise Unavailable("the database is away")
        return list(TARGETS)

    collector = Collector(flaky, swarm, SystemClock(), NEVER)
    await collector.start()
    await until(lambda: collector.state.revision > 0)
    await collector.stop()
