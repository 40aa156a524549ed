"""Calls from the scheduler to daemons: have a seed fetch a task, have hosts delete one.

Dragonfly's `dfdaemon.v2.DfdaemonUpload` on the host's `port`. The shell calls this; results go back
as events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import grpc

from dfcore.hosts import host_port
from dfinfra.jobs import JobGroup
from dfinfra.pb import common_pb2, dfdaemon_pb2, dfdaemon_pb2_grpc
from dfinfra.rpc.channels import Channels
from scheduler import events as ev
from scheduler.resource.host import Host
from scheduler.watch import Watch

_DELETE_TIMEOUT_S = 10.0
_DELETES_AT_ONCE = 16
_FETCH_TIMEOUT_S = 24 * 3600.0
"""A bound on a forgotten call; the core gives up a seed that does not start long before."""


class Daemons:
    """The daemons' side that the scheduler may call."""

    def __init__(self, channels: Channels, watch: Watch, tell: Callable[[ev.Event], None]) -> None:
        self._channels = channels
        self._watch = watch
        self._tell = tell
        self._jobs = JobGroup("seeds")

    def fetch(self, task_id: str, host: Host, download: common_pb2.Download) -> None:
        """Have the seed fetch the task; an event tells whether it began."""
        self._jobs.spawn(self._fetch(task_id, host, download), name=f"trigger {task_id[:12]}")

    async def _fetch(self, task_id: str, host: Host, download: common_pb2.Download) -> None:
        began = False
        request = dfdaemon_pb2.DownloadTaskRequest(download=download)
        try:
            call = self._stub(host).DownloadTask(request, timeout=_FETCH_TIMEOUT_S)
            # The call stays open while the seed fetches: to hang up could stop it.
            async for response in call:
                if not began:
                    began = True
                    self._watch.triggered("began", task_id, host.id)
                    self._tell(ev.SeedTriggered(task_id, host.id, response.peer_id))
        except grpc.aio.AioRpcError as error:
            if not began:
                self._watch.triggered("failed", task_id, host.id, error.code().name)
        if not began:
            self._tell(ev.SeedTriggerFailed(task_id, host.id))

    async def delete(self, task_id: str, hosts: Iterable[Host]) -> tuple[list[str], list[str]]:
        """Have the hosts delete the task: ids of those that did, and of those that did not."""
        gate = asyncio.Semaphore(_DELETES_AT_ONCE)
        done: list[str] = []
        failed: list[str] = []

        async def one(host: Host) -> None:
            async with gate:
                (done if await self._delete(task_id, host) else failed).append(host.id)

        async with JobGroup("delete") as group:
            for host in hosts:
                group.spawn(one(host), name=host.id)
        return done, failed

    async def _delete(self, task_id: str, host: Host) -> bool:
        request = dfdaemon_pb2.DeleteTaskRequest(task_id=task_id)
        try:
            await self._stub(host).DeleteTask(request, timeout=_DELETE_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            return error.code() is grpc.StatusCode.NOT_FOUND
        return True

    def _stub(self, host: Host) -> dfdaemon_pb2_grpc.DfdaemonUploadStub:
        channel = self._channels.get(host_port(host.info.ip, host.info.port))
        return dfdaemon_pb2_grpc.DfdaemonUploadStub(channel)

    async def aclose(self) -> None:
        await self._jobs.cancel_all()
        await self._channels.close()
