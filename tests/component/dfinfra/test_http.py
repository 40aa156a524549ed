"""Bytes come as they were sent, and a handler hears of a client that left."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from aiohttp import web

from dfcore.errors import ConfigError
from dfinfra.http import ClientLimits, HttpServer, client_session


async def test_a_body_is_not_decompressed_and_no_encoding_is_asked_for() -> None:
    body = gzip.compress(b"x" * 1000)
    seen: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Accept-Encoding"))
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    app = web.Application()
    app.router.add_get("/", answer)
    server = HttpServer("origin", app, "127.0.0.1", 0, grace_s=0.1)
    await server.start()
    async with client_session(ClientLimits(connect_s=5)) as session:
        async with session.get(f"http://127.0.0.1:{server.port}/") as response:
            assert await response.read() == body
    assert seen == [None]
    await server.stop()


async def test_a_handler_is_cancelled_when_its_client_leaves() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    app = web.Application()
    app.router.add_get("/", answer)
    server = HttpServer("slow", app, "127.0.0.1", 0, grace_s=0.1)
    await server.start()
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await begun.wait()
    writer.close()
    async with asyncio.timeout(10):
        await cancelled.wait()
    await server.stop()


async def test_an_address_that_is_not_ours_is_told() -> None:
    server = HttpServer("x", web.Application(), "192.0.2.1", 1)
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1:1: .*assign"):
        await server.start()
