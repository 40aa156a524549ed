"""What the upload server makes of clients that stall, trickle, or speak nonsense."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from blobstore import BlobStore
from dfdaemon.fetch.requests import Address
from dfdaemon.peerlink.conn import close_writer
from dfdaemon.upload.served import ServedTask
from dfdaemon.vortex.units import GetAny, GetUnit, UnitContent
from dfdaemon.vortex.wire import HEADER_SIZE, Tag, pack, parse_header
from tests.component.dfdaemon_plane.bed import (
    CONTENT,
    TASK,
    UNITS,
    UPLOAD,
    bytes_of,
    child,
    make_blob,
    named,
    nobody_vouches,
    parent,
)
from tests.component.dfdaemon_plane.conftest import Cluster
from tests.component.dfdaemon_plane.scripted import until_closed

Stores = Callable[[str], BlobStore]
HASTY = replace(UPLOAD, first_packet_timeout_s=0.2, idle_timeout_s=0.2, stall_timeout_s=0.2)


@asynccontextmanager
async def connected(
    addr: Address,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*addr, limit=1 << 16)
    try:
        yield reader, writer
    finally:
        await close_writer(writer, linger_s=0.2)


async def is_served(addr: Address) -> bool:
    """A new connection is answered, and not hung up on in whatever way."""
    async with connected(addr) as (reader, writer):
        with suppress(OSError, RuntimeError):
            writer.write(GetUnit(TASK, 0, "child").pack())
            return bool(await reader.read(1))
    return False


async def read_unit(reader: asyncio.StreamReader) -> tuple[UnitContent, bytes]:
    header = parse_header(await reader.readexactly(HEADER_SIZE), longest=1000)
    assert header.tag == Tag.UNIT_CONTENT
    content = UnitContent.parse(await reader.readexactly(header.length))
    return content, await reader.readexactly(content.length)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 6,
        pack(Tag.GET_UNIT, b"short"),
        pack(Tag.GET_UNIT, b"../" * 22 + b"1234x"),
        pack(Tag.CONTROL_HELLO, b"\xff\xff"),
        pack(Tag.CONTROL_FRAME),
        pack(Tag.CLOSE),
        b"\x00\xd2\xff\xff\xff\xff",
        b"\x16\x03\x01\x00\x05hello",
        GetAny(TASK, "child", b"\xff").pack(),
        GetAny(TASK, "child", b"\xff" * 1000).pack(),
    ],
)
async def test_nonsense_ends_the_connection(
    store_of: Stores, cluster: Cluster, nonsense: bytes
) -> None:
    task = ServedTask(make_blob(store_of("p"), range(UNITS)), seed=True)
    async with parent(task, tls=cluster.server, config=HASTY) as up:
        async with connected(up.addr) as (reader, writer):
            writer.write(nonsense)
            async with asyncio.timeout(5):
                await until_closed(reader)


@pytest.mark.parametrize("said", [b"", b"\x16", b"\x00\xd2\x00"])
async def test_client_that_does_not_say_what_it_wants_is_dropped(said: bytes) -> None:
    async with parent(None, config=HASTY) as up, connected(up.addr) as (reader, writer):
        writer.write(said)
        async with asyncio.timeout(5):
            assert not await until_closed(reader)


async def test_idle_connection_is_dropped(store_of: Stores) -> None:
    task = ServedTask(make_blob(store_of("p"), range(UNITS)))
    async with parent(task, config=HASTY) as up, connected(up.addr) as (reader, writer):
        writer.write(GetUnit(TASK, 0, "child").pack())
        assert (await read_unit(reader))[1] == bytes_of(0)
        async with asyncio.timeout(5):
            assert not await until_closed(reader)


async def test_request_that_comes_byte_by_byte_is_answered(store_of: Stores) -> None:
    task = ServedTask(make_blob(store_of("p"), range(UNITS)))
    async with parent(task) as up, connected(up.addr) as (reader, writer):
        for byte in GetUnit(TASK, 3, "child").pack():
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert (await read_unit(reader))[1] == bytes_of(3)


async def test_client_that_does_not_read_loses_its_slot(store_of: Stores) -> None:
    # One unit as big as the blob, so that it does not fit into the sockets' buffers.
    source = make_blob(store_of("p"), range(UNITS))
    config = replace(HASTY, slots=1, send_threads=1)
    async with parent(ServedTask(source), config=config) as up, child() as pool:
        target = make_blob(store_of("c"))
        stuck = [await asyncio.open_connection(*up.addr, limit=1024) for _ in range(8)]
        for number, (_, writer) in enumerate(stuck):
            for unit in range(UNITS):
                writer.write(GetUnit(TASK, unit, f"stuck {number}").pack())
        async with asyncio.timeout(10):
            for reader, _ in stuck:
                with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                    await reader.readexactly(len(CONTENT) * 2)
        await pool.fetch(up.addr, named(1), target, nobody_vouches)
        for _, writer in stuck:
            await close_writer(writer, linger_s=0)


async def test_connections_above_the_limit_are_closed(store_of: Stores) -> None:
    task = ServedTask(make_blob(store_of("p"), range(UNITS)))
    config = replace(UPLOAD, max_connections=2)
    async with parent(task, config=config) as up:
        async with connected(up.addr) as (first, writer), connected(up.addr):
            writer.write(GetUnit(TASK, 0, "child").pack())
            await read_unit(first)
            async with connected(up.addr) as (third, _):
                async with asyncio.timeout(5):
                    assert not await until_closed(third)
        async with asyncio.timeout(5):
            while not await is_served(up.addr):
                pass


async def test_stopping_does_not_wait_for_clients(store_of: Stores) -> None:
    task = ServedTask(make_blob(store_of("p")), seed=True, fetching_from_origin=True)
    async with parent(task) as up:
        async with connected(up.addr) as (reader, writer), connected(up.addr):
            writer.write(GetAny(TASK, "child", b"\xff\x07").pack())
            await asyncio.sleep(0.05)
            async with asyncio.timeout(5):
                await up.server.stop()
                await until_closed(reader)
