"""Our node takes whole pieces from plain Dragonfly daemons that our scheduler names."""

from __future__ import annotations

import asyncio
import os

import grpc
import pytest

from dfinfra.pb import common_pb2
from tests.e2e.secrets import READER
from tests.interop.bed import MIB, Bed, download, failure, tool
from tests.interop.daemon import PlainDaemon, task_id_of

pytestmark = pytest.mark.cluster
# No seed: what a node gets comes from a plain peer, or from the origin.
OPTIONS = {"nodes": 2, "seeds": 0}


def plain_daemon(bed: Bed, name: str) -> PlainDaemon:
    return PlainDaemon(bed.swarm.scheduler.address, name)


async def fetched(bed: Bed, daemon: PlainDaemon, url: str, size_bytes: int) -> None:
    """The plain daemon has got the URL from the origin, and told the scheduler so."""
    wanted = common_pb2.Download(url=url)
    story = await daemon.download(task_id_of(wanted), wanted, size_bytes)
    assert story.answers == ["need_back_to_source_response"]
    assert story.parent_hosts == {"origin"}


async def test_every_piece_comes_from_the_plain_peer(watched: Bed) -> None:
    file = watched.plain(21 * MIB)
    async with plain_daemon(watched, "holder") as parent, tool(watched.node) as stub:
        await fetched(watched, parent, file.url, file.size_bytes)
        before = watched.origin_bytes(file)
        got = await download(stub, url=file.url, need_piece_content=True)
        assert (got.task_id, got.sha256) == (file.task_id, file.sha256)
        assert parent.vortex.served == 6
    # Of the origin only size and validator were asked.
    assert watched.origin_bytes(file) - before <= 16


async def test_pieces_are_taken_while_the_plain_peer_still_fetches(watched: Bed) -> None:
    file = watched.plain(20 * MIB)
    watched.standin.fault("throttle", on=["plain"], object=file.name, bytes_per_s=8 * MIB)
    wanted = common_pb2.Download(url=file.url)
    async with plain_daemon(watched, "fetching") as parent, tool(watched.node) as stub:
        async with asyncio.TaskGroup() as group:
            story = group.create_task(parent.download(task_id_of(wanted), wanted, file.size_bytes))
            await parent.first_piece.wait()
            got = await download(stub, url=file.url, need_piece_content=True)
        assert not story.result().held.missing
    watched.standin.call("post", "clear-faults")
    assert got.sha256 == file.sha256
    assert watched.origin_bytes(file) <= file.size_bytes + 64


async def test_two_nodes_share_what_a_plain_peer_holds(watched: Bed) -> None:
    file = watched.plain(40 * MIB)
    async with plain_daemon(watched, "shared") as parent:
        await fetched(watched, parent, file.url, file.size_bytes)
        async with tool(watched.node) as one, tool(watched.swarm.nodes[1]) as two:
            async with asyncio.TaskGroup() as group:
                jobs = [
                    group.create_task(download(stub, url=file.url, need_piece_content=True))
                    for stub in (one, two)
                ]
    assert {job.result().sha256 for job in jobs} == {file.sha256}
    assert watched.origin_bytes(file) <= file.size_bytes + 64


async def test_another_piece_length(watched: Bed) -> None:
    file = watched.plain(21 * MIB)
    wanted = common_pb2.Download(url=file.url, piece_length=8 * MIB)
    async with plain_daemon(watched, "large-pieces") as parent, tool(watched.node) as stub:
        await parent.download(task_id_of(wanted), wanted, file.size_bytes)
        got = await download(stub, url=file.url, piece_length=8 * MIB, need_piece_content=True)
        assert got.sha256 == file.sha256
        assert parent.vortex.served == 3


async def test_a_range_takes_its_pieces_only(watched: Bed) -> None:
    file = watched.plain(21 * MIB)
    asked = common_pb2.Range(start=9 * MIB, length=10)
    async with plain_daemon(watched, "part") as parent, tool(watched.node) as stub:
        await fetched(watched, parent, file.url, file.size_bytes)
        got = await download(stub, url=file.url, range=asked, need_piece_content=True)
        held = parent.tasks[file.task_id]
        assert [piece.content for piece in got.pieces] == [held.pieces[2]]
        assert parent.vortex.served == 1


@pytest.mark.parametrize("what", ["length", "nothing"])
async def test_a_parent_whose_pieces_cannot_be_had_is_left(watched: Bed, what: str) -> None:
    file = watched.plain(13 * MIB)
    async with plain_daemon(watched, f"bad-{what}") as parent, tool(watched.node) as stub:
        await fetched(watched, parent, file.url, file.size_bytes)
        held = parent.tasks[file.task_id]
        if what == "length":
            held.pieces[1] = held.pieces[1][:-1]
        else:
            parent.vortex.find_nothing = True
        got = await download(stub, url=file.url, need_piece_content=True)
        assert got.sha256 == file.sha256


async def test_a_parent_that_lies_deceives_nobody_who_knows_the_digest(watched: Bed) -> None:
    """The crc32 of a lie is the lie's own: only the digest of the whole can tell."""
    file = watched.plain(13 * MIB)
    wanted = {"url": file.url, "digest": f"sha256:{file.sha256}"}
    async with plain_daemon(watched, "liar") as parent, tool(watched.node) as stub:
        await fetched(watched, parent, file.url, file.size_bytes)
        held = parent.tasks[file.task_id]
        held.pieces[1] = os.urandom(len(held.pieces[1]))
        error = await failure(download(stub, **wanted, need_piece_content=True))
        assert error.code() is grpc.StatusCode.DATA_LOSS
        got = await download(stub, **wanted, need_piece_content=True)
        assert got.sha256 == file.sha256


async def test_restricted_content_is_not_asked_of_a_plain_peer(watched: Bed) -> None:
    file = watched.plain(5 * MIB)
    async with plain_daemon(watched, "unasked") as parent, tool(watched.node) as stub:
        await fetched(watched, parent, file.url, file.size_bytes)
        headers = {"Authorization": f"Bearer {READER}"}
        got = await download(stub, url=file.url, request_header=headers, need_piece_content=True)
        assert got.sha256 == file.sha256
        assert parent.vortex.served == 0


async def test_a_plain_seed_is_triggered_for_our_nodes(watched: Bed) -> None:
    file = watched.plain(21 * MIB)
    url = f"{file.url}?version=3"
    async with (
        PlainDaemon(watched.swarm.scheduler.address, "their-seed", seed=True) as seed,
        tool(watched.node) as one,
        tool(watched.swarm.nodes[1]) as two,
    ):
        async with asyncio.TaskGroup() as group:
            jobs = [
                group.create_task(download(stub, url=url, need_piece_content=True))
                for stub in (one, two)
            ]
        assert {job.result().sha256 for job in jobs} == {file.sha256}
        assert [wanted.url for wanted in seed.triggered] == [url]
        assert set(seed.tasks) == {jobs[0].result().task_id}
    assert watched.origin_bytes(file) <= file.size_bytes + 64
