"""Files over sockets: our own ones, and those of aiohttp responses, in clear and under TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import aiohttp
import pytest
from aiohttp import web

from dfdaemon.fetch.limiter import NO_LIMIT, Limiter, RateLimiter
from dfdaemon.upload.sendfile import Patience, Sender
from dfinfra.jobs import spawn
from tests.component.dfdaemon_plane.bed import MIB
from tests.component.dfdaemon_plane.conftest import Cluster

DATA = Random(3).randbytes(9 * MIB + 17)
PATIENT = Patience(stall_timeout_s=5.0)


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    with path.open("rb") as file:
        yield file.fileno()


@asynccontextmanager
async def sending(threads: int) -> AsyncIterator[Sender]:
    sender = Sender(threads=threads)
    try:
        yield sender
    finally:
        await sender.aclose()


@asynccontextmanager
async def sockets() -> AsyncIterator[tuple[socket.socket, asyncio.StreamReader]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=theirs)
    with ours:
        yield ours, reader
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        pass


@pytest.mark.parametrize("threads", [1, 0], ids=["thread", "loop"])
async def test_prefix_and_extent_arrive(fd: int, threads: int) -> None:
    async with sending(threads or 1) as sender, sockets() as (ours, reader):
        sender._free_threads = threads
        job = spawn(
            sender.send_socket(ours, fd, 1000, 5 * MIB, prefix=b"head", patience=PATIENT),
            name="send",
        )
        assert await reader.readexactly(4 + 5 * MIB) == b"head" + DATA[1000 : 1000 + 5 * MIB]
        await job


async def test_nothing_but_a_prefix(fd: int) -> None:
    async with sending(1) as sender, sockets() as (ours, reader):
        await sender.send_socket(ours, fd, 0, 0, prefix=b"head")
        assert await reader.readexactly(4) == b"head"


async def test_limited_transfer_keeps_to_its_rate(fd: int) -> None:
    loop = asyncio.get_running_loop()
    async with sending(1) as sender, sockets() as (ours, reader):
        started = loop.time()
        job = spawn(
            sender.send_socket(ours, fd, 0, 2 * MIB, limiter=RateLimiter(8 * MIB, MIB)),
            name="send",
        )
        assert await reader.readexactly(2 * MIB) == DATA[: 2 * MIB]
        await job
        # The burst goes at once, the other MiB in an eighth of a second at the least.
        assert loop.time() - started > 0.1


@pytest.mark.parametrize("threads", [1, 0], ids=["thread", "loop"])
async def test_short_file_is_an_error(fd: int, threads: int) -> None:
    async with sending(1) as sender, sockets() as (ours, reader):
        sender._free_threads = threads
        drain = spawn(reader.read(), name="drain")
        with pytest.raises(OSError, match="shorter"):
            await sender.send_socket(ours, fd, len(DATA) - 10, 11)
        ours.close()
        assert await drain == DATA[-10:]


@pytest.mark.parametrize("threads", [1, 0], ids=["thread", "loop"])
async def test_reader_that_stops_is_given_up(fd: int, threads: int) -> None:
    async with sending(1) as sender, sockets() as (ours, _):
        sender._free_threads = threads
        with pytest.raises(TimeoutError):
            await sender.send_socket(ours, fd, 0, 9 * MIB, patience=Patience(0.1))


@pytest.mark.parametrize("threads", [1, 0], ids=["thread", "loop"])
async def test_reader_that_trickles_is_given_up(
    fd: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dfdaemon.upload.sendfile._RATE_GRACE_S", 0.1)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    with ours, theirs:
        async with sending(1) as sender:
            sender._free_threads = threads

            async def trickle() -> None:
                for _ in range(1000):
                    await asyncio.get_running_loop().sock_recv(theirs, 20_000)
                    await asyncio.sleep(0.01)

            job = spawn(trickle(), name="trickle")
            with pytest.raises(TimeoutError):
                await sender.send_socket(
                    ours, fd, 0, 9 * MIB, patience=Patience(5.0, min_rate_bytes_s=100 * MIB)
                )
            job.cancel()
            await asyncio.wait({job})


@pytest.mark.parametrize("threads", [1, 0], ids=["thread", "loop"])
async def test_cancelled_transfer_ends(fd: int, threads: int) -> None:
    async with sending(1) as sender, sockets() as (ours, reader):
        sender._free_threads = threads
        job = spawn(sender.send_socket(ours, fd, 0, 9 * MIB), name="send")
        await reader.readexactly(1000)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job


@asynccontextmanager
async def http_server(
    sender: Sender,
    fd: int,
    *,
    tls: ssl.SSLContext | None = None,
    promised: int = len(DATA),
    limiter: Limiter = NO_LIMIT,
    failed: asyncio.Event | None = None,
) -> AsyncIterator[str]:
    """Answers every GET with the file, in extents of 4 MiB."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = promised
        await response.prepare(request)
        try:
            for offset in range(0, promised, 4 * MIB):
                length = min(4 * MIB, promised - offset)
                await sender.send_extent(request, response, fd, offset, length, limiter=limiter)
        except (OSError, asyncio.CancelledError):
            if failed is not None:
                failed.set()
            raise
        await response.write_eof()
        return response

    runner = web.ServerRunner(web.Server(handle, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    scheme = "https" if tls else "http"
    try:
        yield f"{scheme}://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("secured", [False, True], ids=["clear", "tls"])
async def test_aiohttp_response_is_whole_and_the_connection_lives_on(
    fd: int, cluster: Cluster, secured: bool
) -> None:
    connector = aiohttp.TCPConnector(limit=1, ssl=cluster.client if secured else False)
    async with sending(2) as sender, aiohttp.ClientSession(connector=connector) as session:
        async with http_server(sender, fd, tls=cluster.server if secured else None) as url:
            ports = set()
            for _ in range(3):
                async with session.get(url) as response:
                    assert response.connection is not None
                    ports.add(response.connection.transport.get_extra_info("sockname"))
                    assert await response.read() == DATA
            assert len(ports) == 1


async def test_aiohttp_many_readers_at_once(fd: int) -> None:
    async with sending(2) as sender, aiohttp.ClientSession() as session:
        async with http_server(sender, fd) as url:

            async def get() -> bytes:
                async with session.get(url) as response:
                    return await response.read()

            bodies = await asyncio.gather(*(get() for _ in range(8)))
    assert all(body == DATA for body in bodies)


@pytest.mark.parametrize("secured", [False, True], ids=["clear", "tls"])
async def test_aiohttp_short_file_never_looks_whole(
    fd: int, cluster: Cluster, secured: bool
) -> None:
    tls = cluster.server if secured else None
    connector = aiohttp.TCPConnector(ssl=cluster.client if secured else False)
    async with sending(2) as sender, aiohttp.ClientSession(connector=connector) as session:
        async with http_server(sender, fd, tls=tls, promised=len(DATA) + 1) as url:
            with pytest.raises(aiohttp.ClientError):
                async with session.get(url) as response:
                    await response.read()


async def test_aiohttp_client_that_goes_ends_the_transfer(fd: int) -> None:
    failed = asyncio.Event()
    async with sending(2) as sender, aiohttp.ClientSession() as session:
        async with http_server(sender, fd, failed=failed) as url:
            async with session.get(url) as response:
                await response.content.readexactly(1000)
                response.close()
            async with asyncio.timeout(5):
                await failed.wait()
