"""Answers that are given again, over real connections: to whom, in which order, and never mixed up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.web_request import BaseRequest

from dfdaemon.proxy.replay import Replays, ReplayServer

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Site:
    """A server whose answers name the path that was asked for."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    replayed: int = 0
    held: asyncio.Event = field(default_factory=asyncio.Event)
    opened: list[asyncio.StreamWriter] = field(default_factory=list)

    def use(self) -> None:
        self.replayed += 1

    async def connect(self) -> Streams:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.opened.append(writer)
        return reader, writer


def head(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


async def answer(reader: asyncio.StreamReader) -> str:
    async with asyncio.timeout(10):
        told = await reader.readuntil(b"\r\n\r\n")
        (length,) = [line for line in told.split(b"\r\n") if line.startswith(b"Content-Length")]
        return (await reader.readexactly(int(length.split()[1]))).decode()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    made.held.set()
    replays = Replays(lambda: 0.0, made.use, trusted_s=60.0)

    async def handle(request: BaseRequest) -> web.StreamResponse:
        made.asked.append(request.path)
        await made.held.wait()
        body = request.path.encode()
        response = web.Response(body=body)
        await response.prepare(request)
        await response.write_eof()
        # The client has its answer and this request is not over: as when a thread has sent it.
        for _ in range(3):
            await asyncio.sleep(0)
        replays.keep(request, response, body)
        return response

    runner = web.ServerRunner(ReplayServer(replays, handle))
    await runner.setup()
    place = web.TCPSite(runner, "127.0.0.1", 0)
    await place.start()
    made.port = runner.addresses[0][1]
    yield made
    for writer in made.opened:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    await runner.cleanup()


async def test_the_same_words_are_answered_without_being_parsed(site: Site) -> None:
    for _ in range(3):
        reader, writer = await site.connect()
        for _ in range(5):
            writer.write(head("/a"))
            assert await answer(reader) == "/a"
    assert site.asked.count("/a") <= 2
    assert site.replayed >= 13


async def test_requests_that_come_while_one_is_answered_keep_their_order(site: Site) -> None:
    reader, writer = await site.connect()
    for path in ("/a", "/b"):
        writer.write(head(path))
        assert await answer(reader) == path
    site.held.clear()
    asked = ["/slow", "/a", "/b", "/a"]
    for path in asked:
        writer.write(head(path))
        await writer.drain()
        # As a packet of its own.
        await asyncio.sleep(0.01)
    site.held.set()
    assert [await answer(reader) for _ in asked] == asked


@pytest.mark.parametrize(
    "first",
    [
        head("/x", f"Content-Length: {len(head('/a'))}"),
        head("/x", f"content-length : {len(head('/a'))}"),
        b"GET /x HTTP/1.1\nHost: x\n\nGET /y HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_a_body_that_looks_like_a_request_poisons_nothing(site: Site, first: bytes) -> None:
    _, writer = await site.connect()
    writer.write(first)
    await writer.drain()
    await asyncio.sleep(0.01)
    for data in (head("/a"), head("/evil")):
        # It may have hung up on what is no request; uvloop says so by a RuntimeError.
        with suppress(OSError, RuntimeError):
            writer.write(data)
        await asyncio.sleep(0.01)
    reader, writer = await site.connect()
    for path in ("/a", "/y", "/evil"):
        writer.write(head(path))
        assert await answer(reader) == path
