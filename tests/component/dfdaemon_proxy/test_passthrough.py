"""What is not the swarm's passes unchanged, in both directions, as a stream."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from dfdaemon.hub.config import HubConfig
from dfdaemon.proxy.config import BasicAuthConfig, LimitsConfig, ProxyConfig
from tests.component.dfdaemon_proxy.bed import Node, until
from tests.component.dfdaemon_proxy.origin import GZIPPED, Origin

HUB = HubConfig(endpoint="http://127.0.0.1:9", hosts=(), cdn_hosts=())


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with Node(tmp_path / "node", HUB) as running:
        yield running


async def test_any_method_and_body_arrives_and_the_answer_comes_back(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    url = URL(f"{origin.url}/echo?a=%2F", encoded=True)
    for method in ("POST", "PUT", "PATCH", "DELETE", "PROPFIND"):
        async with http.request(method, url, data=b"body" * 1000, proxy=node.url) as answer:
            assert (answer.status, await answer.read()) == (200, b"body" * 1000)
            assert answer.headers["X-Method"] == method
        assert origin.asked[-1].path == "/echo?a=%2F"


async def test_a_chunked_upload_is_streamed(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"z" * 50_000

    async with http.post(f"{origin.url}/echo", data=body(), proxy=node.url) as answer:
        assert len(await answer.read()) == 1_000_000
    assert origin.asked[-1].headers["Transfer-Encoding"] == "chunked"


async def test_an_upload_waits_for_the_origins_continue(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    async with http.post(
        f"{origin.url}/early", data=b"x" * 100, expect100=True, proxy=node.url
    ) as answer:
        assert (answer.status, await answer.read()) == (417, b"not that")


async def test_an_error_keeps_its_status_headers_and_body(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{origin.url}/nothing", proxy=node.url) as answer:
        assert (answer.status, await answer.read()) == (404, b"no such thing")
        assert answer.headers["X-Why"] == "not here"


async def test_compressed_answers_stay_compressed(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    headers = {"Accept-Encoding": "gzip"}
    async with http.get(f"{origin.url}/gzipped", headers=headers, proxy=node.url) as answer:
        assert await answer.read() == GZIPPED
        assert answer.headers["Content-Encoding"] == "gzip"


async def test_a_head_has_the_length_and_no_body(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    async with http.head(f"{origin.url}/blob", proxy=node.url) as answer:
        assert answer.headers["Content-Length"] == str(len(origin.blob))
        assert answer.headers["ETag"] == '"one"'


async def test_a_redirect_is_the_clients_to_follow(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{origin.url}/bare", proxy=node.url, allow_redirects=False) as answer:
        assert answer.status == 302
        assert answer.headers["Location"] == f"{origin.url}/echo"
    assert origin.count("/echo") == 0


async def test_a_body_that_the_origin_cuts_is_cut_for_the_client(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        async with http.get(f"{origin.url}/cut", proxy=node.url) as answer:
            await answer.read()


async def test_the_first_bytes_do_not_wait_for_the_last(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{origin.url}/slow", proxy=node.url) as answer:
        assert await answer.content.readany() == b"first"
        origin.release.set()
        assert await answer.content.read() == b" second"


async def test_hop_by_hop_and_our_own_headers_end_here(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    sent = {
        "Connection": "X-Hop, keep-alive",
        "X-Hop": "1",
        "Proxy-Authorization": "Basic secret",
        "X-Dragonfly-Tag": "t",
        "X-Kept": "yes",
    }
    async with http.get(f"{origin.url}/echo", headers=sent, proxy=node.url):
        pass
    got = origin.asked[-1].headers
    assert got["X-Kept"] == "yes"
    assert not {"X-Hop", "Proxy-Authorization", "X-Dragonfly-Tag"} & got.keys()
    assert got["Via"].startswith("1.1 meganeura-")


async def test_an_origin_that_is_not_there_is_a_502_of_one_line(
    node: Node, http: aiohttp.ClientSession
) -> None:
    async with http.get("http://127.0.0.1:9/secret?Signature=abc", proxy=node.url) as answer:
        text = await answer.text()
        assert answer.status == 502
        assert answer.headers["X-Dragonfly-Error-Type"] == "backend"
        assert text.count("\n") == 1
        assert "abc" not in text


async def test_a_request_that_comes_back_is_stopped(
    node: Node, http: aiohttp.ClientSession
) -> None:
    headers = {"X-Dragonfly-Registry": node.url}
    async with http.get(f"{node.url}/anything", headers=headers) as answer:
        assert answer.status == 403
        assert "itself" in await answer.text()
    # By another name it is found out when it comes back.
    headers = {"X-Dragonfly-Registry": f"http://localhost:{node.server.port}"}
    async with http.get(f"{node.url}/anything", headers=headers) as answer:
        assert answer.status == 400
        assert "came back" in await answer.text()


async def test_the_password_is_asked_as_a_proxys_and_the_origins_passes(
    tmp_path: Path, origin: Origin, http: aiohttp.ClientSession
) -> None:
    config = ProxyConfig(basic_auth=BasicAuthConfig("me", "secret"))
    async with Node(tmp_path / "node", HUB, config) as node:
        async with http.get(f"{origin.url}/echo", proxy=node.url) as answer:
            assert answer.status == 407
            assert "Basic" in answer.headers["Proxy-Authenticate"]
        headers = {
            "Authorization": origin.password,
            "Proxy-Authorization": f"Basic {base64.b64encode(b'me:secret').decode()}",
        }
        async with http.get(f"{origin.url}/guarded", headers=headers, proxy=node.url) as answer:
            assert answer.status == 200


async def test_above_the_limit_it_says_when_to_come_back(
    tmp_path: Path, origin: Origin, http: aiohttp.ClientSession
) -> None:
    config = ProxyConfig(limits=LimitsConfig(requests=1))
    async with (
        Node(tmp_path / "node", HUB, config) as node,
        http.get(f"{origin.url}/slow", proxy=node.url) as first,
    ):
        await first.content.readany()
        async with http.get(f"{origin.url}/echo", proxy=node.url) as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "1"
        origin.release.set()


async def test_a_client_that_leaves_ends_the_request_at_the_origin(
    node: Node, origin: Origin
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
    writer.write(f"GET {origin.url}/slow HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await reader.readuntil(b"first")
    writer.transport.abort()
    await until(lambda: node.server.connection_count == 0)
