"""`meganeura.v1.SchedulerExtension`: soft state from hosts, and lists for people."""
# ruff: noqa: N802 - gRPC names

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import islice
from typing import Any

from dfcore.errors import NotFound
from dfinfra.pb import meganeura_pb2, meganeura_pb2_grpc
from scheduler import edge
from scheduler.answers import peer_info, task_info
from scheduler.resource.peer import Peer
from scheduler.shell import Shell

SERVICE_NAME = "meganeura.v1.SchedulerExtension"
_DEFAULT_LIMIT, _MAX_LIMIT = 1000, 10_000


class SchedulerExtension(meganeura_pb2_grpc.SchedulerExtensionServicer):
    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    async def AnnounceBlobs(
        self, request: meganeura_pb2.AnnounceBlobsRequest, context: Any
    ) -> meganeura_pb2.AnnounceBlobsResponse:
        """A host tells what it holds; NOT_FOUND if it must announce itself first."""
        event = edge.blobs_announced(request)
        if event.host_id not in self._shell.core.pool.hosts:
            raise NotFound(f"host {event.host_id} is not known here: announce it first")
        self._shell.tell(event)
        return meganeura_pb2.AnnounceBlobsResponse()

    async def ListPeers(
        self, request: meganeura_pb2.ListPeersRequest, context: Any
    ) -> meganeura_pb2.ListPeersResponse:
        """The peers of a task, of a host, of both, or all."""
        peers = self._peers(request.task_id, request.host_id)
        chosen = islice(peers, _limit(request.limit))
        return meganeura_pb2.ListPeersResponse(peers=[peer_info(peer) for peer in chosen])

    def _peers(self, task_id: str, host_id: str) -> Iterable[Peer]:
        pool = self._shell.core.pool
        if task_id:
            task = pool.tasks.get(task_id)
            peers = task.peers.values() if task is not None else ()
            return [peer for peer in peers if not host_id or peer.host.id == host_id]
        if host_id:
            host = pool.hosts.get(host_id)
            return host.peers.values() if host is not None else ()
        return pool.peers.values()

    async def ListTasks(
        self, request: meganeura_pb2.ListTasksRequest, context: Any
    ) -> meganeura_pb2.ListTasksResponse:
        """One task, or all."""
        tasks = self._shell.core.pool.tasks
        if request.task_id:
            task = tasks.get(request.task_id)
            chosen = [task] if task is not None else []
        else:
            chosen = list(islice(tasks.values(), _limit(request.limit)))
        return meganeura_pb2.ListTasksResponse(tasks=[task_info(task) for task in chosen])

    async def DescribeSwarm(
        self, request: meganeura_pb2.DescribeSwarmRequest, context: Any
    ) -> meganeura_pb2.DescribeSwarmResponse:
        """The whole swarm at a glance."""
        shell = self._shell
        limit = _limit(request.task_limit)
        answer = shell.survey.swarm(shell.now, task_limit=limit)
        if request.hosts:
            for portion in shell.survey.hosts(shell.now):
                answer.hosts.extend(portion)
                await asyncio.sleep(0)
        answer.notes.extend(shell.notes.after(request.notes_after))
        return answer

    async def DescribeTask(
        self, request: meganeura_pb2.DescribeTaskRequest, context: Any
    ) -> meganeura_pb2.DescribeTaskResponse:
        """One task to the last edge."""
        task = self._shell.core.pool.tasks.get(request.task_id)
        if task is None:
            raise NotFound(f"task {request.task_id} is not known here")
        return self._shell.survey.task(task, self._shell.now, _limit(request.peer_limit))


def _limit(asked: int) -> int:
    return min(asked or _DEFAULT_LIMIT, _MAX_LIMIT)
