"""What the data plane's tests stand on: contents, blobs, and a task host of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from random import Random
from ssl import SSLContext

from blobstore import Blob, BlobMeta, BlobStore
from dfcore.bitmap import Bitmap
from dfcore.digest import unit_digest
from dfcore.pieces import Geometry
from dfdaemon.fetch.parent import ParentConfig, ParentPool
from dfdaemon.fetch.requests import Address, UnitRequest
from dfdaemon.peerlink.channel import Channel, ChannelConfig
from dfdaemon.upload.config import UploadConfig
from dfdaemon.upload.served import ServedTask
from dfdaemon.upload.server import UnitSent, UploadServer
from dfinfra.pb import meganeura_pb2 as pb

KIB = 1 << 10
MIB = 1 << 20
TASK = sha256(b"a task").hexdigest()
UNIT = 512 * KIB
SIZE = 5 * MIB + 123
GEOMETRY = Geometry(SIZE, 4 * MIB, UNIT)
CONTENT = Random(7).randbytes(SIZE)
UNITS = GEOMETRY.unit_count


def bytes_of(unit: int) -> bytes:
    place = GEOMETRY.unit_range(unit)
    return CONTENT[place.start : place.end]


def commit(blob: Blob, units: Iterable[int]) -> None:
    """Put the right bytes of these units into the blob."""
    for unit in units:
        blob.write_at(GEOMETRY.unit_range(unit).start, bytes_of(unit))
        blob.commit(unit, unit_digest(bytes_of(unit)))


def make_blob(store: BlobStore, units: Iterable[int] = (), *, task_id: str = TASK) -> Blob:
    blob = store.create(task_id, GEOMETRY, meta=BlobMeta(url="http://origin/blob"))
    commit(blob, units)
    return blob


def nobody_vouches(_: int) -> bytes | None:
    return None


def named(
    unit: int, *, tls: bool = False, child: str = "child", task_id: str = TASK
) -> UnitRequest:
    return UnitRequest(task_id, child, unit=unit, tls=tls)


UPLOAD = UploadConfig(port=0)


def any_of(units: Iterable[int], *, tls: bool = False, child: str = "child") -> UnitRequest:
    wanted = Bitmap(UNITS)
    for unit in units:
        wanted.add(unit)
    return UnitRequest(TASK, child, wanted=wanted, tls=tls)


def hello(host_id: str, port: int = 1) -> pb.Hello:
    return pb.Hello(host_id=host_id, ip="127.0.0.1", port=port, version=1, hostname=host_id)


@dataclass
class Host:
    """A `TaskHost` whose tasks a test sets, and which keeps the channels that arrive open."""

    tasks: dict[str, ServedTask] = field(default_factory=dict)
    channels: asyncio.Queue[Channel] = field(default_factory=lambda: asyncio.Queue(16))
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def lookup(self, task_id: str) -> ServedTask | None:
        return self.tasks.get(task_id)

    async def on_control(self, channel: Channel) -> None:
        self.channels.put_nowait(channel)
        await self.done.wait()

    def change(self, **changes: object) -> None:
        self.tasks[TASK] = replace(self.tasks[TASK], **changes)  # type: ignore[arg-type]


@dataclass
class Parent:
    """A running upload server."""

    server: UploadServer
    host: Host
    sent: asyncio.Queue[UnitSent]

    @property
    def addr(self) -> Address:
        return "127.0.0.1", self.server.port


@asynccontextmanager
async def parent(
    task: ServedTask | None,
    *,
    tls: SSLContext | None = None,
    config: UploadConfig | None = None,
    channel_config: ChannelConfig | None = None,
) -> AsyncIterator[Parent]:
    """An upload server that has ``task``."""
    host = Host({TASK: task} if task else {})
    sent: asyncio.Queue[UnitSent] = asyncio.Queue(1000)
    config = replace(config or UPLOAD, host="127.0.0.1")
    server = UploadServer(
        config,
        host,
        hello("parent"),
        tls=tls,
        on_sent=sent.put_nowait,
        channel_config=channel_config,
    )
    await server.start()
    try:
        yield Parent(server, host, sent)
    finally:
        host.done.set()
        await server.stop()


@asynccontextmanager
async def child(
    config: ParentConfig | None = None, *, tls: SSLContext | None = None
) -> AsyncIterator[ParentPool]:
    pool = ParentPool(config, tls=tls)
    try:
        yield pool
    finally:
        await pool.aclose()
