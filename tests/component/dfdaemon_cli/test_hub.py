"""hf:// against a stand-in Hub: what is listed, with which token, and where it goes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from dfcore.errors import BadInput, MeganeuraError, NotFound
from dfdaemon.cli.get import get
from dfdaemon.cli.items import GetOptions
from dfdaemon.cli.sources import list_items
from dfdaemon.hub.facts import FileFact
from tests.component.dfdaemon_cli.fakes import FakeDaemon
from tests.standin import StandIn, fixtures
from tests.standin.model import Repo


def repo_of(hub: StandIn, repo_id: str = "org/tiny") -> Repo:
    return hub.state.repos["model", repo_id]


def contents(repo: Repo) -> dict[str, bytes]:
    return {
        path: file.content.read(0, file.content.size)
        for path, file in repo.commits[repo.head].items()
    }


@pytest.fixture
def options(hub: StandIn, daemon: FakeDaemon, socket_path: Path, tmp_path: Path) -> GetOptions:
    return GetOptions(
        "hf://org/tiny", output=tmp_path / "out", endpoint=socket_path, hf_endpoint=hub.hub_url
    )


def at(options: GetOptions, url: str, **changes: object) -> GetOptions:
    return GetOptions(**{**vars(options), "url": url, **changes})  # type: ignore[arg-type]


async def test_a_whole_repository_arrives(
    hub: StandIn, daemon: FakeDaemon, options: GetOptions, tmp_path: Path
) -> None:
    wanted = {path: data for path, data in contents(repo_of(hub)).items() if len(data) < 10_000}
    for data in wanted.values():
        daemon.hold(data)
    summary = await get(at(options, options.url, include_files=tuple(wanted)))
    assert summary.files == len(wanted) > 2
    for path, data in wanted.items():
        assert (tmp_path / "out" / path).read_bytes() == data
    again = await get(at(options, options.url, include_files=tuple(wanted)))
    assert again.were_there == len(wanted)


async def test_files_are_named_by_digest_at_their_commit(hub: StandIn, options: GetOptions) -> None:
    listing = await list_items(options)
    items = {item.name: item for item in listing.items}
    assert not listing.single
    weights, config = items["model.safetensors"], items["config.json"]
    assert str(weights.digest) == weights.content
    assert (weights.digest.algorithm, config.digest.algorithm) == ("sha256", "git-sha1")  # type: ignore[union-attr]
    assert weights.size_bytes == 1 << 20
    head = repo_of(hub).head
    assert weights.url == f"{hub.hub_url}/org/tiny/resolve/{head}/model.safetensors"
    assert weights.headers == {}


async def test_a_long_listing_has_pages(hub: StandIn, options: GetOptions) -> None:
    fixtures.many_files(hub.state, count=30)
    hub.settings.change(page_size=7)
    assert len((await list_items(at(options, "hf://org/fifty"))).items) == 30


async def test_one_file_is_asked_for_alone(hub: StandIn, options: GetOptions) -> None:
    listing = await list_items(at(options, "hf://org/tiny/tokenizer/vocab.txt"))
    assert (listing.single, listing.name) == (True, "vocab.txt")
    page = f"{hub.hub_url}/org/tiny/resolve/main/tokenizer/vocab.txt"
    assert await list_items(at(options, page)) == listing


async def test_a_folder_needs_recursive(options: GetOptions) -> None:
    with pytest.raises(BadInput, match="--recursive"):
        await list_items(at(options, "hf://org/tiny/tokenizer"))
    listing = await list_items(at(options, "hf://org/tiny/tokenizer", recursive=True))
    assert [item.name for item in listing.items] == ["vocab.txt"]


async def test_what_is_not_there(options: GetOptions) -> None:
    with pytest.raises(NotFound, match="no file nope"):
        await list_items(at(options, "hf://org/tiny/nope"))
    with pytest.raises(MeganeuraError, match="hf://org/none: the origin answered 401"):
        await list_items(at(options, "hf://org/none"))
    with pytest.raises(MeganeuraError, match="the origin answered 404"):
        await list_items(at(options, "hf://org/tiny@nope"))


async def test_a_public_repository_is_fetched_without_the_token(
    hub: StandIn, options: GetOptions
) -> None:
    listing = await list_items(at(options, options.url, hf_token=fixtures.READER_TOKEN))
    assert all(not item.headers for item in listing.items)


@pytest.mark.parametrize("kind", [{"private": True}, {"gated": "auto"}])
async def test_the_token_goes_along_where_it_is_needed(
    hub: StandIn, options: GetOptions, kind: dict[str, object]
) -> None:
    fixtures.tiny(hub.state, "org/closed", **kind)
    fixtures.tokens(hub.state, "org/closed")
    closed = at(options, "hf://org/closed", hf_token=fixtures.READER_TOKEN)
    listing = await list_items(closed)
    assert {item.headers["Authorization"] for item in listing.items} == {
        f"Bearer {fixtures.READER_TOKEN}"
    }
    with pytest.raises(MeganeuraError, match="the origin answered 40") as caught:
        await list_items(at(closed, closed.url, hf_token=fixtures.STRANGER_TOKEN))
    assert fixtures.STRANGER_TOKEN not in str(caught.value)


async def test_a_renamed_repository_is_followed(hub: StandIn, options: GetOptions) -> None:
    hub.state.rename(repo_of(hub), "new/name")
    assert len((await list_items(options)).items) == 5


async def test_a_digest_must_be_the_hubs(options: GetOptions) -> None:
    wrong = FileFact("c", "ab" * 32, 1).digest
    with pytest.raises(BadInput, match="the origin says"):
        await list_items(at(options, "hf://org/tiny/model.safetensors", digest=wrong))
    with pytest.raises(BadInput, match="several"):
        await list_items(at(options, options.url, digest=wrong))


class Mirror:
    """A node's mirror: a Hub that refuses a senseless X-Dragonfly header as the proxy does."""

    def __init__(self, hub: StandIn) -> None:
        repo = repo_of(hub)
        self.files = contents(repo)
        self.commit = repo.head
        self.entries = [
            {"type": "file", "path": path, "oid": file.oid, "size": file.content.size}
            for path, file in repo.commits[repo.head].items()
            if not file.lfs
        ]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if "X-Dragonfly-Priority" in request.headers:
            return web.Response(status=400, headers={"X-Dragonfly-Error-Type": "proxy"})
        path = request.path
        if "/revision/" in path:
            return web.json_response({"sha": self.commit, "private": False, "gated": False})
        if "/tree/" in path:
            return web.Response(body=json.dumps(self.entries))
        body = self.files[path.partition(f"/resolve/{self.commit}/")[2]]
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        return web.Response(status=206 if start else 200, body=body[start:])


@pytest.fixture
async def mirror(hub: StandIn) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", Mirror(hub).handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_mirror_is_read_and_not_named_to_the_daemon(
    hub: StandIn, mirror: str, daemon: FakeDaemon, options: GetOptions, tmp_path: Path
) -> None:
    await get(at(options, options.url, hf_endpoint=mirror))
    assert daemon.asked == []
    expected = contents(repo_of(hub))
    for name in ("config.json", "empty.txt", "tokenizer/vocab.txt"):
        assert (tmp_path / "out" / name).read_bytes() == expected[name]
