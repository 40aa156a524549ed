"""Asking the Hub itself: retries, limits, secrets. Against a server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest
from aiohttp import web

from dfcore.errors import OriginUnreachable
from dfdaemon.hub.config import HubConfig
from dfdaemon.hub.origin import OriginGateway
from dfinfra.http import client_session
from tests.unit.dfdaemon.hub.fakes import FakeClock

Answering = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def gateway_to(handler: Answering) -> AsyncIterator[tuple[OriginGateway, str]]:
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with client_session() as session:
        config = HubConfig(endpoint=url)
        yield OriginGateway(config, session, FakeClock(), random=Random(1)), url
    await runner.cleanup()


async def test_a_redirect_is_told_and_not_followed() -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with gateway_to(handler) as (gateway, url):
        answer = await gateway.ask("HEAD", f"{url}/a", {})
        assert answer.status == 302


async def test_a_5xx_is_tried_again_and_a_4xx_is_not() -> None:
    statuses = [503, 500, 200, 404]

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=statuses.pop(0))

    async with gateway_to(handler) as (gateway, url):
        assert (await gateway.ask("GET", f"{url}/a", {})).status == 200
        assert (await gateway.ask("GET", f"{url}/a", {})).status == 404


async def test_while_the_hub_wants_quiet_it_is_not_asked() -> None:
    asked = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=429, headers={"Retry-After": "60"})

    async with gateway_to(handler) as (gateway, url):
        for path in ("/api/models/a", "/api/models/b", "/a/resolve/main/c"):
            assert (await gateway.ask("GET", url + path, {})).status == 429
    assert asked == ["/api/models/a", "/a/resolve/main/c"]


async def test_a_whole_file_in_place_of_a_byte_is_not_read() -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"x" * 5_000_000)

    async with gateway_to(handler) as (gateway, url):
        answer = await gateway.ask("GET", f"{url}/a", {"Range": "bytes=0-0"})
        assert (answer.status, answer.body) == (200, b"")


async def test_an_error_names_the_host_and_no_secret() -> None:
    async with client_session() as session:
        gateway = OriginGateway(HubConfig(), session, FakeClock(), random=Random(1))
        with pytest.raises(OriginUnreachable) as raised:
            await gateway.ask(
                "GET", "http://127.0.0.1:9/a?Signature=secret", {"Authorization": "t"}
            )
    assert "127.0.0.1:9" in str(raised.value)
    assert "secret" not in str(raised.value)
