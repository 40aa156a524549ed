"""The seeds of this cluster, as the schedulers list them, and which one answers for a name.

Used for Hub metadata, which a node asks of a seed without a task. Every node hashes a name to the same
seed, so that one question reaches the Hub once.
"""

from __future__ import annotations

import asyncio

import grpc

from dfcore.hashring import HashRing
from dfdaemon.control.links import Address
from dfdaemon.control.scheduler import SchedulerClient
from dfdaemon.control.scheduler_messages import is_ours, seed_address
from dfdaemon.task.events import ParentAddress
from dfinfra.jobs import JobGroup
from dfinfra.pb import scheduler_pb2 as pb

REFRESH_S = 10.0
CALL_TIMEOUT_S = 5.0
SHUN_S = 5.0
SEED_TYPE = 1


class SeedDirectory:
    """Keeps the list of seeds fresh. ``near`` answers from memory, never waits."""

    name = "seeds"

    def __init__(self, client: SchedulerClient) -> None:
        self._client = client
        self._jobs = JobGroup("seeds")
        self._seeds: dict[str, Address] = {}
        self._shunned: dict[Address, float] = {}
        self._learnt = asyncio.Event()

    async def start(self) -> None:
        self._jobs.spawn(self._keep_fresh(), name="refresh")

    async def stop(self) -> None:
        await self._jobs.cancel_all()

    async def _keep_fresh(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(REFRESH_S if self._seeds else 1.0)

    async def refresh(self) -> None:
        """Ask every scheduler for its seeds."""
        found: list[ParentAddress] = []
        answered = not self._client.addresses
        for address in self._client.addresses:
            try:
                response = await self._client.stub(address).ListHosts(
                    pb.ListHostsRequest(type=SEED_TYPE), timeout=CALL_TIMEOUT_S
                )
            except grpc.aio.AioRpcError:
                continue
            answered = True
            found += [seed_address(host) for host in response.hosts if is_ours(host)]
        if answered:
            self._client.seeds = tuple({seed.host_id: seed for seed in found}.values())
            self._seeds = {seed.host_id: (seed.ip, seed.port) for seed in found}
        self._learnt.set()

    async def near(self, name: str) -> list[Address]:
        """The seeds for ``name``, the first choice first; shunned ones are left out."""
        await self._learnt.wait()
        if not self._seeds:
            return []
        now = asyncio.get_running_loop().time()
        order = HashRing(sorted(self._seeds)).get(name, len(self._seeds))
        addresses = [self._seeds[host_id] for host_id in order]
        return [a for a in addresses if self._shunned.get(a, 0.0) <= now]

    def shun(self, address: Address) -> None:
        """The seed did not answer: leave it alone for a while."""
        self._shunned[address] = asyncio.get_running_loop().time() + SHUN_S
