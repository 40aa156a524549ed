"""How a registry's challenge is answered: tokens for a user, Basic, given headers, refusals."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from dfcore.errors import Denied, NotFound, Unauthorized
from manager.jobs.sources.image import ImageSource
from manager.jobs.spec import Credentials, parse_preheat
from manager.jobs.targets import Targets, parse_networks
from manager.jobs.web import Web
from tests.component.manager_jobs.volumes import digest_of

LAYER = digest_of(b"layer")
MANIFEST = {"layers": [{"digest": LAYER, "size": 5}], "config": {"digest": LAYER, "size": 5}}
USER = "Basic " + base64.b64encode(b"user:pass").decode()


class FakeRegistry:
    """Wants a token for each repository, given to one user."""

    def __init__(self) -> None:
        self.mode = "bearer"
        self.asked: list[str] = []
        self.base = ""
        self.port = 0

    async def manifest(self, request: web.Request) -> web.Response:
        self.asked.append(request.headers.get("Authorization", ""))
        wanted = {"bearer": "Bearer good", "basic": USER}[self.mode]
        if request.headers.get("Authorization") != wanted:
            realm = f'Bearer realm="{self.base}/token",service="reg",scope="repository:a/b:pull"'
            told = realm if self.mode == "bearer" else 'Basic realm="reg"'
            return web.Response(status=401, headers={"WWW-Authenticate": told})
        if request.match_info["ref"] == "none":
            return web.Response(status=404)
        return web.Response(text=json.dumps(MANIFEST))

    async def token(self, request: web.Request) -> web.Response:
        assert request.query["scope"] == "repository:a/b:pull"
        if request.headers.get("Authorization") != USER:
            return web.Response(status=401)
        return web.json_response({"token": "good"})


@pytest.fixture
async def registry() -> AsyncIterator[FakeRegistry]:
    made = FakeRegistry()
    app = web.Application()
    app.router.add_get("/v2/a/b/manifests/{ref}", made.manifest)
    app.router.add_get("/token", made.token)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    made.base = f"http://127.0.0.1:{made.port}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[Web]:
    made = Web(Targets(parse_networks(["127.0.0.0/8"])))
    yield made
    await made.close()


def spec(registry: FakeRegistry, ref: str = "1") -> Any:
    url = f"{registry.base}/v2/a/b/manifests/{ref}"
    return parse_preheat({"type": "image", "url": url})[0]


@pytest.mark.parametrize(("mode", "authorization"), [("bearer", "Bearer good"), ("basic", USER)])
async def test_a_user_is_let_in_and_nodes_get_what_opened_it(
    registry: FakeRegistry, client: Web, mode: str, authorization: str
) -> None:
    registry.mode = mode
    source = ImageSource(client, Credentials({}, "user", "pass"))
    (file,) = await source.plan(spec(registry))
    assert (file.digest, file.private) == (LAYER, True)
    access = await source.access(file)
    assert access.headers == {"Authorization": authorization}
    assert access.url == f"{registry.base}/v2/a/b/blobs/{LAYER}"


async def test_a_given_token_is_used_as_it_is(registry: FakeRegistry, client: Web) -> None:
    source = ImageSource(client, Credentials({"Authorization": "Bearer good"}))
    await source.plan(spec(registry))
    assert registry.asked == ["Bearer good"]


async def test_refusals_are_told_apart(registry: FakeRegistry, client: Web) -> None:
    with pytest.raises(Unauthorized):
        await ImageSource(client, Credentials({}, "user", "wrong")).plan(spec(registry))
    with pytest.raises(NotFound):
        await ImageSource(client, Credentials({}, "user", "pass")).plan(spec(registry, "none"))


async def test_a_registry_cannot_send_the_manager_inside(
    registry: FakeRegistry, client: Web
) -> None:
    wish = spec(registry)
    registry.base = "http://169.254.169.254"
    with pytest.raises(Denied):
        await ImageSource(client, Credentials({}, "user", "pass")).plan(wish)
