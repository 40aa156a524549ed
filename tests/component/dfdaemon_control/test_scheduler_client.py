"""Downloads talk to real schedulers: registering, failing over, coming back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from blobstore.store import BlobStore
from dfcore.errors import Denied, NotFound
from dfdaemon.control import scheduler as control_scheduler
from dfdaemon.control import session as control_session
from dfdaemon.control.announce import Announcer
from dfdaemon.control.scheduler import SchedulerClient
from dfdaemon.control.seeds import SeedDirectory
from dfdaemon.task import events as it
from dfdaemon.task.spec import TaskSpec
from dfinfra.offload import Pool
from dfinfra.rpc.channels import Channels
from tests.component.dfdaemon_control.bed import (
    NODE,
    SEED,
    SPEC,
    NothingHeld,
    announce,
    describe,
    meeting,
    register,
)
from tests.component.scheduler.bed import scheduler


@pytest.fixture
async def channels() -> AsyncIterator[Channels]:
    made = Channels()
    yield made
    await made.close()


async def test_a_node_is_named_the_seed_and_says_nothing_secret(channels: Channels) -> None:
    async with meeting(channels, seed=True) as (running, client):
        inbox, session = register(client)
        named = await inbox.next(it.CandidatesNamed)
        assert isinstance(named, it.CandidatesNamed)
        (seed,) = named.parents
        assert (seed.host_id, seed.port, seed.seed, seed.ours) == (SEED, 4005, True, True)
        assert "secret" not in repr(vars(running.shell.core))
        await session.aclose("succeeded")


async def test_without_a_seed_the_grant_arrives_as_an_event(channels: Channels) -> None:
    async with meeting(channels) as (_, client):
        inbox, session = register(client)
        assert await inbox.next(it.OriginGranted)
        await session.aclose("failed")


async def test_a_scheduler_that_does_not_know_the_host_has_it_announced(
    channels: Channels,
) -> None:
    async with scheduler() as running:
        address = f"127.0.0.1:{running.grpc.port}"
        client = SchedulerClient([address], channels, NODE)
        inbox, session = register(client)
        async with asyncio.timeout(10):
            await client.unknown_at(address).wait()
        await announce(client, address, NODE, seed=False)
        assert await inbox.next(it.OriginGranted)
        await session.aclose("failed")


async def test_a_scheduler_that_a_download_gave_up_is_looked_for_at_once(
    channels: Channels,
) -> None:
    """The download's word may come after the scheduler is back, and all others would go without."""
    async with scheduler() as running:
        address = f"127.0.0.1:{running.grpc.port}"
        client = SchedulerClient([address], channels, NODE)
        store, disk = cast(BlobStore, NothingHeld()), Pool("disk", 1)
        host = describe(NODE, seed=False)
        announcer = Announcer(client, channels, host, store, disk, interval_s=60.0)
        await announcer.start()
        for peer in ("first", "second", "third"):
            inbox, session = register(client, SPEC, peer)
            assert await inbox.next(it.OriginGranted)
            await session.aclose("failed")
            client.mark_down(address)
            assert client.choose(SPEC.task_id) is None
        await announcer.stop()


async def test_the_next_scheduler_on_the_ring_takes_over(channels: Channels) -> None:
    async with meeting(channels, others=("127.0.0.1:1",)) as (_, client):
        for content in range(8):
            spec = TaskSpec("http://origin.test/f", content=str(content))
            inbox, session = register(client, spec, f"peer-{content}")
            assert await inbox.next(it.OriginGranted)
            await session.aclose("failed")


async def left_alone(channels: Channels) -> SchedulerClient:
    """A node that knows a seed by a scheduler which has gone since."""
    async with scheduler() as running:
        address = f"127.0.0.1:{running.grpc.port}"
        client = SchedulerClient([address], channels, NODE)
        await announce(client, address, SEED, seed=True)
        directory = SeedDirectory(client)
        await directory.refresh()
        assert await directory.near("name") == [("127.0.0.1", 4005)]
    return client


async def test_while_no_scheduler_answers_the_known_seed_is_asked(channels: Channels) -> None:
    inbox, session = register(await left_alone(channels))
    named = await inbox.next(it.CandidatesNamed)
    assert isinstance(named, it.CandidatesNamed)
    assert named.parents[0].host_id == SEED
    await session.aclose("abandoned")


