"""`dfdaemon.v2.DfdaemonUpload` of our hosts, as peers and schedulers use it."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import grpc
import pytest
from google.protobuf import duration_pb2, empty_pb2

from dfinfra.pb import common_pb2
from dfinfra.pb import dfdaemon_pb2 as pb
from tests.e2e.secrets import READER
from tests.interop.bed import MIB, Bed, download, failure, tool, upload
from tests.interop.daemon import task_id_of

pytestmark = pytest.mark.cluster
BRIEF = {"hub": {"refTtl": "0.1s"}}
OPTIONS = {"nodes": 1, "node": BRIEF, "seed": {**BRIEF, "download": {"linger": "0.1s"}}}

STANDARD = {
    "DownloadTask",
    "StatTask",
    "StatLocalTask",
    "ListLocalTasks",
    "ListTaskEntries",
    "DeleteTask",
    "DeleteLocalTask",
    "DeleteHost",
    "SyncPieces",
    "SyncHost",
}


@pytest.mark.parametrize("service", ["DfdaemonUpload", "DfdaemonDownload"])
async def test_other_families_of_tasks_are_not_served(watched: Bed, service: str) -> None:
    methods = pb.DESCRIPTOR.services_by_name[service].methods
    opened = upload(watched.node) if service == "DfdaemonUpload" else tool(watched.node)
    async with opened as stub:
        for method in methods:
            if method.name in STANDARD:
                continue
            call = getattr(stub, method.name)(_message(method.input_type.full_name))
            ended = call.read() if hasattr(call, "read") else call
            assert (await failure(ended)).code() is grpc.StatusCode.UNIMPLEMENTED, method.name


def _message(full_name: str) -> Any:
    if full_name == "google.protobuf.Empty":
        return empty_pb2.Empty()
    return getattr(pb, full_name.rpartition(".")[2])()


async def test_a_trigger_keeps_dragonflys_id(watched: Bed) -> None:
    file = watched.plain(5 * MIB)
    _, model = watched.model(5 * MIB)
    hub = common_pb2.HuggingFace(revision="main")
    page = f"{watched.standin.hub_url}/{model.name.replace('/model.s', '/resolve/main/model.s')}"
    async with upload(watched.seed) as seed:
        for wanted, sha256 in (
            (common_pb2.Download(url=file.url, tag="t"), file.sha256),
            (common_pb2.Download(url=model.url, hugging_face=hub), model.sha256),
            (common_pb2.Download(url=page, application="a"), model.sha256),
            (
                common_pb2.Download(url=file.url, content_for_calculating_task_id="mine"),
                file.sha256,
            ),
        ):
            fields = {descriptor.name: value for descriptor, value in wanted.ListFields()}
            got = await download(seed, need_back_to_source=True, need_piece_content=True, **fields)
            assert (got.task_id, got.sha256) == (task_id_of(wanted), sha256)
            assert got.peer_id.endswith("-seed")
            stat = await seed.StatTask(pb.StatTaskRequest(task_id=got.task_id))
            assert (stat.id, stat.piece_count, len(stat.pieces)) == (got.task_id, 2, 2)
    assert watched.origin_bytes(model) == model.size_bytes


async def test_a_trigger_with_credentials_makes_the_blob_restricted(watched: Bed) -> None:
    file = watched.plain(5 * MIB)
    async with upload(watched.seed) as seed:
        headers = {"Authorization": f"Bearer {READER}"}
        got = await download(seed, url=file.url, request_header=headers)
        stat = seed.StatTask(pb.StatTaskRequest(task_id=got.task_id))
        assert (await failure(stat)).code() is grpc.StatusCode.PERMISSION_DENIED


async def test_an_origin_that_refuses_is_quoted(watched: Bed) -> None:
    file = watched.plain(5 * MIB)
    async with upload(watched.seed) as seed:
        error = await failure(download(seed, url=f"{file.url}-gone"))
        assert error.code() is grpc.StatusCode.INTERNAL
        details = dict(error.trailing_metadata() or ())["grpc-status-details-bin"]
        assert b'"status_code":404' in details.replace(b" ", b"")
        for url in ("s3://bucket/key", "hf://org", "nonsense"):
            bad = download(seed, url=url)
            assert (await failure(bad)).code() is grpc.StatusCode.INVALID_ARGUMENT, url
        anywhere = download(seed, url=file.url, output_path="/tmp/x")
        assert (await failure(anywhere)).code() is grpc.StatusCode.PERMISSION_DENIED


async def test_sync_pieces_tells_what_is_asked_and_ends(watched: Bed) -> None:
    file = watched.plain(21 * MIB)
    async with upload(watched.seed) as seed:
        await download(seed, url=file.url)
        request = pb.SyncPiecesRequest(
            host_id="h", task_id=file.task_id, interested_piece_numbers=[5, 1, 99]
        )
        told = [piece async for piece in seed.SyncPieces(request)]
        assert [(piece.number, piece.offset, piece.length) for piece in told] == [
            (1, 4 * MIB, 4 * MIB),
            (5, 20 * MIB, MIB),
        ]
        assert {(piece.ip, piece.tcp_port) for piece in told} == {watched.seed.vortex_address}
        request.task_id = hashlib.sha256(b"nothing").hexdigest()
        missing = seed.SyncPieces(request).read()
        assert (await failure(missing)).code() is grpc.StatusCode.NOT_FOUND


async def test_sync_pieces_ends_when_the_download_is_given_up(watched: Bed) -> None:
    file = watched.plain(16 * MIB)
    watched.standin.fault("throttle", on=["plain"], object=file.name, bytes_per_s=2 * MIB)
    async with upload(watched.seed) as seed, asyncio.timeout(60):
        wanted = common_pb2.Download(url=file.url)
        call = seed.DownloadTask(pb.DownloadTaskRequest(download=wanted))
        assert (await call.read()).HasField("download_task_started_response")
        request = pb.SyncPiecesRequest(
            host_id="h", task_id=file.task_id, interested_piece_numbers=[0, 1, 2, 3]
        )
        told = []
        async for piece in seed.SyncPieces(request):
            told.append(piece)
            call.cancel()
    assert 0 < len(told) < 4
    watched.standin.call("post", "clear-faults")


async def test_sync_host_tells_what_the_link_carries(watched: Bed) -> None:
    async with upload(watched.node) as stub:
        call = stub.SyncHost(pb.SyncHostRequest(host_id="h", peer_id="p"))
        first = await call.read()
        call.cancel()
    assert first.hostname == watched.node.name
    # A score by bandwidth takes 0 for the worst.
    assert first.network.max_tx_bandwidth > 0
    assert first.network.HasField("tx_bandwidth")


async def test_the_digest_of_a_registry_blob_is_its_id_where_asked_for(watched: Bed) -> None:
    repo, model = watched.model(9 * MIB)
    url = f"{watched.standin.hub_url}/v2/{repo}/blobs/sha256:{model.sha256}"
    wanted = {"url": url, "enable_task_id_based_blob_digest": True}
    async with upload(watched.seed) as seed, tool(watched.node) as stub:
        got = await download(seed, **wanted)
        assert got.task_id == model.sha256
        by_node = await download(stub, **wanted, need_piece_content=True)
        assert (by_node.task_id, by_node.sha256) == (model.sha256, model.sha256)
        wanted["url"] = url.replace("sha256:", "sha512:") + model.sha256
        too_long = download(seed, **wanted)
        assert (await failure(too_long)).code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_timeout_ends_the_download(watched: Bed) -> None:
    file = watched.plain(16 * MIB)
    watched.standin.fault("throttle", on=["plain"], object=file.name, bytes_per_s=MIB)
    timeout = duration_pb2.Duration(nanos=300_000_000)
    async with tool(watched.node) as stub:
        error = await failure(download(stub, url=file.url, timeout=timeout))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    watched.standin.call("post", "clear-faults")
