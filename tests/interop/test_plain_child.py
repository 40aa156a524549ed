"""Plain Dragonfly daemons join our scheduler and take every piece from our seed and nodes."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from dfinfra.pb import common_pb2
from dfinfra.pb import dfdaemon_pb2 as pb
from tests.e2e.secrets import READER
from tests.interop import vortex
from tests.interop.bed import MIB, Bed, download, failure, tool, upload
from tests.interop.daemon import PlainDaemon, Story, task_id_of

pytestmark = pytest.mark.cluster
BRIEF = {"hub": {"refTtl": "0.1s"}}
OPTIONS = {"nodes": 2, "node": BRIEF, "seed": BRIEF}


def plain_daemon(bed: Bed, name: str) -> PlainDaemon:
    return PlainDaemon(bed.swarm.scheduler.address, name)


def seed_id(bed: Bed) -> str:
    return f"127.0.0.1-{bed.seed.name}-seed"


async def take(daemon: PlainDaemon, size_bytes: int, **fields: object) -> Story:
    wanted = common_pb2.Download(**fields)
    return await daemon.download(task_id_of(wanted), wanted, size_bytes)


async def test_cold_every_piece_comes_from_the_seed(watched: Bed) -> None:
    file = watched.plain(21 * MIB)
    async with plain_daemon(watched, "cold") as child:
        story = await take(child, file.size_bytes, url=file.url)
    assert story.held.sha256 == file.sha256
    assert story.answers == ["normal_task_response"]
    assert story.parent_hosts == {seed_id(watched)}
    assert story.end is grpc.StatusCode.OK
    assert watched.origin_bytes(file) <= file.size_bytes + 16


async def test_several_at_once_cost_the_origin_one_copy(watched: Bed) -> None:
    file = watched.plain(21 * MIB)
    async with (
        plain_daemon(watched, "one") as one,
        plain_daemon(watched, "two") as two,
        tool(watched.node) as stub,
    ):
        async with asyncio.TaskGroup() as group:
            stories = [
                group.create_task(take(child, file.size_bytes, url=file.url))
                for child in (one, two)
            ]
            own = group.create_task(download(stub, url=file.url, need_piece_content=True))
    assert {story.result().held.sha256 for story in stories} == {file.sha256}
    assert (own.result().sha256, own.result().task_id) == (file.sha256, file.task_id)
    assert watched.origin_bytes(file) <= file.size_bytes + 64


async def test_pieces_are_had_while_the_seed_still_fetches(watched: Bed) -> None:
    file = watched.plain(16 * MIB)
    watched.standin.fault("throttle", on=["plain"], object=file.name, bytes_per_s=8 * MIB)
    async with plain_daemon(watched, "early") as child:
        async with asyncio.TaskGroup() as group, upload(watched.seed) as seed:
            story = group.create_task(take(child, file.size_bytes, url=file.url))
            await child.first_piece.wait()
            stat = await seed.StatLocalTask(pb.StatLocalTaskRequest(task_id=file.task_id))
            assert not stat.HasField("finished_at")
    watched.standin.call("post", "clear-faults")
    assert story.result().held.sha256 == file.sha256


async def test_nodes_are_parents_as_well(watched: Bed) -> None:
    file = watched.plain(21 * MIB)
    async with tool(watched.node) as stub:
        await download(stub, url=file.url)
    async with plain_daemon(watched, "late") as child:
        story = await take(child, file.size_bytes, url=file.url)
        assert story.held.sha256 == file.sha256
        assert {seed_id(watched), f"127.0.0.1-{watched.node.name}"} <= story.offered
        # And each of them has every piece.
        for host in (watched.seed, watched.node):
            for number in range(6):
                piece = await vortex.fetch(*host.vortex_address, file.task_id, number)
                assert piece.content == story.held.pieces[number]


@pytest.mark.parametrize("options", [{"piece_length": 8 * MIB}, {"tag": "t", "application": "a"}])
async def test_what_enters_the_id_is_honoured(watched: Bed, options: dict[str, object]) -> None:
    file = watched.plain(21 * MIB)
    async with plain_daemon(watched, "options") as child:
        story = await take(child, file.size_bytes, url=file.url, **options)
    assert story.held.sha256 == file.sha256
    assert story.parent_hosts == {seed_id(watched)}


async def test_a_query_that_names_the_content_reaches_the_origin(watched: Bed) -> None:
    file = watched.plain(5 * MIB)
    wanted = common_pb2.Download(url=f"{file.url}?version=2")
    async with plain_daemon(watched, "query") as child:
        story = await child.download(task_id_of(wanted), wanted, file.size_bytes)
    assert story.held.sha256 == file.sha256
    targets = [request["target"] for request in watched.standin.call("get", "requests")]
    assert any(target.endswith("?version=2") for target in targets)


async def test_a_hub_url_is_fetched_from_the_hub(watched: Bed) -> None:
    _, file = watched.model(9 * MIB)
    hub = common_pb2.HuggingFace(revision="main")
    async with plain_daemon(watched, "hub") as child:
        story = await take(child, file.size_bytes, url=file.url, hugging_face=hub)
        assert story.held.sha256 == file.sha256
        # Another name of what is held already costs the origin nothing.
        again = await take(child, file.size_bytes, url=file.url, hugging_face=hub, tag="other")
    assert again.held.sha256 == file.sha256
    assert again.parent_hosts == {seed_id(watched)}
    assert watched.origin_bytes(file) == file.size_bytes


@pytest.mark.parametrize("plain_first", [True, False])
async def test_a_hub_file_that_both_kinds_read_is_fetched_once(
    watched: Bed, plain_first: bool
) -> None:
    """Plain daemons name it by its URL, our nodes by its digest."""
    _, file = watched.model(9 * MIB)
    hub = common_pb2.HuggingFace(revision="main")

    async def plain() -> None:
        async with plain_daemon(watched, f"both-{plain_first}") as child:
            story = await take(child, file.size_bytes, url=file.url, hugging_face=hub)
        assert story.held.sha256 == file.sha256

    async def ours() -> None:
        async with tool(watched.node) as stub:
            got = await download(stub, url=file.url, need_piece_content=True)
        assert got.sha256 == file.sha256

    for read in (plain, ours) if plain_first else (ours, plain):
        await read()
    assert watched.origin_bytes(file) == file.size_bytes


async def test_restricted_blobs_do_not_leave_in_the_clear(watched: Bed) -> None:
    _, file = watched.model(5 * MIB, private=True)
    token = common_pb2.HuggingFace(token=READER, revision="main")
    async with tool(watched.node) as stub:
        got = await download(stub, url=file.url, hugging_face=token)
    asked = pb.SyncPiecesRequest(
        host_id="127.0.0.1-curious", task_id=got.task_id, interested_piece_numbers=[0, 1]
    )
    for host in (watched.seed, watched.node):
        async with upload(host) as stub:
            for call in (
                stub.SyncPieces(asked).read(),
                stub.StatTask(pb.StatTaskRequest(task_id=got.task_id)),
                stub.StatLocalTask(pb.StatLocalTaskRequest(task_id=got.task_id)),
            ):
                assert (await failure(call)).code() is grpc.StatusCode.PERMISSION_DENIED
        with pytest.raises(vortex.Refused):
            await vortex.fetch(*host.vortex_address, got.task_id, 0)


async def test_credentials_of_a_plain_child_stay_with_it(watched: Bed) -> None:
    """It goes to the origin itself: its token goes to no seed on the scheduler's word."""
    file = watched.plain(5 * MIB)
    async with plain_daemon(watched, "secret") as child:
        headers = {"Authorization": f"Bearer {READER}"}
        story = await take(child, file.size_bytes, url=file.url, request_header=headers)
    assert story.answers == ["need_back_to_source_response"]
    assert story.held.sha256 == file.sha256


async def test_changed_content_is_fetched_anew(watched: Bed) -> None:
    old = watched.plain(9 * MIB, name="changing-for-plain")
    async with plain_daemon(watched, "first") as child:
        story = await take(child, old.size_bytes, url=old.url)
        assert story.held.sha256 == old.sha256
    new = watched.plain(9 * MIB, name="changing-for-plain")
    await asyncio.sleep(0.2)  # what the origin said is believed for so long
    async with upload(watched.seed) as seed:
        # The trigger of a scheduler that does not know the task.
        got = await download(seed, url=old.url, need_back_to_source=True)
    assert got.task_id == old.task_id
    async with plain_daemon(watched, "second") as child:
        story = await take(child, new.size_bytes, url=new.url)
    assert story.held.sha256 == new.sha256
