"""What this host holds of a task, for both services: look it up, stat it, drop it.

The first look at a blob after a start may read all of it, so looks are taken on a thread.
"""

from __future__ import annotations

import grpc

from blobstore.blob import Blob
from dfcore.errors import NotFound
from dfdaemon.control.scheduler import SchedulerClient
from dfdaemon.rpc.messages import stat_local
from dfdaemon.task.registry import TaskRegistry
from dfinfra.logs import get_logger
from dfinfra.offload import Pool
from dfinfra.pb import dfdaemon_pb2 as pb
from dfinfra.pb import scheduler_pb2

CALL_TIMEOUT_S = 10.0

log = get_logger("rpc")


class LocalTasks:
    """Asks the registry and the store; tells the scheduler what was dropped."""

    def __init__(self, registry: TaskRegistry, scheduler: SchedulerClient, disk: Pool) -> None:
        self._registry = registry
        self._scheduler = scheduler
        self._disk = disk

    async def blob(self, task_id: str) -> Blob:
        """The blob, finished or not. Raises NotFound."""
        blob = await self._disk.run(self._registry.blob, task_id)
        if blob is None:
            raise NotFound(f"this host does not hold task {task_id}")
        return blob

    async def stat(self, task_id: str) -> pb.StatLocalTaskResponse:
        """Raises NotFound."""
        blob = await self.blob(task_id)
        info = await self._disk.run(self._registry.parts.store.info, blob.id)
        return stat_local(task_id, blob, info)

    async def delete(self, task_id: str) -> None:
        """Raises NotFound, and Unavailable while the task is fetched."""
        await self.blob(task_id)
        self._registry.delete(task_id)
        address = self._scheduler.choose(task_id)
        if address is not None and self._scheduler.is_plain(address):
            await self._tell(address, task_id)

    async def _tell(self, address: str, task_id: str) -> None:
        """A plain scheduler takes this as word of this one host; ours asks the hosts by itself."""
        request = scheduler_pb2.DeleteTaskRequest(
            host_id=self._registry.parts.host.host_id, task_id=task_id
        )
        try:
            await self._scheduler.stub(address).DeleteTask(request, timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            log.info("scheduler not told of a deleted task", code=error.code().name)
