"""Plain Dragonfly daemons in the message order of their client (resource/task.rs)."""

from __future__ import annotations

import asyncio

import grpc

from dfinfra.pb import common_pb2, scheduler_pb2
from tests.component.scheduler.bed import PATIENCE_S, TASK, Bed, Conversation, Daemon, bed

URL = "https://user:pw@example.com/blob?sig=s3cret&v=1"
HEADERS = {"X-Trace": "abc"}


async def seed_begins(seed: Daemon) -> Conversation:
    """The seed does what it was triggered to: register, be granted, start."""
    talk = seed.converse(peer_id="seed-peer")
    await talk.register(url="https://example.com/blob", need_back_to_source=True)
    await talk.may_go_to_the_origin()
    await talk.started(at_origin=True)
    return talk


async def first_download(swarm: Bed, seed: Daemon) -> Conversation:
    node = await swarm.daemon("a", own=False)
    talk = node.converse()
    await talk.register(url="https://example.com/blob?v=1&part=s3cret", request_header=HEADERS)
    async with asyncio.timeout(PATIENCE_S):
        wish = await seed.uploads.triggered.get()
    assert wish.need_back_to_source
    assert not wish.request_header
    assert wish.url == "https://example.com/blob?v=1&part=s3cret"
    return talk


async def test_a_download_from_register_to_finish() -> None:
    async with bed() as swarm:
        seed = await swarm.daemon("seed", seed=True, own=False)
        talk = await first_download(swarm, seed)
        at_seed = await seed_begins(seed)
        assert [parent.id for parent in await talk.parents()] == ["seed-peer"]
        await talk.started()
        await at_seed.piece(0, at_origin=True)
        await talk.piece(0, "seed-peer")
        await at_seed.finished(at_origin=True)
        assert await at_seed.ended() is grpc.StatusCode.OK
        await talk.finished()
        assert await talk.ended() is grpc.StatusCode.OK

        late = await swarm.daemon("b", own=False)
        second = late.converse()
        await second.register()
        assert await second.parent_hosts() == {seed.host.id, "127.0.0.1-a"}
        seed.uploads.answer.set()


async def test_a_peer_without_the_missing_pieces_reschedules() -> None:
    async with bed() as swarm:
        seed = await swarm.daemon("seed", seed=True, own=False)
        talk = await first_download(swarm, seed)
        await seed_begins(seed)
        await talk.parents()
        await talk.finished()
        await talk.ended()
        late = await swarm.daemon("b", own=False)
        second = late.converse()
        await second.register()
        assert len(await second.parents()) == 2
        await second.started()
        await second.reschedule("127.0.0.1-a-peer")
        assert await second.parent_hosts() == {seed.host.id}
        seed.uploads.answer.set()


async def test_back_to_source_without_a_seed() -> None:
    async with bed() as swarm:
        node, other = await swarm.daemon("a", own=False), await swarm.daemon("b", own=False)
        talk, second = node.converse(), other.converse()
        await talk.register()
        await talk.may_go_to_the_origin()
        await second.register()
        await talk.started(at_origin=True)
        assert await second.parent_hosts() == {node.host.id}
        await talk.piece(0, at_origin=True)
        await talk.finished(at_origin=True)
        assert await talk.ended() is grpc.StatusCode.OK


async def test_a_seed_that_refuses_sends_the_peer_to_the_origin() -> None:
    async with bed() as swarm:
        seed = await swarm.daemon("seed", seed=True, own=False)
        seed.uploads.refuses = True
        node = await swarm.daemon("a", own=False)
        talk = node.converse()
        await talk.register()
        await talk.may_go_to_the_origin()


async def test_an_own_seed_serves_a_plain_peer_that_has_it_fetch() -> None:
    async with bed() as swarm:
        seed = await swarm.daemon("seed", seed=True)
        talk = await first_download(swarm, seed)
        seed.uploads.answer.set()
        assert await talk.parent_hosts() == {seed.host.id}


async def test_credentials_reach_neither_seed_nor_state() -> None:
    async with bed() as swarm:
        seed = await swarm.daemon("seed", seed=True, own=False)
        node = await swarm.daemon("a", own=False)
        talk = node.converse()
        await talk.register(url=URL, request_header={"Authorization": "Bearer hf_secrettoken1"})
        await talk.may_go_to_the_origin()
        assert seed.uploads.triggered.empty()
        stat = scheduler_pb2.StatTaskRequest(host_id=node.host.id, task_id=TASK)
        task = await node.scheduler.StatTask(stat)
        assert task.url == "https://example.com/blob"
        assert not task.request_header


async def test_the_query_is_forgotten_when_the_peer_is_answered() -> None:
    async with bed() as swarm:
        seed = await swarm.daemon("seed", seed=True, own=False)
        talk = await first_download(swarm, seed)
        await seed_begins(seed)
        (parent,) = await talk.parents()
        assert parent.task.url == "https://example.com/blob"
        downloads = [stream.download for stream in swarm.app.shell._streams.values()]
        assert downloads == [None] * len(downloads)
        seed.uploads.answer.set()


async def test_empty_and_metadata_only() -> None:
    async with bed() as swarm:
        node = await swarm.daemon("a", own=False)
        empty, only = node.converse(peer_id="p1"), node.converse("cd" * 32, "p2")
        await empty.register(actual_content_length=0)
        assert (await empty.hear()).WhichOneof("response") == "empty_task_response"
        await only.register(metadata_only=True)
        assert (await only.hear()).WhichOneof("response") == "metadata_only_response"


async def test_a_plain_host_that_deleted_a_task_takes_only_its_own_record_away() -> None:
    async with bed() as swarm:
        nodes = [await swarm.daemon(name, own=False) for name in "ab"]
        for node in nodes:
            await node.announce_blobs(TASK)
        request = scheduler_pb2.DeleteTaskRequest(host_id=nodes[0].host.id, task_id=TASK)
        await nodes[0].scheduler.DeleteTask(request)
        assert not nodes[1].uploads.deleted
        stat = scheduler_pb2.StatTaskRequest(host_id=nodes[0].host.id, task_id=TASK)
        task: common_pb2.Task = await nodes[0].scheduler.StatTask(stat)
        assert task.peer_count == 1
