"""Our seed and nodes under a scheduler that behaves like Dragonfly's own, without our extension."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dfinfra.pb import common_pb2
from tests.conftest import _SWARMS
from tests.e2e.secrets import READER
from tests.interop.bed import MIB, Bed, download, started, tool
from tests.interop.daemon import PlainDaemon, task_id_of
from tests.interop.go_scheduler import GoScheduler

pytestmark = pytest.mark.cluster
BRIEF = {"hub": {"refTtl": "0.1s"}}


@asynccontextmanager
async def cluster(
    request: pytest.FixtureRequest, folder: Path, *, seeds: int = 1, nodes: int = 2, **rules: Any
) -> AsyncIterator[tuple[Bed, GoScheduler]]:
    """A scheduler, and our hosts that know no other."""
    async with GoScheduler(**rules) as scheduler:
        theirs = {"scheduler": {"addrs": [scheduler.address]}, **BRIEF}
        options = {"schedulers": 0, "seeds": seeds, "nodes": nodes, "node": theirs, "seed": theirs}
        opened = started(folder, **options)
        bed = await asyncio.to_thread(opened.__enter__)
        request.node.stash.setdefault(_SWARMS, []).append(bed.swarm)
        try:
            await scheduler.hosts_are(seeds + nodes)
            yield bed, scheduler
        finally:
            await asyncio.to_thread(opened.__exit__, None, None, None)
        assert scheduler.complaints == []


def figures(bed: Bed, index: int = 0) -> Any:
    return bed.swarm.nodes[index].figures().traffic


@pytest.mark.parametrize("keeps_build", [True, False], ids=["knows us", "names us as any host"])
async def test_our_seed_is_triggered_and_feeds_our_nodes(
    request: pytest.FixtureRequest, tmp_path: Path, keeps_build: bool
) -> None:
    async with cluster(request, tmp_path, keeps_build=keeps_build) as (bed, scheduler):
        file = bed.plain(21 * MIB)
        async with tool(bed.node) as one, tool(bed.swarm.nodes[1]) as two:
            got = await download(one, url=file.url, need_piece_content=True)
            assert (got.sha256, got.task_id) == (file.sha256, file.task_id)
            again = await download(two, url=file.url, need_piece_content=True)
            assert again.sha256 == file.sha256
        assert scheduler.triggers == [f"127.0.0.1-{bed.seed.name}-seed"]
        assert bed.origin_bytes(file) <= file.size_bytes + 64
        traffic = await asyncio.to_thread(figures, bed)
        assert traffic.origin == 0
        assert traffic.total == file.size_bytes
        await scheduler.all_succeeded(file.task_id)
        # Each piece is told to be its parent's work, which is how load is measured.
        told = [m.download_piece_finished_request.piece.parent_id for m in scheduler.heard]
        assert {parent for parent in told if parent} <= scheduler.tasks[file.task_id].peers.keys()
        assert len([parent for parent in told if parent]) == 12


async def test_a_seed_that_holds_the_task_says_so(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    async with cluster(request, tmp_path) as (bed, scheduler):
        file = bed.plain(9 * MIB)
        async with tool(bed.node) as one, tool(bed.swarm.nodes[1]) as two:
            await download(one, url=file.url)
            await scheduler.all_succeeded(file.task_id)
            scheduler.forget_tasks()
            got = await download(two, url=file.url, need_piece_content=True)
        assert got.sha256 == file.sha256
        assert len(scheduler.triggers) == 2
        assert bed.origin_bytes(file) <= file.size_bytes + 64


async def test_restricted_content_stays_among_our_hosts(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    async with cluster(request, tmp_path) as (bed, scheduler):
        _, file = bed.model(9 * MIB, private=True)
        token = common_pb2.HuggingFace(token=READER, revision="main")
        async with tool(bed.node) as one, tool(bed.swarm.nodes[1]) as two:
            for stub in (one, two):
                got = await download(
                    stub, url=file.url, hugging_face=token, need_piece_content=True
                )
                assert got.sha256 == file.sha256
        assert bed.origin_bytes(file) == file.size_bytes
        assert scheduler.heard == []


async def test_a_plain_seed_feeds_our_node(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    async with cluster(request, tmp_path, seeds=0) as (bed, scheduler):
        file = bed.plain(21 * MIB)
        async with PlainDaemon(scheduler.address, "theirs", seed=True) as seed:
            async with tool(bed.node) as stub:
                got = await download(stub, url=file.url, need_piece_content=True)
            assert (got.sha256, got.task_id) == (file.sha256, file.task_id)
            assert [task_id_of(wanted) for wanted in seed.triggered] == [file.task_id]
            assert seed.vortex.served == 6
        assert bed.origin_bytes(file) <= file.size_bytes + 64


async def test_plain_peers_and_our_nodes_share_one_task(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    async with cluster(request, tmp_path) as (bed, scheduler):
        file = bed.plain(40 * MIB)
        wanted = common_pb2.Download(url=file.url)
        async with (
            PlainDaemon(scheduler.address, "one") as one,
            PlainDaemon(scheduler.address, "two") as two,
            tool(bed.node) as stub,
            tool(bed.swarm.nodes[1]) as other,
            asyncio.TaskGroup() as group,
        ):
            stories = [
                group.create_task(
                    daemon.download(task_id_of(wanted), common_pb2.Download(url=file.url), 40 * MIB)
                )
                for daemon in (one, two)
            ]
            ours = [
                group.create_task(download(s, url=file.url, need_piece_content=True))
                for s in (stub, other)
            ]
        assert {story.result().held.sha256 for story in stories} == {file.sha256}
        assert {own.result().sha256 for own in ours} == {file.sha256}
        assert bed.origin_bytes(file) <= file.size_bytes + 128


async def test_without_a_seed_one_node_is_sent_to_the_origin(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    async with cluster(request, tmp_path, seeds=0) as (bed, scheduler):
        file = bed.plain(21 * MIB)
        async with tool(bed.node) as one, tool(bed.swarm.nodes[1]) as two:
            assert (
                await download(one, url=file.url, need_piece_content=True)
            ).sha256 == file.sha256
            got = await download(two, url=file.url, need_piece_content=True)
        assert got.sha256 == file.sha256
        assert bed.origin_bytes(file) <= file.size_bytes + 64
        await scheduler.all_succeeded(file.task_id)


async def test_a_parent_that_fails_is_given_up_in_the_schedulers_own_words(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    async with cluster(request, tmp_path, seeds=0, nodes=1) as (bed, scheduler):
        file = bed.plain(13 * MIB)
        wanted = common_pb2.Download(url=file.url)
        async with PlainDaemon(scheduler.address, "empty-handed") as parent:
            await parent.download(task_id_of(wanted), wanted, file.size_bytes)
            parent.vortex.find_nothing = True
            async with tool(bed.node) as stub:
                got = await download(stub, url=file.url, need_piece_content=True)
        assert got.sha256 == file.sha256
        kinds = [message.WhichOneof("request") for message in scheduler.heard]
        assert "reschedule_peer_request" in kinds


async def test_a_node_that_nobody_feeds_goes_to_the_origin_itself(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    rules = {"seeds": 0, "nodes": 1, "may_back_to_source": False}
    async with cluster(request, tmp_path, **rules) as (bed, _):
        file = bed.plain(9 * MIB)
        async with tool(bed.node) as stub:
            got = await download(stub, url=file.url, need_piece_content=True)
        assert got.sha256 == file.sha256


async def test_an_empty_file(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    async with cluster(request, tmp_path, nodes=1) as (bed, _):
        file = bed.plain(0)
        async with tool(bed.node) as stub:
            got = await download(stub, url=file.url, need_piece_content=True)
        assert (got.started.content_length, got.pieces) == (0, [])
