"""Nodes whose task engine is a fake: it fetches whole blobs with an HTTP client, once each."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from multidict import CIMultiDict
from yarl import URL

from dfcore.digest import new_hasher
from dfcore.errors import DigestMismatch, MeganeuraError, OriginRefused
from dfcore.ranges import ByteRange
from dfdaemon.hub.config import HubConfig
from dfdaemon.hub.metadata import HubMetadata
from dfdaemon.hub.origin import OriginGateway
from dfdaemon.proxy.config import ProxyConfig, TcpListenConfig
from dfdaemon.proxy.server import ProxyParts, ProxyServer
from dfdaemon.task.service import Extent, HubGateway, Traffic
from dfdaemon.task.spec import TaskSpec
from dfdaemon.upload.sendfile import Sender
from dfinfra.clock import SystemClock
from dfinfra.http import client_session
from dfinfra.metrics import CollectorRegistry

EXTENT_BYTES = 64 << 10


class FakeHandle:
    """Yields a file in small extents; fails after ``fails_after`` bytes if that is set."""

    def __init__(self, blob: FakeBlob, tasks: FakeTasks, was_local: bool) -> None:
        self.task_id = blob.spec.task_id
        self.peer_id = "127.0.0.1-test"
        self.size_bytes = blob.path.stat().st_size
        self.response_headers = blob.headers
        self.was_local = was_local
        self._blob = blob
        self._tasks = tasks
        self._fd = os.open(blob.path, os.O_RDONLY)

    async def extents(self, wanted: ByteRange) -> AsyncIterator[Extent]:
        at = wanted.start
        while at < wanted.end:
            await self._tasks.gate.wait()
            if self._tasks.fails_after is not None and at >= self._tasks.fails_after:
                raise self._tasks.failure
            size = min(EXTENT_BYTES, wanted.end - at)
            yield Extent(self._fd, at, size)
            at += size

    async def finished(self) -> Traffic:
        return Traffic(origin_bytes=self.size_bytes)

    def link_to(self, path: Path, *, overwrite: bool) -> None:
        os.link(self._blob.path, path)

    async def aclose(self) -> None:
        os.close(self._fd)
        self._tasks.open_handles -= 1
        self._tasks.closed.set()


@dataclasses.dataclass
class FakeBlob:
    spec: TaskSpec
    path: Path
    headers: Mapping[str, str]


class FakeTasks:
    """A TaskService; ``specs`` are the tasks it was asked for, ``fetched`` those it had to fetch."""

    def __init__(self, folder: Path) -> None:
        self.specs: list[TaskSpec] = []
        self.wanted: list[ByteRange | None] = []
        self.fetched: list[TaskSpec] = []
        self.doubtful: dict[str, int] = {}
        self.open_failures: list[MeganeuraError] = []
        self.open_handles = 0
        self.closed = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails_after: int | None = None
        self.failure: MeganeuraError = DigestMismatch("the bytes are not those that were promised")
        self.open_failure: MeganeuraError | None = None
        self._folder = folder
        self._blobs: dict[str, FakeBlob] = {}
        self._lock = asyncio.Lock()

    def doubtful_end(self, task_id: str) -> int:
        return self.doubtful.get(task_id, 0)

    async def open(self, spec: TaskSpec, wanted: ByteRange | None = None) -> FakeHandle:
        self.specs.append(spec)
        self.wanted.append(wanted)
        if self.open_failures:
            raise self.open_failures.pop()
        if self.open_failure is not None:
            raise self.open_failure
        async with self._lock:
            blob = self._blobs.get(spec.task_id)
            was_local = blob is not None and blob.spec.validator == spec.validator
            if blob is None or not was_local:
                blob = await self._fetch(spec)
                self._blobs[spec.task_id] = blob
        self.open_handles += 1
        return FakeHandle(blob, self, was_local)

    async def _fetch(self, spec: TaskSpec) -> FakeBlob:
        self.fetched.append(spec)
        url, headers = spec.url, dict(spec.request_headers)
        async with client_session() as session:
            while True:
                async with session.get(
                    URL(url, encoded=True), headers=headers, allow_redirects=False
                ) as answer:
                    body, status, said = await answer.read(), answer.status, dict(answer.headers)
                if 300 <= status < 400:
                    there = URL(url, encoded=True).join(URL(said["Location"], encoded=True))
                    if there.host != URL(url).host:
                        headers.pop("Authorization", None)
                    url = str(there)
                    continue
                break
        if status != 200:
            raise OriginRefused(status, said, body)
        if spec.digest:
            hasher = new_hasher(spec.digest.algorithm, len(body))
            hasher.update(body)
            assert hasher.digest() == spec.digest
        path = self._folder / f"{spec.task_id}-{len(self.fetched)}"
        path.write_bytes(body)
        return FakeBlob(spec, path, CIMultiDict(said))


class Node:
    """A proxy with its fake engine. ``gateway`` is a seed's metadata, or the Hub itself."""

    def __init__(
        self,
        folder: Path,
        hub: HubConfig,
        config: ProxyConfig | None = None,
        *,
        gateway: HubGateway | None = None,
        **parts: Any,
    ) -> None:
        config = config or ProxyConfig()
        self.config = dataclasses.replace(config, tcp_listen=TcpListenConfig(port=0))
        self.hub = hub
        self._folder = folder
        self._gateway = gateway
        self._parts = parts

    async def __aenter__(self) -> Node:
        self._folder.mkdir(parents=True, exist_ok=True)
        self.tasks = FakeTasks(self._folder)
        self._session = client_session()
        clock = SystemClock()
        gateway = self._gateway or OriginGateway(self.hub, self._session, clock)
        self.metadata = HubMetadata(self.hub, gateway, clock, lists=self._gateway is None)
        self._sender = Sender()
        self.server = ProxyServer(
            self.config,
            self.hub,
            ProxyParts(
                tasks=self.tasks,
                metadata=self.metadata,
                sender=self._sender,
                clock=clock,
                registry=CollectorRegistry(),
                server_ip="127.0.0.1",
                **self._parts,
            ),
        )
        await self.server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.stop()
        await self._sender.aclose()
        await self._session.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"


class Cluster:
    """A seed's metadata and some nodes behind it."""

    def __init__(self, folder: Path, hub: HubConfig, config: ProxyConfig | None = None) -> None:
        self._folder = folder
        self._hub = hub
        self._config = config
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Cluster:
        session = await self._stack.enter_async_context(client_session())
        clock = SystemClock()
        self.seed = HubMetadata(
            self._hub, OriginGateway(self._hub, session, clock), clock, lists=True
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def node(self) -> Node:
        folder = self._folder / f"node-{id(object())}"
        node = Node(folder, self._hub, self._config, gateway=self.seed)
        return await self._stack.enter_async_context(node)


async def until(condition: Callable[[], bool], within_s: float = 30.0) -> None:
    """Wait for something that tells nobody when it happens."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
