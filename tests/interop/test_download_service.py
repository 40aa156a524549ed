"""`dfdaemon.v2.DfdaemonDownload` of a node, as dfget, dfctl and other tools use it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2

from dfinfra.pb import common_pb2, scheduler_pb2
from dfinfra.pb import dfdaemon_pb2 as pb
from tests.e2e.secrets import READER
from tests.interop.bed import MIB, Bed, download, failure, scheduler, tool, upload

pytestmark = pytest.mark.cluster
# What an origin says is believed for a moment only, so that no test waits for it to be asked anew.
BRIEF = {"hub": {"refTtl": "0.1s"}}
OPTIONS = {"nodes": 2, "node": BRIEF, "seed": BRIEF}


def outputs(bed: Bed) -> Path:
    return Path(bed.node.config["download"]["outputDirs"][0])


async def test_a_url_with_its_content(watched: Bed) -> None:
    file = watched.plain(9 * MIB)
    async with tool(watched.node) as stub:
        got = await download(stub, url=file.url, need_piece_content=True)
        assert (got.task_id, got.sha256) == (file.task_id, file.sha256)
        assert got.started.content_length == file.size_bytes
        assert not got.started.is_finished
        assert "etag" in {name.lower() for name in got.started.response_header}
        assert [(p.number, p.offset, p.length) for p in got.pieces] == [
            (0, 0, 4 * MIB),
            (1, 4 * MIB, 4 * MIB),
            (2, 8 * MIB, MIB),
        ]
        again = await download(stub, url=file.url)
        assert again.started.is_finished
        assert [piece.traffic_type for piece in again.pieces] == [common_pb2.LOCAL_PEER] * 3
        assert not again.content
    assert watched.origin_bytes(file) <= file.size_bytes + 16


async def test_a_range_brings_the_pieces_that_hold_it_and_no_others(watched: Bed) -> None:
    file = watched.plain(40 * MIB)
    asked = common_pb2.Range(start=5 * MIB, length=MIB)
    async with tool(watched.node) as stub:
        got = await download(stub, url=file.url, range=asked, need_piece_content=True)
        assert [piece.number for piece in got.pieces] == [1]
        assert (got.started.range.start, got.started.range.length) == (5 * MIB, MIB)
        assert watched.origin_bytes(file) <= 4 * MIB + 16
        by_header = await download(
            stub,
            url=file.url,
            request_header={"Range": "bytes=5242880-6291455"},
            need_piece_content=True,
        )
        assert by_header.content == got.content
        tail = await download(
            stub, url=file.url, request_header={"Range": "bytes=-10"}, need_piece_content=True
        )
        assert [piece.number for piece in tail.pieces] == [9]
        past = common_pb2.Range(start=50 * MIB, length=1)
        error = await failure(download(stub, url=file.url, range=past))
        assert error.code() is grpc.StatusCode.OUT_OF_RANGE
        assert len((await download(stub, url=file.url)).pieces) == 10


async def test_a_prefetched_range_brings_the_rest_as_well(watched: Bed) -> None:
    file = watched.plain(12 * MIB)
    async with tool(watched.node) as stub:
        asked = common_pb2.Range(start=0, length=1)
        got = await download(stub, url=file.url, range=asked, prefetch=True)
        while True:
            stat = await stub.StatLocalTask(pb.StatLocalTaskRequest(task_id=got.task_id))
            if stat.HasField("finished_at"):
                break


async def test_output_path(watched: Bed, tmp_path: Path) -> None:
    file = watched.plain(5 * MIB)
    path = outputs(watched) / "deep" / "file.bin"
    async with tool(watched.node) as stub:
        await download(stub, url=file.url, output_path=str(path), force_hard_link=True)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
        assert path.stat().st_nlink > 1
        error = await failure(download(stub, url=file.url, output_path=str(path)))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        await download(stub, url=file.url, output_path=str(path), overwrite=True)
        for bad in (tmp_path / "file", outputs(watched) / ".." / "escaped"):
            error = await failure(download(stub, url=file.url, output_path=str(bad)))
            assert error.code() is grpc.StatusCode.PERMISSION_DENIED
        (outputs(watched) / "link").symlink_to(tmp_path)
        through_link = outputs(watched) / "link" / "file"
        error = await failure(download(stub, url=file.url, output_path=str(through_link)))
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert not list(tmp_path.iterdir())


async def test_an_empty_file(watched: Bed) -> None:
    file = watched.plain(0)
    async with tool(watched.node) as stub:
        got = await download(stub, url=file.url, need_piece_content=True)
    assert (got.started.content_length, got.pieces, got.task_id) == (0, [], file.task_id)


async def test_changed_content_is_never_served_as_it_was(watched: Bed) -> None:
    old = watched.plain(5 * MIB, name="changing")
    asked = {"url": old.url, "need_piece_content": True}
    async with tool(watched.node) as stub:
        assert (await download(stub, **asked)).sha256 == old.sha256
        new = watched.plain(5 * MIB, name="changing")
        while (got := await download(stub, **asked)).sha256 == old.sha256:
            pass
        assert (got.sha256, got.task_id) == (new.sha256, old.task_id)


async def test_a_digest_is_checked_whatever_is_held(watched: Bed) -> None:
    file, other = watched.plain(5 * MIB), watched.plain(5 * MIB)
    async with tool(watched.node) as stub:
        await download(stub, url=file.url)
        await download(stub, url=file.url, digest=f"sha256:{file.sha256}")
        wrong = download(stub, url=file.url, digest=f"sha256:{other.sha256}")
        assert (await failure(wrong)).code() is grpc.StatusCode.DATA_LOSS
        # The name of a digest is not to be had for other content.
        name = f"sha256:{other.sha256}"
        claimed = download(stub, url=file.url, content_for_calculating_task_id=name)
        assert (await failure(claimed)).code() is grpc.StatusCode.DATA_LOSS
        # Nor are the names that a node gives by itself, to what a right or a registry vouches for.
        for name in ('restricted ["http://x/y"]', f"registry.example sha256:{other.sha256}"):
            claimed = download(stub, url=file.url, content_for_calculating_task_id=name)
            assert (await failure(claimed)).code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_hub_url_goes_by_the_digest(watched: Bed) -> None:
    _, file = watched.model(6 * MIB)
    async with tool(watched.node) as stub:
        got = await download(stub, url=file.url, need_piece_content=True)
    assert got.sha256 == file.sha256
    assert got.task_id == hashlib.sha256(f"sha256:{file.sha256}".encode()).hexdigest()


async def test_a_private_file_needs_its_token_every_time(watched: Bed) -> None:
    _, file = watched.model(5 * MIB, private=True)
    token = common_pb2.HuggingFace(token=READER, revision="main")
    async with tool(watched.node) as stub, upload(watched.node) as over_tcp:
        before = await failure(download(stub, url=file.url))
        assert before.code() is grpc.StatusCode.INTERNAL  # with the Hub's own answer
        got = await download(stub, url=file.url, hugging_face=token, need_piece_content=True)
        assert got.sha256 == file.sha256
        assert (await failure(download(stub, url=file.url))).code() is grpc.StatusCode.INTERNAL
        # Nor by the name under which it is held, over whatever URL.
        other = watched.plain(5 * MIB)
        name = f"sha256:{file.sha256}"
        guess = download(stub, url=other.url, content_for_calculating_task_id=name)
        assert (await failure(guess)).code() is grpc.StatusCode.PERMISSION_DENIED
        asked = {"url": file.url, "hugging_face": token, "need_piece_content": True}
        error = await failure(download(over_tcp, **asked))
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_stat_list_and_delete(watched: Bed) -> None:
    file = watched.plain(9 * MIB)
    async with tool(watched.node) as stub, upload(watched.swarm.nodes[1]) as other:
        await download(stub, url=file.url)
        question = pb.StatLocalTaskRequest(task_id=file.task_id)
        stat = await stub.StatLocalTask(question)
        assert (stat.task_id, stat.content_length) == (file.task_id, file.size_bytes)
        assert stat.piece_length == 4 * MIB
        assert stat.HasField("finished_at")
        assert "etag" in {name.lower() for name in stat.response_header}
        listed = await stub.ListLocalTasks(pb.ListLocalTasksRequest())
        assert file.task_id in {task.task_id for task in listed.tasks}
        known = await stub.StatTask(pb.StatTaskRequest(task_id=file.task_id))
        assert (known.id, known.content_length) == (file.task_id, file.size_bytes)
        await stub.DeleteLocalTask(pb.DeleteLocalTaskRequest(task_id=file.task_id))
        assert (await failure(stub.StatLocalTask(question))).code() is grpc.StatusCode.NOT_FOUND
        async with upload(watched.seed) as seed:
            assert (await seed.StatTask(pb.StatTaskRequest(task_id=file.task_id))).piece_count == 3
            await stub.DeleteTask(pb.DeleteTaskRequest(task_id=file.task_id))
            gone = seed.StatTask(pb.StatTaskRequest(task_id=file.task_id))
            assert (await failure(gone)).code() is grpc.StatusCode.NOT_FOUND
        nowhere = other.DeleteTask(pb.DeleteTaskRequest(task_id=file.task_id))
        assert (await failure(nowhere)).code() is grpc.StatusCode.NOT_FOUND


async def test_entries_of_urls_and_repositories(watched: Bed) -> None:
    file = watched.plain(5 * MIB)
    repo, model = watched.model(MIB)
    private, _ = watched.model(MIB, private=True)
    hub = common_pb2.HuggingFace(revision="main")

    async with tool(watched.node) as stub, upload(watched.node) as over_tcp:

        async def entries(url: str, **fields: object) -> pb.ListTaskEntriesResponse:
            request = pb.ListTaskEntriesRequest(url=url, **fields)
            answer: pb.ListTaskEntriesResponse = await stub.ListTaskEntries(request)
            same = await over_tcp.ListTaskEntries(request)
            assert (same.status_code, same.entries) == (answer.status_code, answer.entries)
            return answer

        one = await entries(file.url)
        assert (one.status_code, one.content_length) == (200, file.size_bytes)
        assert one.response_header["etag"]
        none = await entries(f"{file.url}-not-there")
        assert (none.status_code, len(none.entries)) == (404, 0)
        whole = await entries(f"hf://{repo}", hugging_face=hub)
        found = {entry.url: entry.content_length for entry in whole.entries}
        assert found == {
            f"hf://{repo}/config.json": 2,
            f"hf://{repo}/sub/vocab.txt": 6,
            f"hf://{repo}/model.safetensors": MIB,
        }
        below = await entries(f"hf://{repo}/sub", hugging_face=hub)
        assert [entry.url for entry in below.entries] == [f"hf://{repo}/sub/vocab.txt"]
        weights = await entries(model.url, hugging_face=hub)
        assert (weights.content_length, len(weights.entries)) == (MIB, 0)
        assert weights.response_header["x-linked-etag"] == f'"{model.sha256}"'
        assert (await entries(f"hf://{private}", hugging_face=hub)).status_code in (401, 404)
        reader = common_pb2.HuggingFace(token=READER, revision="main")
        assert len((await entries(f"hf://{private}", hugging_face=reader)).entries) == 3
        bad = stub.ListTaskEntries(pb.ListTaskEntriesRequest(url="gopher://x/y"))
        assert (await failure(bad)).code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_host_leaves_when_told(watched: Bed) -> None:
    node = watched.swarm.nodes[1]
    async with tool(node) as stub, scheduler(watched.swarm.scheduler.address) as asked:
        await stub.DeleteHost(empty_pb2.Empty())
        hosts = await asked.ListHosts(scheduler_pb2.ListHostsRequest())
    assert f"127.0.0.1-{node.name}" not in {host.id for host in hosts.hosts}
