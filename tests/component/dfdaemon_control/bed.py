"""A node's side of its schedulers: a client, what a download hears, hosts that are announced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from dfdaemon.control.hostinfo import describer
from dfdaemon.control.scheduler import SchedulerClient
from dfdaemon.control.session import SchedulerSession
from dfdaemon.task import events as it
from dfdaemon.task.spec import Headers, TaskSpec
from dfinfra.pb import common_pb2, scheduler_pb2
from dfinfra.rpc.channels import Channels
from scheduler.app import App
from tests.component.scheduler.bed import scheduler

NODE, SEED = "127.0.0.1-node", "127.0.0.1-seed-seed"
SPEC = TaskSpec("http://origin.test/f?sig=secret", Headers({"Authorization": "Bearer secret"}))


class Inbox:
    """The events of one download."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[it.Event] = asyncio.Queue(1000)

    def post(self, event: it.Event) -> None:
        self._events.put_nowait(event)

    async def next(self, kind: type[it.Event]) -> it.Event:
        async with asyncio.timeout(10):
            while not isinstance(event := await self._events.get(), kind):
                pass
            return event


class NothingHeld:
    """A store without a blob."""

    def all(self) -> list[object]:
        return []


def describe(host_id: str, *, seed: bool) -> Callable[[], common_pb2.Host]:
    return describer(
        host_id=host_id,
        hostname=host_id,
        ip="127.0.0.1",
        seed=seed,
        rpc_port=4000,
        vortex_port=4005,
        proxy_port=65001,
        idc="",
        location="",
        disable_shared=False,
        max_upload_bytes_s=0,
        disk_path="/",
    )


async def announce(client: SchedulerClient, address: str, host_id: str, *, seed: bool) -> None:
    host = describe(host_id, seed=seed)()
    request = scheduler_pb2.AnnounceHostRequest(host=host)
    request.interval.FromSeconds(30)
    await client.stub(address).AnnounceHost(request)


@asynccontextmanager
async def meeting(
    channels: Channels, *, seed: bool = False, others: tuple[str, ...] = ()
) -> AsyncIterator[tuple[App, SchedulerClient]]:
    """A scheduler to which the node, and with ``seed`` a seed, was announced; and the node's client,
    which knows the addresses ``others`` too."""
    async with scheduler() as running:
        address = f"127.0.0.1:{running.grpc.port}"
        client = SchedulerClient([*others, address], channels, NODE)
        await announce(client, address, NODE, seed=False)
        if seed:
            await announce(client, address, SEED, seed=True)
        yield running, client


def register(
    client: SchedulerClient, spec: TaskSpec = SPEC, peer_id: str = "node-peer"
) -> tuple[Inbox, SchedulerSession]:
    """A download that asks to be told of parents, and what it hears."""
    inbox = Inbox()
    session = client.session(spec, peer_id, inbox.post)
    session.register(need_back_to_source=False)
    return inbox, session
