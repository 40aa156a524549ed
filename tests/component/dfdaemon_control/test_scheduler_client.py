"""Downloads talk to real schedulers: registering, failing over, coming back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest

from blobstore.store import BlobStore
from dfcore.errors import Denied, NotFound
from dfdaemon.control import scheduler as control_scheduler
from dfdaemon.control import session as control_session
from dfdaemon.control.announce import Announcer
from dfdaemon.control.hostinfo import describer
from dfdaemon.control.scheduler import SchedulerClient
from dfdaemon.control.seeds import SeedDirectory
from dfdaemon.task import events as it
from dfdaemon.task.spec import Headers, TaskSpec
from dfinfra.offload import Pool
from dfinfra.pb import common_pb2, scheduler_pb2
from dfinfra.rpc.channels import Channels
from tests.component.scheduler.bed import scheduler

NODE, SEED = "127.0.0.1-node", "127.0.0.1-seed-seed"
SPEC = TaskSpec("http://origin.test/f?sig=secret", Headers({"Authorization": "Bearer secret"}))


class Inbox:
    """The events of one download."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[it.Event] = asyncio.Queue(1000)

    def post(self, event: it.Event) -> None:
        self._events.put_nowait(event)

    async def next(self, kind: type[it.Event]) -> it.Event:
        async with asyncio.timeout(10):
            while not isinstance(event := await self._events.get(), kind):
                pass
            return event


@pytest.fixture
async def channels() -> AsyncIterator[Channels]:
    made = Channels()
    yield made
    await made.close()


def describe(host_id: str, *, seed: bool) -> Callable[[], common_pb2.Host]:
    return describer(
        host_id=host_id,
        hostname=host_id,
        ip="127.0.0.1",
        seed=seed,
        rpc_port=4000,
        vortex_port=4005,
        proxy_port=65001,
        idc="",
        location="",
        disable_shared=False,
        max_upload_bytes_s=0,
        disk_path="/",
    )


async def announce(client: SchedulerClient, address: str, host_id: str, *, seed: bool) -> None:
    host = describe(host_id, seed=seed)()
    request = scheduler_pb2.AnnounceHostRequest(host=host)
    request.interval.FromSeconds(30)
    await client.stub(address).AnnounceHost(request)


async def test_a_node_is_named_the_seed_and_says_nothing_secret(channels: Channels) -> None:
    async with scheduler() as running:
        address = f"127.0.0.1:{running.grpc.port}"
        client = SchedulerClient([address], channels, NODE)
        await announce(client, address, NODE, seed=False)
        await announce(client, address, SEED, seed=True)
        inbox = Inbox()
        session = client.session(SPEC, "node-peer", inbox.post)
        session.register(need_back_to_source=False)
        named = await inbox.next(it.CandidatesNamed)
        assert isinstance(named, it.CandidatesNamed)
        (seed,) = named.parents
        assert (seed.host_id, seed.port, seed.seed, seed.ours) == (SEED, 4005, True, True)
        assert "secret" not in repr(vars(running.shell.core))
        await session.aclose("succeeded")


async def test_without_a_seed_the_grant_arrives_as_an_event(channels: Channels) -> None:
    async with scheduler() as running:
        address = f"127.0.0.1:{running.grpc.port}"
        client = SchedulerClient([address], channels, NODE)
        await announce(client, address, NODE, seed=False)
        inbox = Inbox()
        session = client.session(SPEC, "node-peer", inbox.post)
        session.register(need_back_to_source=False)
        assert await inbox.next(it.OriginGranted)
        await session.aclose("failed")


async def test_a_scheduler_that_does_not_know_the_host_has_it_announced(
    channels: Channels,
) -> None:
    async with scheduler() as running:
        address = f"127.0.0.1:{running.grpc.port}"
        client = SchedulerClient([address], channels, NODE)
        inbox = Inbox()
        session = client.session(SPEC, "node-peer", inbox.post)
        session.register(need_back_to_source=False)
        async with asyncio.timeout(10):
            await client.unknown_at(address).wait()
        await announce(client, address, NODE, seed=False)
        assert await inbox.next(it.OriginGranted)
        await session.aclose("failed")


class NothingHeld:
    """A store without a blob."""

    def all(self) -> list[object]:
        return []


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
            inbox = Inbox()
            session = client.session(SPEC, peer, inbox.post)
            session.register(need_back_to_source=False)
            assert await inbox.next(it.OriginGranted)
            await session.aclose("failed")
            client.mark_down(address)
            assert client.choose(SPEC.task_id) is None
        await announcer.stop()


async def test_the_next_scheduler_on_the_ring_takes_over(channels: Channels) -> None:
    async with scheduler() as running:
        address = f"127.0.0.1:{running.grpc.port}"
        client = SchedulerClient([address, "127.0.0.1:1"], channels, NODE)
        await announce(client, address, NODE, seed=False)
        for content in range(8):
            spec = TaskSpec("http://origin.test/f", content=str(content))
            inbox = Inbox()
            session = client.session(spec, f"peer-{content}", inbox.post)
            session.register(need_back_to_source=False)
            assert await inbox.next(it.OriginGranted)
            await session.aclose("failed")


