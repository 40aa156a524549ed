"""What the schedulers of the clusters know: their hosts, and who holds a task."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc

from dfcore.errors import MeganeuraError, Unavailable
from dfinfra.logs import get_logger
from dfinfra.pb import common_pb2, meganeura_pb2, meganeura_pb2_grpc, scheduler_pb2
from dfinfra.pb import scheduler_pb2_grpc as scheduler_grpc
from dfinfra.rpc.channels import Channels
from dfinfra.rpc.errors import from_rpc_error
from manager.jobs.hosts import JobHost

_CALL_TIMEOUT_S = 15.0
_LIMIT = 10_000

log = get_logger("jobs")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SchedulerAddress:
    """A scheduler that is alive, and its cluster."""

    address: str
    cluster_id: int


class Swarm:
    """Asks all schedulers and joins their answers; one that does not answer is passed over."""

    def __init__(
        self,
        channels: Channels,
        schedulers: Callable[[tuple[int, ...]], Awaitable[Sequence[SchedulerAddress]]],
    ) -> None:
        self._channels = channels
        self._schedulers = schedulers

    async def schedulers(self, cluster_ids: tuple[int, ...]) -> Sequence[SchedulerAddress]:
        """The active schedulers of the clusters, of all for none. Raises Unavailable without any."""
        found = await self._schedulers(cluster_ids)
        if not found:
            raise Unavailable("no scheduler is active in the clusters of this job")
        return found

    async def hosts(self, cluster_ids: tuple[int, ...]) -> list[JobHost]:
        """Every host that can be asked."""
        found: dict[str, JobHost] = {}
        for scheduler, hosts in await self._raw_hosts(cluster_ids):
            for host in hosts:
                if host.port > 0 and host.ip:
                    found[host.id] = JobHost(
                        id=host.id,
                        hostname=host.hostname,
                        ip=host.ip,
                        port=host.port,
                        seed=bool(host.type),
                        cluster_id=scheduler.cluster_id,
                        download_port=host.download_port,
                    )
        return list(found.values())

    async def _raw_hosts(
        self, cluster_ids: tuple[int, ...]
    ) -> list[tuple[SchedulerAddress, Sequence[common_pb2.Host]]]:
        async def ask(scheduler: SchedulerAddress) -> Sequence[common_pb2.Host]:
            stub: Any = scheduler_grpc.SchedulerStub(self._channels.get(scheduler.address))
            answer = await stub.ListHosts(scheduler_pb2.ListHostsRequest(), timeout=_CALL_TIMEOUT_S)
            return tuple(answer.hosts)

        return await self._all(await self.schedulers(cluster_ids), ask)

    async def holders(self, cluster_ids: tuple[int, ...], task_id: str) -> dict[str, int]:
        """Hosts that have something of a task, as the schedulers know: id and bytes."""

        async def ask(scheduler: SchedulerAddress) -> dict[str, int]:
            channel = self._channels.get(scheduler.address)
            stub: Any = meganeura_pb2_grpc.SchedulerExtensionStub(channel)
            request = meganeura_pb2.ListPeersRequest(task_id=task_id, limit=_LIMIT)
            answer = await stub.ListPeers(request, timeout=_CALL_TIMEOUT_S)
            return {peer.host_id: peer.finished_bytes for peer in answer.peers}

        found: dict[str, int] = {}
        for _, held in await self._all(await self.schedulers(cluster_ids), ask):
            found |= held
        return found

    async def _all(
        self,
        schedulers: Iterable[SchedulerAddress],
        ask: Callable[[SchedulerAddress], Awaitable[T]],
    ) -> list[tuple[SchedulerAddress, T]]:
        schedulers = list(schedulers)
        answers = await asyncio.gather(*(self._one(s, ask) for s in schedulers))
        good = [
            (scheduler, answer)
            for scheduler, answer in zip(schedulers, answers, strict=True)
            if not isinstance(answer, MeganeuraError)
        ]
        if not good:
            raise next(answer for answer in answers if isinstance(answer, MeganeuraError))
        return good

    async def _one(
        self, scheduler: SchedulerAddress, ask: Callable[[SchedulerAddress], Awaitable[T]]
    ) -> T | MeganeuraError:
        try:
            return await ask(scheduler)
        except grpc.aio.AioRpcError as error:
            told = from_rpc_error(error, f"scheduler {scheduler.address}")
            log.warning("scheduler does not answer", scheduler=scheduler.address, reason=str(told))
            return told
