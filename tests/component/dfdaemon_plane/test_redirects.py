"""Redirects to signed URLs and proxies: who gets the credentials, what is remembered."""

from __future__ import annotations

import asyncio
import base64
import ssl
from pathlib import Path

import pytest

from dfcore.errors import ConfigError, OriginBroken, OriginRefused
from dfcore.ranges import ByteRange
from dfdaemon.fetch.origin import OriginConfig, OriginPool, OriginRequest
from dfinfra import tls
from tests.component.dfdaemon_plane.bed import CONTENT
from tests.component.dfdaemon_plane.httporigin import Asked, Origin, answer, origin, part
from tests.component.dfdaemon_plane.scripted import scripted
from tests.component.dfdaemon_plane.test_origin import opened, pool_of

SECRET = {"Authorization": "Bearer hf_secret", "X-Other": "1"}


def to(location: str, status: int = 302) -> bytes:
    return answer(status, b"over there", Location=location, X_Linked_Etag='"abc"')


def on_localhost(source: Origin) -> str:
    """The same origin under another name, which is another host to a client."""
    return source.url.replace("127.0.0.1", "localhost")


async def read(pool: OriginPool, url: str, **more: object) -> bytes:
    request = OriginRequest(url, SECRET, **more)  # type: ignore[arg-type]
    async with opened(pool, request) as stream:
        return await stream.read(len(CONTENT))


async def test_credentials_stay_with_the_host_they_are_for() -> None:
    async with origin(part) as storage:
        signed = on_localhost(storage) + "?X-Amz-Signature=abc"
        async with origin(lambda _: to(signed)) as hub, pool_of() as pool:
            async with opened(pool, OriginRequest(hub.url, SECRET)) as stream:
                assert stream.redirect_headers["x-linked-etag"] == '"abc"'
                assert stream.final_url == signed
                assert await stream.read(len(CONTENT)) == CONTENT
    assert hub.asked[0].headers["authorization"] == SECRET["Authorization"]
    assert "authorization" not in storage.asked[0].headers
    assert storage.asked[0].headers["x-other"] == "1"
    assert storage.asked[0].target == "/blob?X-Amz-Signature=abc"


async def test_several_requests_at_once_ask_where_it_leads_once() -> None:
    async with origin(part) as storage:
        signed = on_localhost(storage)
        async with origin(lambda _: to(signed)) as hub, pool_of() as pool:
            got = await asyncio.gather(*(read(pool, hub.url) for _ in range(4)))
    assert got == [CONTENT] * 4
    assert len(hub.asked) == 1
    assert len(storage.asked) == 4


async def test_redirect_on_the_same_host_keeps_credentials() -> None:
    def moved(asked: Asked) -> bytes:
        return to("/elsewhere", 307) if asked.target == "/blob" else part(asked)

    async with origin(moved) as hub, pool_of() as pool:
        assert await read(pool, hub.url) == CONTENT
    assert [each.headers["authorization"] for each in hub.asked] == [SECRET["Authorization"]] * 2
    assert hub.connections == 1


async def test_target_is_remembered_for_the_same_requester_only() -> None:
    async with origin(part) as storage:
        async with origin(lambda _: to(on_localhost(storage))) as hub, pool_of() as pool:
            for start in (0, 10, 20):
                got = await read(pool, hub.url, range=ByteRange(start, start + 10))
                assert got == CONTENT[start : start + 10]
            assert len(hub.asked) == 1
            async with opened(pool, OriginRequest(hub.url)) as stream:
                assert stream.redirect_headers["X-Linked-Etag"] == '"abc"'
            assert len(hub.asked) == 2


