"""``dfdaemon.v2.DfdaemonDownload`` on the node's unix socket: for dfget, dfctl and the file system."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import empty_pb2

from dfcore.errors import MeganeuraError
from dfdaemon.control.scheduler import SchedulerClient
from dfdaemon.rpc.downloads import Downloads
from dfdaemon.rpc.entries import Entries
from dfdaemon.rpc.local_tasks import LocalTasks
from dfdaemon.rpc.messages import local_task
from dfdaemon.task.registry import TaskRegistry
from dfinfra.offload import Pool
from dfinfra.pb import common_pb2, dfdaemon_pb2_grpc, scheduler_pb2
from dfinfra.pb import dfdaemon_pb2 as pb
from dfinfra.rpc.errors import from_rpc_error

CALL_TIMEOUT_S = 10.0


class DownloadService(dfdaemon_pb2_grpc.DfdaemonDownloadServicer):
    """Translates between messages, the registry and the scheduler."""

    def __init__(
        self,
        registry: TaskRegistry,
        downloads: Downloads,
        entries: Entries,
        local: LocalTasks,
        scheduler: SchedulerClient,
        disk: Pool,
    ) -> None:
        self._registry = registry
        self._downloads = downloads
        self._entries = entries
        self._local = local
        self._scheduler = scheduler
        self._disk = disk

    async def DownloadTask(  # noqa: N802
        self, request: pb.DownloadTaskRequest, context: Any
    ) -> AsyncIterator[pb.DownloadTaskResponse]:
        async for response in self._downloads.run(request.download, local=True):
            yield response

    async def StatTask(self, request: pb.StatTaskRequest, context: Any) -> common_pb2.Task:  # noqa: N802
        """What the scheduler knows of the task."""
        question = scheduler_pb2.StatTaskRequest(
            host_id=self._registry.parts.host.host_id, task_id=request.task_id
        )
        stub = self._scheduler.stub(self._scheduler.must_choose(request.task_id))
        try:
            return await stub.StatTask(question, timeout=CALL_TIMEOUT_S)  # type: ignore[no-any-return]
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, "scheduler") from error

    async def DeleteTask(self, request: pb.DeleteTaskRequest, context: Any) -> empty_pb2.Empty:  # noqa: N802
        """Delete the task on every host that holds it; from a plain scheduler's cluster, here."""
        address = self._scheduler.must_choose(request.task_id)
        if self._scheduler.is_plain(address):
            await self._local.delete(request.task_id)
            return empty_pb2.Empty()
        question = scheduler_pb2.DeleteTaskRequest(
            host_id=self._registry.parts.host.host_id, task_id=request.task_id
        )
        try:
            await self._scheduler.stub(address).DeleteTask(question, timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, "scheduler") from error
        return empty_pb2.Empty()

    async def StatLocalTask(  # noqa: N802
        self, request: pb.StatLocalTaskRequest, context: Any
    ) -> pb.StatLocalTaskResponse:
        return await self._local.stat(request.task_id)

    async def ListLocalTasks(  # noqa: N802
        self, request: pb.ListLocalTasksRequest, context: Any
    ) -> pb.ListLocalTasksResponse:
        infos = await self._disk.run(self._registry.parts.store.all)
        return pb.ListLocalTasksResponse(tasks=[local_task(info) for info in infos])

    async def DeleteLocalTask(  # noqa: N802
        self, request: pb.DeleteLocalTaskRequest, context: Any
    ) -> empty_pb2.Empty:
        await self._local.delete(request.task_id)
        return empty_pb2.Empty()

    async def ListTaskEntries(  # noqa: N802
        self, request: pb.ListTaskEntriesRequest, context: Any
    ) -> pb.ListTaskEntriesResponse:
        return await self._entries.list(request)

    async def DeleteHost(self, request: empty_pb2.Empty, context: Any) -> empty_pb2.Empty:  # noqa: N802
        """Leave the swarm: the schedulers stop naming this host."""
        question = scheduler_pb2.DeleteHostRequest(host_id=self._registry.parts.host.host_id)
        failed: MeganeuraError | None = None
        for address in self._scheduler.addresses:
            try:
                await self._scheduler.stub(address).DeleteHost(question, timeout=CALL_TIMEOUT_S)
            except grpc.aio.AioRpcError as error:
                failed = from_rpc_error(error, f"scheduler {address}")
        if failed is not None:
            raise failed
        return empty_pb2.Empty()
