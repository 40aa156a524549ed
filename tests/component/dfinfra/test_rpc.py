"""Errors keep their class over gRPC, and a stopped server says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dfcore import errors
from dfcore.errors import ConfigError, MeganeuraError
from dfinfra.pb import (
    common_pb2,
    dfdaemon_pb2,
    dfdaemon_pb2_grpc,
    scheduler_pb2,
    scheduler_pb2_grpc,
)
from dfinfra.rpc.channels import Channels
from dfinfra.rpc.errors import from_rpc_error
from dfinfra.rpc.server import GrpcServer


class Scheduler(scheduler_pb2_grpc.SchedulerServicer):
    """Raises what it is told to."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def StatTask(self, request: Any, context: Any) -> common_pb2.Task:
        if self.error is not None:
            raise self.error
        return common_pb2.Task(id=request.task_id)

    async def AnnouncePeer(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        async for _ in requests:
            yield scheduler_pb2.AnnouncePeerResponse()
            if self.error is not None:
                raise self.error


class Daemon(dfdaemon_pb2_grpc.DfdaemonUploadServicer):
    """Answers with the writing kind of stream."""

    async def SyncPieces(self, request: Any, context: Any) -> None:
        await context.write(dfdaemon_pb2.SyncPiecesResponse(number=1))
        raise errors.NotFound("gone")


class Bed:
    """A server, a channel to it, and its servicer."""

    def __init__(self) -> None:
        self.scheduler = Scheduler()
        self.server = GrpcServer(
            ["127.0.0.1:0"],
            [
                lambda s: scheduler_pb2_grpc.add_SchedulerServicer_to_server(self.scheduler, s),
                lambda s: dfdaemon_pb2_grpc.add_DfdaemonUploadServicer_to_server(Daemon(), s),
            ],
            ["scheduler.v2.Scheduler"],
            grace_s=0.1,
        )
        self.channels = Channels()

    @property
    def channel(self) -> grpc.aio.Channel:
        return self.channels.get(f"127.0.0.1:{self.server.port}")

    async def error_of_stat(self) -> MeganeuraError:
        stub = scheduler_pb2_grpc.SchedulerStub(self.channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.StatTask(scheduler_pb2.StatTaskRequest(task_id="t"), timeout=5)
        return from_rpc_error(caught.value, "stat task")


@pytest.fixture
async def bed() -> AsyncIterator[Bed]:
    made = Bed()
    await made.server.start()
    yield made
    await made.channels.close()
    await made.server.stop()


async def test_a_call_works_and_the_channel_is_shared(bed: Bed) -> None:
    stub = scheduler_pb2_grpc.SchedulerStub(bed.channel)
    task = await stub.StatTask(scheduler_pb2.StatTaskRequest(task_id="t"), timeout=5)
    assert task.id == "t"
    assert bed.channel is bed.channel


@pytest.mark.parametrize(
    "error",
    [
        errors.NotFound("no such task"),
        errors.BadInput("task_id: is empty"),
        errors.Denied("not for you"),
        errors.NoSpace("disk full"),
        errors.PeerRefused("busy"),
        errors.DigestMismatch("bad bytes"),
        errors.TimedOut("too late"),
    ],
)
async def test_an_error_arrives_as_the_class_it_was(bed: Bed, error: MeganeuraError) -> None:
    bed.scheduler.error = error
    told = await bed.error_of_stat()
    assert type(told) is type(error)
    assert str(told) == f"stat task: {error}"


async def test_details_of_errors_arrive(bed: Bed) -> None:
    bed.scheduler.error = errors.Unavailable("later", retry_after_s=2.5)
    told = await bed.error_of_stat()
    assert isinstance(told, errors.Unavailable)
    assert told.retry_after_s == 2.5
    bed.scheduler.error = errors.RangeNotSatisfiable("beyond", size_bytes=7)
    told = await bed.error_of_stat()
    assert isinstance(told, errors.RangeNotSatisfiable)
    assert told.size_bytes == 7


async def test_the_answer_of_an_origin_arrives_whole(bed: Bed) -> None:
    bed.scheduler.error = errors.OriginRefused(403, {"X-Error-Code": "GatedRepo"}, b"ask first")
    told = await bed.error_of_stat()
    assert isinstance(told, errors.OriginRefused)
    assert (told.status, told.headers, told.body) == (
        403,
        {"X-Error-Code": "GatedRepo"},
        b"ask first",
    )


async def test_a_bug_is_not_told_to_the_caller(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    bed.scheduler.error = KeyError("inner matter")
    told = await bed.error_of_stat()
    assert type(told) is MeganeuraError
    assert "inner matter" not in str(told)
    assert "rpc handler failed" in caplog.text


async def test_an_error_in_a_stream_comes_after_its_messages(bed: Bed) -> None:
    bed.scheduler.error = errors.NotFound("no such host")
    call = scheduler_pb2_grpc.SchedulerStub(bed.channel).AnnouncePeer(timeout=5)
    await call.write(scheduler_pb2.AnnouncePeerRequest(host_id="h"))
    assert isinstance(await call.read(), scheduler_pb2.AnnouncePeerResponse)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert isinstance(from_rpc_error(caught.value, "announce"), errors.NotFound)


async def test_a_writing_handler_is_guarded_too(bed: Bed) -> None:
    call = dfdaemon_pb2_grpc.DfdaemonUploadStub(bed.channel).SyncPieces(
        dfdaemon_pb2.SyncPiecesRequest(), timeout=5
    )
    assert (await call.read()).number == 1
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert isinstance(from_rpc_error(caught.value, "sync"), errors.NotFound)


async def test_what_is_not_implemented_says_so(bed: Bed) -> None:
    stub = scheduler_pb2_grpc.SchedulerStub(bed.channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.DeleteHost(scheduler_pb2.DeleteHostRequest(), timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_health_is_told(bed: Bed) -> None:
    stub = health_pb2_grpc.HealthStub(bed.channel)
    request = health_pb2.HealthCheckRequest(service="scheduler.v2.Scheduler")
    assert (await stub.Check(request, timeout=5)).status == health_pb2.HealthCheckResponse.SERVING


async def test_nobody_there_is_unavailable(bed: Bed) -> None:
    channel = bed.channel
    await bed.server.stop()
    stub = scheduler_pb2_grpc.SchedulerStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.StatTask(scheduler_pb2.StatTaskRequest(), timeout=5)
    assert isinstance(from_rpc_error(caught.value, "stat"), errors.Unavailable)


async def test_a_unix_socket_is_not_taken_from_a_living_process(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/run/daemon.sock"
    first = GrpcServer([address], [], [], grace_s=0.1)
    await first.start()
    with pytest.raises(ConfigError, match="another process listens there"):
        await GrpcServer([address], [], []).start()
    await first.stop()
    again = GrpcServer([address], [], [], grace_s=0.1)
    await again.start()
    await again.stop()
