"""The collector before real schedulers: ours, one that is away, and one of Dragonfly's kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
import pytest

from dfcore.errors import NotFound, Unavailable
from dfinfra.clock import SystemClock
from dfinfra.pb import scheduler_pb2_grpc
from dfinfra.rpc.channels import Channels
from manager.observe.collector import Collector, Pace
from manager.observe.model import Target
from manager.observe.source import GrpcSource
from tests.component.scheduler.bed import PATIENCE_S, TASK, bed
from tests.component.scheduler.test_survey import PIECE, described, fed_node, taken

QUICK = Pace(watched_s=0.02, hosts_watched_s=0.02, targets_s=0.02, task_s=0.0)


@asynccontextmanager
async def collecting(*targets: Target) -> AsyncIterator[Collector]:
    async def known() -> list[Target]:
        return list(targets)

    channels = Channels()
    collector = Collector(known, GrpcSource(channels), SystemClock(), QUICK)
    await collector.start()
    collector.look()
    try:
        yield collector
    finally:
        await collector.stop()
        await channels.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def test_a_real_swarm_is_seen_to_the_last_edge() -> None:
    async with bed() as swarm:
        seed, node = await fed_node(swarm)
        await described(node, lambda answer: len(taken(answer).get(node.host.id, ())) > 0)
        target = Target(f"127.0.0.1:{swarm.app.grpc.port}", "ours", "here", 1)
        async with collecting(target) as collector:
            await until(lambda: len(collector.state.hosts) == 2)
            assert [host.hostname for host in collector.state.hosts.values()] == ["seed", "a"]
            assert collector.state.total.seeds_to_peers == PIECE
            assert [task.running_count for task in collector.state.tasks()] == [2]
            detail = await collector.task(TASK)
            edges = {peer.host_id: [s.host_id for s in peer.sources] for peer in detail.peers}
            assert edges == {seed.host.id: [""], node.host.id: [seed.host.id]}
            assert detail.hosts[node.host.id].cluster == "here"
            held = await collector.held(node.host.id)
            assert [(one.task_id, one.finished_bytes) for one in held] == [(TASK, PIECE)]
            assert await collector.held("nobody") == []
            with pytest.raises(NotFound):
                await collector.task("0" * 64)


async def test_a_scheduler_that_is_away_is_silent_and_hides_nobody() -> None:
    async with bed() as swarm:
        await swarm.daemon("a")
        here = Target(f"127.0.0.1:{swarm.app.grpc.port}", "here")
        async with collecting(here, Target("127.0.0.1:9", "away")) as collector:
            stations = collector.state.stations
            await until(lambda: len(stations) == 2 and stations["127.0.0.1:9"].silent)
            await until(lambda: len(collector.state.hosts) == 1)
            titles = [alarm.title for alarm in collector.state.alarms(0.0)]
            assert "Scheduler away does not answer" in titles


async def test_a_scheduler_of_dragonfly_tells_nothing_and_is_no_alarm() -> None:
    server = grpc.aio.server()
    scheduler_pb2_grpc.add_SchedulerServicer_to_server(
        scheduler_pb2_grpc.SchedulerServicer(), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with collecting(Target(f"127.0.0.1:{port}", "plain")) as collector:
        await until(lambda: any(s.state == "mute" for s in collector.state.stations.values()))
        assert not collector.state.alarms(0.0)
        with pytest.raises((NotFound, Unavailable)):
            await collector.task("0" * 64)
    await server.stop(None)
