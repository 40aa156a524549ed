"""A scheduler that knows hosts, and hosts that bring what they are asked for, in this process."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import empty_pb2

from dfcore.errors import MeganeuraError, NotFound
from dfinfra.pb import (
    common_pb2,
    dfdaemon_pb2,
    dfdaemon_pb2_grpc,
    scheduler_pb2,
    scheduler_pb2_grpc,
)
from dfinfra.rpc.server import GrpcServer

PIECE = 4 << 20


class FakeNode(dfdaemon_pb2_grpc.DfdaemonUploadServicer):
    """Holds tasks by their URL or name; ``failures`` are raised first, ``gate`` holds it up."""

    def __init__(self, name: str, *, seed: bool = False) -> None:
        self.name = name
        self.seed = seed
        self.asked: list[common_pb2.Download] = []
        self.held: dict[str, int] = {}
        self.failures: list[MeganeuraError] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.server = GrpcServer(
            ["127.0.0.1:0"],
            [lambda s: dfdaemon_pb2_grpc.add_DfdaemonUploadServicer_to_server(self, s)],
            ["dfdaemon.v2.DfdaemonUpload"],
        )

    @property
    def host(self) -> common_pb2.Host:
        """As the scheduler tells of it."""
        return common_pb2.Host(
            id=f"127.0.0.1-{self.name}",
            type=1 if self.seed else 0,
            hostname=self.name,
            ip="127.0.0.1",
            port=self.server.port,
        )

    async def DownloadTask(
        self, request: dfdaemon_pb2.DownloadTaskRequest, context: Any
    ) -> AsyncIterator[dfdaemon_pb2.DownloadTaskResponse]:
        """Half of it, the gate, and the other half."""
        download = request.download
        self.asked.append(download)
        if self.failures:
            raise self.failures.pop(0)
        named = download.content_for_calculating_task_id or download.url
        task_id = hashlib.sha256(named.encode()).hexdigest()
        size = download.actual_content_length or PIECE
        answer = dfdaemon_pb2.DownloadTaskResponse(host_id=self.name, task_id=task_id)
        answer.download_task_started_response.content_length = size
        answer.download_task_started_response.is_finished = task_id in self.held
        yield answer
        for number, part in enumerate((size // 2, size - size // 2)):
            if number:
                await self.gate.wait()
            piece = dfdaemon_pb2.DownloadTaskResponse(host_id=self.name, task_id=task_id)
            piece.download_piece_finished_response.piece.number = number
            piece.download_piece_finished_response.piece.length = part
            yield piece
        self.held[task_id] = size

    async def StatTask(self, request: dfdaemon_pb2.StatTaskRequest, context: Any) -> Any:
        """What is held."""
        if request.task_id not in self.held:
            raise NotFound("no such task")
        return common_pb2.Task(
            id=request.task_id, state="Succeeded", content_length=self.held[request.task_id]
        )

    async def DeleteTask(self, request: dfdaemon_pb2.DeleteTaskRequest, context: Any) -> Any:
        """Drop it."""
        if self.held.pop(request.task_id, None) is None:
            raise NotFound("no such task")
        return empty_pb2.Empty()


class FakeScheduler(scheduler_pb2_grpc.SchedulerServicer):
    """Tells of the nodes."""

    def __init__(self, nodes: list[FakeNode]) -> None:
        self.nodes = nodes
        self.server = GrpcServer(
            ["127.0.0.1:0"],
            [lambda s: scheduler_pb2_grpc.add_SchedulerServicer_to_server(self, s)],
            ["scheduler.v2.Scheduler"],
        )

    async def ListHosts(
        self, request: scheduler_pb2.ListHostsRequest, context: grpc.aio.ServicerContext
    ) -> scheduler_pb2.ListHostsResponse:
        """All of them."""
        return scheduler_pb2.ListHostsResponse(hosts=[node.host for node in self.nodes])