async def test_while_no_scheduler_answers_the_known_seed_is_asked(channels: Channels) -> None:
    async with scheduler() as running:
        address = f"127.0.0.1:{running.grpc.port}"
        client = SchedulerClient([address], channels, NODE)
        await announce(client, address, SEED, seed=True)
        directory = SeedDirectory(client)
        await directory.refresh()
        assert await directory.near("name") == [("127.0.0.1", 4005)]
    inbox = Inbox()
    session = client.session(SPEC, "node-peer", inbox.post)
    session.register(need_back_to_source=False)
    named = await inbox.next(it.CandidatesNamed)
    assert isinstance(named, it.CandidatesNamed)
    assert named.parents[0].host_id == SEED
    await session.aclose("abandoned")


async def test_a_priority_that_forbids_the_download_is_the_last_word(channels: Channels) -> None:
    async with scheduler() as running:
        address = f"127.0.0.1:{running.grpc.port}"
        client = SchedulerClient([address], channels, NODE)
        await announce(client, address, NODE, seed=False)
        for priority, error in ((1, Denied), (2, NotFound)):
            inbox = Inbox()
            spec = TaskSpec(f"http://origin.test/{priority}", priority=priority)
            session = client.session(spec, f"peer-{priority}", inbox.post)
            session.register(need_back_to_source=False)
            forbidden = await inbox.next(it.DownloadForbidden)
            assert isinstance(forbidden, it.DownloadForbidden)
            assert isinstance(forbidden.error, error)
            assert f"LEVEL{priority}" in str(forbidden.error)
            await session.aclose("failed")
        assert client.choose(SPEC.task_id) == address


async def test_a_conversation_that_the_scheduler_ended_leaves_nothing_behind(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_session, "REFUSED_RETRY_S", 0.01)
    async with scheduler() as running:
        address = f"127.0.0.1:{running.grpc.port}"
        client = SchedulerClient([address], channels, NODE)
        await announce(client, address, NODE, seed=False)
        inbox = Inbox()
        spec = TaskSpec("http://origin.test/f", priority=1)
        session = client.session(spec, "peer", inbox.post)
        session.register(need_back_to_source=False)
        for _ in range(5):
            await inbox.next(it.DownloadForbidden)
        readers = [t for t in asyncio.all_tasks() if "_consume_request" in repr(t.get_coro())]
        assert len(readers) <= 2
        await session.aclose("failed")


async def test_a_download_whose_scheduler_hangs_up_first_registers_again(
    channels: Channels,
) -> None:
    async with scheduler() as running:
        address = f"127.0.0.1:{running.grpc.port}"
        client = SchedulerClient([address], channels, NODE)
        await announce(client, address, NODE, seed=False)
        await announce(client, address, SEED, seed=True)
        inbox = Inbox()
        session = client.session(SPEC, "node-peer", inbox.post)
        session.register(need_back_to_source=False)
        assert await inbox.next(it.CandidatesNamed)
        running.shell._streams["node-peer"].end()
        assert await inbox.next(it.CandidatesNamed)
        await session.aclose("failed")


async def test_without_any_scheduler_a_download_is_told_so(channels: Channels) -> None:
    inbox = Inbox()
    session = SchedulerClient([], channels, NODE).session(SPEC, "node-peer", inbox.post)
    session.register(need_back_to_source=False)
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
    async with scheduler() as running, hung:
        address = f"127.0.0.1:{running.grpc.port}"
        client = SchedulerClient([silent, address], channels, NODE)
        await announce(client, address, NODE, seed=False)
        specs = (TaskSpec(f"http://origin.test/{number}") for number in range(1000))
        spec = next(spec for spec in specs if client.choose(spec.task_id) == silent)
        inbox = Inbox()
        session = client.session(spec, "node-peer", inbox.post)
        session.register(need_back_to_source=False)
        await inbox.next(it.OriginGranted)
        assert client.choose(spec.task_id) == address
        await session.aclose("succeeded")
        for writer in held:
            writer.close()
            await writer.wait_closed()


async def test_a_last_word_that_nobody_heard_is_said_with_the_list_of_blobs(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_session, "LAST_WORD_S", 0.1)
    client = SchedulerClient(["127.0.0.1:9"], channels, NODE)
    session = client.session(SPEC, "node-peer", Inbox().post)
    session.register(need_back_to_source=False)
    asked: list[str] = []
    monkeypatch.setattr(client, "list_anew", lambda: asked.append("anew"))
    await session.aclose("abandoned")
    assert asked == []
    session = client.session(SPEC, "node-peer", Inbox().post)
    session.register(need_back_to_source=False)
    await session.aclose("succeeded")
    assert asked == ["anew"]
