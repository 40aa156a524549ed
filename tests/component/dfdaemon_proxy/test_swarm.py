"""GETs that a rule sends through the swarm: ranges, conditions, rights, faults."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from dfcore.errors import ContentChanged, NoSpace, OriginRefused
from dfdaemon.hub.config import HubConfig
from dfdaemon.proxy.config import ProxyConfig, RegistryMirrorConfig, RuleConfig
from tests.component.dfdaemon_proxy.bed import Node, until
from tests.component.dfdaemon_proxy.origin import BLOB, Origin

HUB = HubConfig(endpoint="http://127.0.0.1:9", hosts=(), cdn_hosts=(), ref_ttl_s=0.0)
CONFIG = ProxyConfig(proxies=(RuleConfig("blob|guarded"),))


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with Node(tmp_path / "node", HUB, CONFIG) as running:
        yield running
        await until(lambda: running.tasks.open_handles == 0)


async def test_the_whole_content_comes_with_what_describes_it(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{origin.url}/blob", proxy=node.url) as answer:
        assert (answer.status, await answer.read()) == (200, BLOB)
        assert answer.headers["Content-Type"] == "model/weights"
        assert answer.headers["ETag"] == '"one"'
        assert answer.headers["X-Dragonfly-Server-IP"] == "127.0.0.1"
        assert answer.headers["X-Dragonfly-Task-ID"] == node.tasks.specs[0].task_id
        assert "X-Dragonfly-Task-Download-Finished" not in answer.headers
    async with http.get(f"{origin.url}/blob", proxy=node.url) as answer:
        assert await answer.read() == BLOB
        assert answer.headers["X-Dragonfly-Task-Download-Finished"] == "true"
    assert len(node.tasks.fetched) == 1


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [("0-9", 0, 10), ("-7", len(BLOB) - 7, len(BLOB)), ("100000-", 100_000, len(BLOB))],
)
async def test_a_range_is_answered_with_206(
    node: Node, origin: Origin, http: aiohttp.ClientSession, asked: str, first: int, end: int
) -> None:
    headers = {"Range": f"bytes={asked}"}
    async with http.get(f"{origin.url}/blob", headers=headers, proxy=node.url) as answer:
        assert (answer.status, await answer.read()) == (206, BLOB[first:end])
        assert answer.headers["Content-Range"] == f"bytes {first}-{end - 1}/{len(BLOB)}"
    (wanted,) = node.tasks.wanted
    assert wanted is not None
    assert (wanted.start, wanted.end) == (first, end)


async def test_a_range_past_the_end_is_416_and_starts_no_task(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    headers = {"Range": f"bytes={len(BLOB)}-"}
    async with http.get(f"{origin.url}/blob", headers=headers, proxy=node.url) as answer:
        assert answer.status == 416
        assert answer.headers["Content-Range"] == f"bytes */{len(BLOB)}"
    assert node.tasks.specs == []


async def test_several_ranges_come_as_multipart(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    headers = {"Range": "bytes=5-9,200000-200004"}
    async with http.get(f"{origin.url}/blob", headers=headers, proxy=node.url) as answer:
        body = await answer.read()
        assert answer.status == 206
        assert len(body) == int(answer.headers["Content-Length"])
        match = re.fullmatch("multipart/byteranges; boundary=(.+)", answer.headers["Content-Type"])
        assert match
        parts = body.split(f"--{match[1]}".encode())
    assert parts[1].endswith(b"\r\n\r\n" + BLOB[5:10] + b"\r\n")
    assert parts[2].endswith(b"\r\n\r\n" + BLOB[200_000:200_005] + b"\r\n")
    assert f"Content-Range: bytes 5-9/{len(BLOB)}".encode() in parts[1]


async def test_what_the_client_has_already_is_not_sent(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    headers = {"If-None-Match": '"one"'}
    async with http.get(f"{origin.url}/blob", headers=headers, proxy=node.url) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
    assert node.tasks.specs == []


async def test_a_range_of_other_content_than_the_clients_is_sent_whole(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    headers = {"Range": "bytes=5-", "If-Range": '"old"'}
    async with http.get(f"{origin.url}/blob", headers=headers, proxy=node.url) as answer:
        assert (answer.status, await answer.read()) == (200, BLOB)


async def test_an_empty_content_is_served(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    origin.blob = b""
    async with http.get(f"{origin.url}/blob", proxy=node.url) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
        assert answer.headers["Content-Length"] == "0"


async def test_the_connection_is_kept_for_the_next_request(node: Node, origin: Origin) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
    for _ in range(3):
        writer.write(f"GET {origin.url}/blob HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"200 OK" in head
        assert await reader.readexactly(len(BLOB)) == BLOB
    writer.close()
    await writer.wait_closed()


async def test_only_get_goes_to_the_swarm(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    async with http.head(f"{origin.url}/blob", proxy=node.url) as answer:
        assert answer.headers["Content-Length"] == str(len(BLOB))
    assert node.tasks.specs == []


async def test_the_encoding_a_client_accepts_is_not_asked_for_others(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    headers = {"Accept-Encoding": "gzip", "Range": "bytes=1-2", "X-Own": "kept"}
    async with http.get(f"{origin.url}/blob", headers=headers, proxy=node.url):
        pass
    assert set(map(str.lower, node.tasks.specs[0].request_headers)) & {
        "accept-encoding",
        "range",
        "x-own",
    } == {"x-own"}


async def test_changed_content_gets_another_validator(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{origin.url}/blob", proxy=node.url) as answer:
        await answer.read()
    origin.blob, origin.etag = b"new content", '"two"'
    async with http.get(f"{origin.url}/blob", proxy=node.url) as answer:
        assert await answer.read() == b"new content"
    assert [spec.validator for spec in node.tasks.specs] == ['"one"', '"two"']


async def test_cached_bytes_are_only_for_those_whom_the_origin_lets_have_them(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    url = f"{origin.url}/guarded"
    async with http.get(url, headers={"Authorization": origin.password}, proxy=node.url) as answer:
        assert await answer.read() == BLOB
    assert node.tasks.specs[0].restricted
    for headers in ({}, {"Authorization": "Bearer stolen"}):
        async with http.get(url, headers=headers, proxy=node.url) as answer:
            assert (answer.status, await answer.read()) == (401, b"who are you?")
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="origin"'
    assert len(node.tasks.specs) == 1


async def test_a_registry_blob_is_known_by_its_digest(
    tmp_path: Path, origin: Origin, http: aiohttp.ClientSession
) -> None:
    config = ProxyConfig(registry_mirror=RegistryMirrorConfig(url=origin.url))
    async with Node(tmp_path / "node", HUB, config) as node:
        async with http.get(f"{node.url}/v2/") as answer:
            assert await answer.read() == b"{}"
        async with http.get(f"{node.url}/v2/img/blobs/sha256:{origin.digest}") as answer:
            assert await answer.read() == BLOB
        (spec,) = node.tasks.specs
        assert str(spec.digest) == f"sha256:{hashlib.sha256(BLOB).hexdigest()}"
        assert spec.content == f"{origin.authority} {spec.digest}"


async def test_the_header_names_the_remote(
    tmp_path: Path, origin: Origin, http: aiohttp.ClientSession
) -> None:
    async with Node(tmp_path / "node", HUB, CONFIG) as node:
        headers = {"X-Dragonfly-Registry": origin.url, "X-Dragonfly-Tag": "t"}
        async with http.get(f"{node.url}/blob", headers=headers) as answer:
            assert await answer.read() == BLOB
        assert node.tasks.specs[0].tag == "t"


async def test_a_task_that_fails_before_the_first_byte_is_told_by_status(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    node.tasks.fails_after = 0
    async with http.get(f"{origin.url}/blob", proxy=node.url) as answer:
        assert answer.status == 502
        assert answer.headers["X-Dragonfly-Error-Type"] == "backend"


async def test_a_task_that_fails_later_breaks_off(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    node.tasks.fails_after = 100_000
    with pytest.raises(aiohttp.ClientPayloadError):
        async with http.get(f"{origin.url}/blob", proxy=node.url) as answer:
            await answer.read()


async def test_a_range_that_goes_on_from_wrong_bytes_gets_the_whole(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{origin.url}/blob", proxy=node.url) as answer:
        await answer.read()
    node.tasks.doubtful[node.tasks.specs[0].task_id] = 5000
    for first, status, size in ((5000, 200, len(BLOB)), (5001, 206, len(BLOB) - 5001)):
        headers = {"Range": f"bytes={first}-"}
        async with http.get(f"{origin.url}/blob", headers=headers, proxy=node.url) as answer:
            assert answer.status == status
            assert await answer.read() == BLOB[-size:]


async def test_a_task_whose_content_has_changed_begins_again_with_the_new_one(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    node.tasks.open_failures.append(ContentChanged("the content at the origin has changed"))
    async with http.get(f"{origin.url}/blob", proxy=node.url) as answer:
        assert (answer.status, await answer.read()) == (200, BLOB)
    assert len(node.tasks.specs) == 2


async def test_the_origins_refusal_of_a_task_passes_unchanged(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    node.tasks.open_failure = OriginRefused(451, {"X-Law": "yes", "Content-Length": "3"}, b"no!")
    async with http.get(f"{origin.url}/blob", proxy=node.url) as answer:
        assert (answer.status, await answer.read()) == (451, b"no!")
        assert answer.headers["X-Law"] == "yes"


async def test_a_full_disk_streams_past_the_store(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    node.tasks.open_failure = NoSpace("the disk is full")
    headers = {"Range": "bytes=5-9"}
    async with http.get(f"{origin.url}/blob", headers=headers, proxy=node.url) as answer:
        assert (answer.status, await answer.read()) == (206, BLOB[5:10])


async def test_a_client_that_leaves_closes_its_handle(node: Node, origin: Origin) -> None:
    node.tasks.gate.clear()
    _, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
    writer.write(f"GET {origin.url}/blob HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await until(lambda: node.tasks.open_handles == 1)
    writer.transport.abort()
    await until(lambda: node.tasks.open_handles == 0)


async def test_a_range_makes_the_rest_come_if_asked(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    headers = {"Range": "bytes=0-1", "X-Dragonfly-Prefetch": "true"}
    async with http.get(f"{origin.url}/blob", headers=headers, proxy=node.url) as answer:
        await answer.read()
    await until(lambda: len(node.tasks.wanted) == 2 and not node.tasks.open_handles)
    assert None in node.tasks.wanted


async def test_an_output_path_must_lie_under_an_allowed_directory(
    tmp_path: Path, origin: Origin, http: aiohttp.ClientSession
) -> None:
    allowed, other = tmp_path / "out", tmp_path / "other"
    allowed.mkdir()
    other.mkdir()
    (allowed / "link").symlink_to(other)
    config = ProxyConfig(proxies=CONFIG.proxies, output_dirs=(allowed,))
    async with Node(tmp_path / "node", HUB, config) as node:

        async def get(path: object) -> int:
            headers = {"X-Dragonfly-Output-Path": str(path)}
            async with http.get(f"{origin.url}/blob", headers=headers, proxy=node.url) as answer:
                await answer.read()
                return answer.status

        for refused in (other / "f", allowed / "link" / "f", allowed / ".." / "other" / "f", "f"):
            assert await get(refused) == 403
        assert await get(allowed / "f") == 200
        assert (allowed / "f").read_bytes() == BLOB
        assert await get(allowed / "f") == 400
    assert list(other.iterdir()) == []


async def test_a_header_that_makes_no_sense_is_named(
    node: Node, origin: Origin, http: aiohttp.ClientSession
) -> None:
    headers = {"X-Dragonfly-Priority": "high"}
    async with http.get(f"{origin.url}/blob", headers=headers, proxy=node.url) as answer:
        assert answer.status == 400
        assert "X-Dragonfly-Priority" in await answer.text()


async def test_a_small_answer_is_given_again_to_the_same_words_on_any_connection(
    tmp_path: Path, origin: Origin
) -> None:
    hub = HubConfig(endpoint="http://127.0.0.1:9", hosts=(), cdn_hosts=())
    origin.blob = b"small"
    async with Node(tmp_path / "node", hub, CONFIG) as node:
        head = f"GET {origin.url}/guarded HTTP/1.1\r\nHost: o\r\nAuthorization: {{}}\r\n\r\n"
        mine, theirs = (head.format(who).encode() for who in (origin.password, "Bearer bad"))
        answers = [await _raw(node, mine) for _ in range(4)]
        assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 200 OK"}
        assert len({answer.split(b"\r\n\r\n", 1)[1] for answer in answers}) == 1
        assert len(node.tasks.specs) < 4, "the last ones were not opened as tasks"
        assert b" 200 " not in (await _raw(node, theirs)).split(b"\r\n")[0]


async def _raw(node: Node, request: bytes) -> bytes:
    """One exchange on a connection that has served before, in the client's own words."""
    reader, writer = await asyncio.open_connection(*_address(node))
    try:
        writer.write(b"GET http://127.0.0.1:9/ HTTP/1.1\r\nHost: o\r\n\r\n")
        await _answer(reader)
        writer.write(request)
        return await _answer(reader)
    finally:
        writer.close()
        await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: (\d+)", head)
    assert found is not None
    return head + await reader.readexactly(int(found[1]))


def _address(node: Node) -> tuple[str, int]:
    return "127.0.0.1", int(node.url.rsplit(":", 1)[1])
