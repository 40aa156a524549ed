"""Servers that follow a script: parents and origins that misbehave in one exact way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ssl import SSLContext

from dfdaemon.fetch.requests import Address
from dfdaemon.peerlink.conn import close_writer
from dfdaemon.vortex.wire import HEADER_SIZE, parse_header

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def scripted(script: Script, *, tls: SSLContext | None = None) -> AsyncIterator[Address]:
    """Run ``script`` for each connection, which is closed when the script is at its end."""

    open_now: set[asyncio.StreamWriter] = set()
    idle = asyncio.Event()
    idle.set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now.add(writer)
        idle.clear()
        try:
            await script(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            await close_writer(writer, linger_s=0.2)
            open_now.discard(writer)
            if not open_now:
                idle.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()
        await server.wait_closed()
        for writer in open_now:
            writer.transport.abort()
        async with asyncio.timeout(5):
            await idle.wait()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """A whole Vortex packet."""
    head = await reader.readexactly(HEADER_SIZE)
    return head + await reader.readexactly(parse_header(head, longest=1 << 20).length)


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    """What arrives until the other side closes, in whatever way."""
    data = bytearray()
    try:
        while part := await reader.read(4096):
            data += part
    except ConnectionError:
        pass
    return bytes(data)
