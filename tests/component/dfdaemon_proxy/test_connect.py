"""CONNECT: an untouched tunnel, or TLS that ends at the proxy."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest

from dfdaemon.hub.config import HubConfig
from dfdaemon.proxy.config import InterceptConfig, ProxyConfig, RegistryMirrorConfig, RuleConfig
from dfinfra import tls
from tests.component.dfdaemon_proxy.bed import Node, until
from tests.component.dfdaemon_proxy.origin import BLOB, Origin

HUB = HubConfig(endpoint="http://127.0.0.1:9", hosts=(), cdn_hosts=())


async def _connect(
    node: Node, authority: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
    writer.write(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
    return reader, writer, await reader.readuntil(b"\r\n\r\n")


async def test_bytes_of_a_tunnel_pass_untouched_both_ways(tmp_path: Path) -> None:
    async def upside_down(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Ends only when the client has ended its half: the tunnel must pass that on.
        body = await reader.read()
        writer.write(body[::-1])
        await writer.drain()
        writer.close()

    far = await asyncio.start_server(upside_down, "127.0.0.1", 0)
    port = far.sockets[0].getsockname()[1]
    async with Node(tmp_path / "node", HUB) as node:
        reader, writer, head = await _connect(node, f"127.0.0.1:{port}")
        assert b"200" in head
        sent = bytes(range(256)) * 8192
        writer.write(sent)
        writer.write_eof()
        async with asyncio.timeout(20):
            assert await reader.read() == sent[::-1]
        writer.close()
    far.close()
    await far.wait_closed()


async def test_bytes_sent_behind_the_connect_are_not_lost(tmp_path: Path, origin: Origin) -> None:
    async with Node(tmp_path / "node", HUB) as node:
        reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
        connect = f"CONNECT {origin.authority} HTTP/1.1\r\nHost: {origin.authority}\r\n\r\n"
        writer.write(f"{connect}GET /echo HTTP/1.0\r\n\r\n".encode())
        async with asyncio.timeout(10):
            assert b"X-Method: GET" in await reader.read()
        writer.close()


async def test_a_host_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with Node(tmp_path / "node", HUB) as node:
        _, writer, head = await _connect(node, "127.0.0.1:9")
        assert b" 502 " in head.splitlines()[0]
        writer.close()


async def test_a_denied_host_is_refused(tmp_path: Path) -> None:
    config = ProxyConfig(denied_hosts=("169.254.*",))
    async with Node(tmp_path / "node", HUB, config) as node:
        _, writer, head = await _connect(node, "169.254.169.254:443")
        assert b" 403 " in head.splitlines()[0]
        writer.close()


async def test_open_tunnels_do_not_hold_up_the_stop(tmp_path: Path, origin: Origin) -> None:
    async with asyncio.timeout(5):
        async with Node(tmp_path / "node", HUB) as node:
            reader, writer, _ = await _connect(node, origin.authority)
        assert await reader.read() == b""
        writer.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tls.Authority:
    return tls.create_ca(tmp_path_factory.mktemp("ca"))


async def test_a_named_host_is_intercepted_and_its_blobs_come_from_the_swarm(
    tmp_path: Path, origin: Origin, authority: tls.Authority
) -> None:
    config = ProxyConfig(
        intercept=InterceptConfig(hosts=(r"^models\.test$",)),
        proxies=(
            RuleConfig(r"models\.test/blob", redirect=origin.url),
            RuleConfig(r"models\.test/", direct=True, redirect=origin.url),
        ),
        registry_mirror=RegistryMirrorConfig(),
    )
    trusting = ssl.create_default_context(cadata=authority.pem.decode())
    leaves = tls.LeafCache(authority)
    async with (
        Node(tmp_path / "node", HUB, config, leaves=leaves) as node,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as http,
    ):
        for _ in range(2):
            async with http.get("https://models.test/blob", proxy=node.url) as answer:
                assert await answer.read() == BLOB
        async with http.post(
            "https://models.test/echo", data=b"x" * 500_000, proxy=node.url
        ) as answer:
            assert len(await answer.read()) == 500_000
        assert len(node.tasks.fetched) == 1


async def test_a_client_that_does_not_trust_us_is_let_go(
    tmp_path: Path, authority: tls.Authority
) -> None:
    config = ProxyConfig(intercept=InterceptConfig(hosts=(r"^models\.test$",)))
    leaves = tls.LeafCache(authority)
    async with (
        Node(tmp_path / "node", HUB, config, leaves=leaves) as node,
        aiohttp.ClientSession() as http,
    ):
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await http.get("https://models.test/blob", proxy=node.url)
        await until(lambda: node.server.connection_count == 0)