async def test_a_seed_that_is_away_with_the_schedulers_is_not_named_for_ever(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rolling restart may take both: who only waits for them fails when its patience ends."""
    monkeypatch.setattr(control_session, "RETRY_S", 0.01)
    monkeypatch.setattr(control_session, "SEED_AWAY_S", 0.0)
    inbox, session = register(await left_alone(channels))
    named = await inbox.next(it.CandidatesNamed)
    assert isinstance(named, it.CandidatesNamed)
    session.reschedule(named.parents, "the connection was lost")
    lost = await inbox.next(it.SchedulerLost)
    assert isinstance(lost, it.SchedulerLost)
    assert lost.configured
    await session.aclose("abandoned")


async def test_a_seed_that_was_lost_for_a_moment_is_named_again(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_session, "RETRY_S", 0.01)
    monkeypatch.setattr(control_session, "SEED_AWAY_S", 3600.0)
    inbox, session = register(await left_alone(channels))
    named = await inbox.next(it.CandidatesNamed)
    assert isinstance(named, it.CandidatesNamed)
    session.reschedule(named.parents, "the connection was lost")
    for _ in range(3):
        assert await inbox.next(it.CandidatesNamed)
    await session.aclose("abandoned")


async def test_a_priority_that_forbids_the_download_is_the_last_word(channels: Channels) -> None:
    async with meeting(channels) as (_, client):
        for priority, error in ((1, Denied), (2, NotFound)):
            spec = TaskSpec(f"http://origin.test/{priority}", priority=priority)
            inbox, session = register(client, spec, f"peer-{priority}")
            forbidden = await inbox.next(it.DownloadForbidden)
            assert isinstance(forbidden, it.DownloadForbidden)
            assert isinstance(forbidden.error, error)
            assert f"LEVEL{priority}" in str(forbidden.error)
            await session.aclose("failed")
        assert client.choose(SPEC.task_id) == client.addresses[0]


async def test_a_conversation_that_the_scheduler_ended_leaves_nothing_behind(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_session, "REFUSED_RETRY_S", 0.01)
    async with meeting(channels) as (_, client):
        inbox, session = register(client, TaskSpec("http://origin.test/f", priority=1), "peer")
        for _ in range(5):
            await inbox.next(it.DownloadForbidden)
        readers = [t for t in asyncio.all_tasks() if "say_all" in repr(t.get_coro())]
        assert len(readers) <= 2
        await session.aclose("failed")


async def test_a_download_whose_scheduler_hangs_up_first_registers_again(
    channels: Channels,
) -> None:
    async with meeting(channels, seed=True) as (running, client):
        inbox, session = register(client)
        assert await inbox.next(it.CandidatesNamed)
        running.shell._streams["node-peer"].end()
        assert await inbox.next(it.CandidatesNamed)
        await session.aclose("failed")


async def test_without_any_scheduler_a_download_is_told_so(channels: Channels) -> None:
    inbox, session = register(SchedulerClient([], channels, NODE))
    lost = await inbox.next(it.SchedulerLost)
    assert isinstance(lost, it.SchedulerLost)
    assert not lost.configured
    await session.aclose("abandoned")


async def test_a_scheduler_that_hangs_is_passed_over(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_session, "SILENCE_S", 0.1)
    monkeypatch.setattr(control_scheduler, "HEALTH_TIMEOUT_S", 0.2)
    held: list[asyncio.StreamWriter] = []
    hung = await asyncio.start_server(lambda _reader, writer: held.append(writer), "127.0.0.1", 0)
    silent = f"127.0.0.1:{hung.sockets[0].getsockname()[1]}"
    async with meeting(channels, others=(silent,)) as (_, client), hung:
        specs = (TaskSpec(f"http://origin.test/{number}") for number in range(1000))
        spec = next(spec for spec in specs if client.choose(spec.task_id) == silent)
        inbox, session = register(client, spec)
        await inbox.next(it.OriginGranted)
        assert client.choose(spec.task_id) == client.addresses[-1]
        await session.aclose("succeeded")
        for writer in held:
            writer.close()
            await writer.wait_closed()


async def test_a_last_word_that_nobody_heard_is_said_with_the_list_of_blobs(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_session, "LAST_WORD_S", 0.1)
    client = SchedulerClient(["127.0.0.1:9"], channels, NODE)
    _, session = register(client)
    asked: list[str] = []
    monkeypatch.setattr(client, "list_anew", lambda: asked.append("anew"))
    await session.aclose("abandoned")
    assert asked == []
    _, session = register(client)
    await session.aclose("succeeded")
    assert asked == ["anew"]
