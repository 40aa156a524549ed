"""Where live state comes from: the extension service of each scheduler, by gRPC."""

from __future__ import annotations

from typing import Any, Protocol

import grpc

from dfcore.errors import MeganeuraError, NotFound, Unavailable
from dfinfra.offload import Pool
from dfinfra.pb import meganeura_pb2 as pb
from dfinfra.pb import meganeura_pb2_grpc
from dfinfra.rpc.channels import Channels
from dfinfra.rpc.errors import from_rpc_error
from manager.observe import messages
from manager.observe.model import Held, Swarm, Target, TaskDetail

CALL_TIMEOUT_S = 5.0
TASK_LIMIT = 500
PEER_LIMIT = 300
HELD_LIMIT = 500


class MuteError(MeganeuraError):
    """A scheduler that tells nothing of its swarm, such as Dragonfly's own."""

    code = "mute"
    http_status = 501
    grpc_code = "UNIMPLEMENTED"


class Source(Protocol):
    """One question each; all raise MeganeuraError."""

    async def swarm(self, target: Target, *, hosts: bool, notes_after: int) -> Swarm:
        """Totals and tasks, and hosts if wanted."""

    async def task(self, target: Target, task_id: str) -> TaskDetail:
        """One task; NotFound if the scheduler does not know it."""

    async def held(self, target: Target, host_id: str) -> list[Held]:
        """What a host has, as far as this scheduler knows."""

    async def aclose(self) -> None:
        """Hang up."""


class GrpcSource:
    """Real schedulers. Large answers are taken apart in a thread, so that the loop stays free."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._threads = Pool("observe", 1)

    async def swarm(self, target: Target, *, hosts: bool, notes_after: int) -> Swarm:
        request = pb.DescribeSwarmRequest(
            hosts=hosts, task_limit=TASK_LIMIT, notes_after=notes_after
        )
        answer = await self._ask(target, "DescribeSwarm", request)
        return await self._threads.run(_swarm, answer, target, hosts)

    async def task(self, target: Target, task_id: str) -> TaskDetail:
        request = pb.DescribeTaskRequest(task_id=task_id, peer_limit=PEER_LIMIT)
        answer = await self._ask(target, "DescribeTask", request)
        return await self._threads.run(messages.detail, answer, target)

    async def held(self, target: Target, host_id: str) -> list[Held]:
        request = pb.ListPeersRequest(host_id=host_id, limit=HELD_LIMIT)
        return messages.held(await self._ask(target, "ListPeers", request))

    async def aclose(self) -> None:
        self._threads.close()

    async def _ask(self, target: Target, method: str, request: Any) -> Any:
        stub = meganeura_pb2_grpc.SchedulerExtensionStub(self._channels.get(target.address))
        try:
            return await getattr(stub, method)(request, timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise _told(error, target) from error


def _swarm(answer: pb.DescribeSwarmResponse, target: Target, hosts: bool) -> Swarm:
    return messages.swarm(answer, target, hosts=hosts)


def _told(error: grpc.aio.AioRpcError, target: Target) -> MeganeuraError:
    match error.code():
        case grpc.StatusCode.NOT_FOUND:
            return NotFound(error.details() or "not known there")
        case grpc.StatusCode.UNIMPLEMENTED:
            return MuteError(f"{target.address} tells nothing of its swarm: it is not one of ours")
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.DEADLINE_EXCEEDED:
            return Unavailable(f"{target.address} does not answer")
    return from_rpc_error(error, f"scheduler {target.address}")
