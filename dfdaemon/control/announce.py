"""Tells every scheduler that this host is there and what it holds.

At start, every interval, and whenever the connection to a scheduler comes back, since a scheduler that
was restarted knows nothing: the swarm's memory is in its hosts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import grpc

from blobstore.store import BlobStore
from dfdaemon.control.scheduler import SchedulerClient
from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from dfinfra.offload import Pool
from dfinfra.pb import common_pb2, meganeura_pb2, meganeura_pb2_grpc, scheduler_pb2
from dfinfra.rpc.channels import Channels

log = get_logger("announce")

BATCH_BLOBS = 1000
CALL_TIMEOUT_S = 10.0
RETRY_S = 1.0
LIST_INTERVAL_S = 600.0
"""How often all blobs are listed anew to a scheduler that has heard of them before."""
PLAIN_INTERVAL_S = 30.0
"""Dragonfly's own scheduler hears of this host at least so often. Its gRPC library ends a connection,
with every download's stream on it, after three keepalive pings (ours come every 20 s) between which it
had nothing to say; the answer to an announcement counts."""

READY = grpc.ChannelConnectivity.READY


class Announcer:
    """One job per scheduler."""

    name = "announcer"

    def __init__(
        self,
        client: SchedulerClient,
        channels: Channels,
        describe_host: Callable[[], common_pb2.Host],
        store: BlobStore,
        disk: Pool,
        interval_s: float,
    ) -> None:
        self._client = client
        self._channels = channels
        self._describe_host = describe_host
        self._store = store
        self._disk = disk
        self._interval_s = interval_s
        self._jobs = JobGroup("announce")
        self._announcing: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        self._client.on_addresses(self._follow)
        self._follow()

    def _follow(self) -> None:
        """One job per scheduler there is now."""
        wanted = set(self._client.addresses)
        for address in set(self._announcing) - wanted:
            self._announcing.pop(address).cancel()
        for address in wanted - set(self._announcing):
            self._announcing[address] = self._jobs.spawn(
                self._keep_announced(address), name=address
            )

    async def stop(self) -> None:
        """Leave: the schedulers stop naming this host."""
        await self._jobs.cancel_all()
        for address in self._client.addresses:
            request = scheduler_pb2.DeleteHostRequest(host_id=self._client.host_id)
            try:
                await self._client.stub(address).DeleteHost(request, timeout=1.0)
            except grpc.aio.AioRpcError as error:
                log.debug("not said goodbye", scheduler=address, code=error.code().name)

    async def _keep_announced(self, address: str) -> None:
        channel, unknown = self._channels.get(address), self._client.unknown_at(address)
        listed_at = -LIST_INTERVAL_S
        while True:
            now = asyncio.get_running_loop().time()
            listing = now - listed_at >= LIST_INTERVAL_S
            unknown.clear()
            try:
                await self._announce(address, listing=listing)
            except grpc.aio.AioRpcError as error:
                log.warning("scheduler does not answer", scheduler=address, code=error.code().name)
                self._client.mark_down(address)
                listed_at = -LIST_INTERVAL_S
                await asyncio.sleep(RETRY_S)
                continue
            if listing:
                listed_at = now
            self._client.mark_up(address)
            if await self._forgot(channel, unknown, self._interval_for(address)):
                listed_at = -LIST_INTERVAL_S

    def _interval_for(self, address: str) -> float:
        plain = self._client.is_plain(address)
        return min(self._interval_s, PLAIN_INTERVAL_S) if plain else self._interval_s

    async def _forgot(
        self, channel: grpc.aio.Channel, unknown: asyncio.Event, timeout_s: float
    ) -> bool:
        """Wait for the next time to announce. True if the scheduler may have been restarted: the
        connection was lost, or it says that it does not know this host."""
        async with JobGroup("wait") as waits:
            lost = waits.spawn(_lost(channel), name="lost")
            missed = waits.spawn(unknown.wait(), name="unknown")
            done, _ = await asyncio.wait(
                {lost, missed}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            await waits.cancel_all()
        return bool(done)

    async def _announce(self, address: str, *, listing: bool) -> None:
        request = scheduler_pb2.AnnounceHostRequest(host=self._describe_host())
        request.interval.FromMilliseconds(int(self._interval_for(address) * 1000))
        await self._client.stub(address).AnnounceHost(request, timeout=CALL_TIMEOUT_S)
        if listing:
            await self._announce_blobs(address)

    async def _announce_blobs(self, address: str) -> None:
        stub = meganeura_pb2_grpc.SchedulerExtensionStub(self._channels.get(address))
        held = await self._disk.run(self._held)
        left = len(held)
        for batch in _batches(held):
            first, left = left == len(held), left - len(batch)
            request = meganeura_pb2.AnnounceBlobsRequest(
                host_id=self._client.host_id, blobs=batch, replace=first, more=left > 0
            )
            try:
                await stub.AnnounceBlobs(request, timeout=CALL_TIMEOUT_S)
            except grpc.aio.AioRpcError as error:
                if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                    self._client.note_plain(address, True)
                    return
                raise
            self._client.note_plain(address, False)

    def _held(self) -> list[meganeura_pb2.HeldBlob]:
        return [
            meganeura_pb2.HeldBlob(
                task_id=info.blob_id,
                size_bytes=info.size_bytes,
                complete=info.complete,
                url=info.url,
                peer_id=f"{self._client.host_id}-{info.blob_id[:12]}",
            )
            for info in self._store.all()
            if info.complete
        ]


async def _lost(channel: grpc.aio.Channel) -> None:
    state = channel.get_state(try_to_connect=True)
    while state == READY:
        await channel.wait_for_state_change(state)
        state = channel.get_state(try_to_connect=True)


def _batches(
    blobs: Iterable[meganeura_pb2.HeldBlob],
) -> Iterator[list[meganeura_pb2.HeldBlob]]:
    iterator = iter(blobs)
    yield list(islice(iterator, BATCH_BLOBS))
    while batch := list(islice(iterator, BATCH_BLOBS)):
        yield batch
