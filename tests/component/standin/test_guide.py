"""The guide's script reaches the stand-in through a proxy that does what the guide expects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from tests.clients import guide_recipe
from tests.standin import StandIn
from tests.standin.content import Content

pytestmark = pytest.mark.clients


@pytest.fixture
async def proxy_port(standin: StandIn, http: aiohttp.ClientSession) -> AsyncIterator[int]:
    """Passes absolute-form requests on, and origin-form ones to the CDN (registry mirror)."""

    async def forward(request: web.Request) -> web.Response:
        target = request.raw_path
        url = URL(target if "://" in target else standin.cdn_url + target, encoded=True)
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        async with http.request(
            request.method, url, headers=headers, allow_redirects=False
        ) as answer:
            body = await answer.read()
            named = answer.headers.copy()
            if request.method != "HEAD":
                named.popall("Content-Length", None)
            return web.Response(status=answer.status, headers=named, body=body)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.mark.parametrize("version", guide_recipe.HUB_VERSIONS)
async def test_the_guides_script_downloads_as_written(
    version: str, standin: StandIn, proxy_port: int, home: Path
) -> None:
    weights = Content(b"falcon" * 10_000)
    standin.state.create(guide_recipe.REPO, {guide_recipe.FILE: weights})
    standin.settings.change(signing="cloudfront", cdn_base=guide_recipe.CDN)
    result = await asyncio.to_thread(
        guide_recipe.run_guide, version, home=home, endpoint=standin.hub_url, port=proxy_port
    )
    assert result.ok, result.err
    assert Content(guide_recipe.downloaded(home)).sha256 == weights.sha256
    asked = next(record for record in standin.counters.log if record.kind == "cdn")
    assert asked.target.startswith("/repos/")