async def test_target_is_not_remembered_for_ever() -> None:
    async with origin(part) as storage:
        async with origin(lambda _: to(on_localhost(storage))) as hub:
            async with pool_of(OriginConfig(redirect_ttl_s=0)) as pool:
                for _ in range(2):
                    await read(pool, hub.url)
    assert len(hub.asked) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_expired_signature_is_resolved_again_once(status: int) -> None:
    signature = 1

    def storage_answers(asked: Asked) -> bytes:
        good = asked.target.endswith(f"={signature}")
        return part(asked) if good else answer(status, b"expired")

    async with origin(storage_answers) as storage:

        def sign(_: Asked) -> bytes:
            return to(f"{on_localhost(storage)}?sig={signature}")

        async with origin(sign) as hub, pool_of() as pool:
            assert await read(pool, hub.url) == CONTENT
            signature = 2
            assert await read(pool, hub.url) == CONTENT
            assert len(hub.asked) == 2


async def test_signature_that_is_never_good_is_refused() -> None:
    async with origin(lambda _: answer(403, b"never")) as storage:
        async with origin(lambda _: to(on_localhost(storage))) as hub, pool_of() as pool:
            with pytest.raises(OriginRefused) as refused:
                await read(pool, hub.url)
    assert (refused.value.status, refused.value.body) == (403, b"never")
    assert (len(hub.asked), len(storage.asked)) == (2, 2)


async def test_redirects_without_an_end() -> None:
    async with origin(lambda _: to("/blob")) as hub, pool_of(OriginConfig(max_redirects=3)) as pool:
        with pytest.raises(OriginBroken, match="more than 3"):
            await read(pool, hub.url)
    assert len(hub.asked) == 4


@pytest.mark.parametrize("location", ["", "ftp://x/", "file:///etc/passwd"])
async def test_redirect_to_nowhere(location: str) -> None:
    async with origin(lambda _: to(location)) as hub, pool_of() as pool:
        with pytest.raises(OriginBroken):
            await read(pool, hub.url)


async def test_secrets_are_in_no_representation() -> None:
    request = OriginRequest("http://host/x?X-Amz-Signature=s3cret", SECRET)
    assert "s3cret" not in repr(request)
    assert "hf_secret" not in repr(request)


async def test_plain_request_through_a_proxy() -> None:
    async with origin(part) as proxy:
        address = proxy.url.removeprefix("http://").removesuffix("/blob")
        async with pool_of(OriginConfig(proxy=f"http://us%40er:pass@{address}")) as pool:
            assert await read(pool, "http://far.invalid/x?y=1") == CONTENT
    asked = proxy.asked[0]
    assert asked.target == "http://far.invalid/x?y=1"
    assert asked.headers["host"] == "far.invalid"
    login = base64.b64encode(b"us@er:pass").decode()
    assert asked.headers["proxy-authorization"] == f"Basic {login}"


async def test_tls_through_a_proxy_ends_at_the_origin(tmp_path: Path) -> None:
    identity = tls.issue(tls.create_ca(tmp_path), tmp_path, "origin", ips=("127.0.0.1",))
    context = tls.server_context(identity)
    context.verify_mode = ssl.CERT_NONE
    tunnels: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tunnels.append(await reader.readuntil(b"\r\n\r\n"))
        port = int(tunnels[0].split(b" ")[1].rpartition(b":")[2])
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
            target.close()

        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

    async with origin(part, tls=context) as source, scripted(tunnel) as (host, port):
        config = OriginConfig(proxy=f"http://u:p@{host}:{port}", ca_file=str(identity.ca))
        async with pool_of(config) as pool:
            assert await read(pool, source.url) == CONTENT
    assert tunnels[0].startswith(b"CONNECT 127.0.0.1:")
    assert b"Proxy-Authorization: Basic " in tunnels[0]
    assert b"hf_secret" not in tunnels[0]
    assert "proxy-authorization" not in source.asked[0].headers


async def test_proxy_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with origin(part) as proxy, origin(part) as near:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/blob"))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        async with pool_of(OriginConfig(trust_env=True)) as pool:
            await read(pool, "http://far.invalid/x")
            await read(pool, near.url)
        async with pool_of() as pool:
            await read(pool, near.url)
    assert (len(proxy.asked), len(near.asked)) == (1, 2)


async def test_proxy_that_cannot_be() -> None:
    async with pool_of(OriginConfig(proxy="https://proxy:1")) as pool:
        with pytest.raises(ConfigError):
            await read(pool, "http://far.invalid/x")
