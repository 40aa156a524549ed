"""What the stand-in Hub answers, beyond what the client library notices."""

from __future__ import annotations

import gzip
from pathlib import Path

import aiohttp
import pytest

from tests.standin import StandIn, fixtures

READER = {"Authorization": f"Bearer {fixtures.READER_TOKEN}"}


async def test_a_regular_file_redirects_relatively_and_an_lfs_file_to_the_cdn(
    standin: StandIn, http: aiohttp.ClientSession
) -> None:
    base = f"{standin.hub_url}/org/tiny/resolve/main"
    async with http.head(f"{base}/config.json") as small:
        assert small.status == 307
        assert small.headers["Location"].startswith("/api/resolve-cache/models/org/tiny/")
    async with http.head(f"{base}/model.safetensors") as large:
        assert large.status == 302
        assert large.headers["Location"].startswith(standin.cdn_url)
        assert large.headers["X-Linked-Size"] == str(1 << 20)
    async with http.head(f"{base}/model.safetensors") as again:
        assert again.headers["Location"] != large.headers["Location"]


async def test_a_small_file_can_be_answered_directly(
    standin: StandIn, http: aiohttp.ClientSession
) -> None:
    standin.settings.change(small_files="direct")
    async with http.get(f"{standin.hub_url}/org/tiny/resolve/main/empty.txt") as answer:
        assert (answer.status, await answer.read()) == (200, b"")


async def test_a_quoted_revision_and_path_are_found(
    standin: StandIn, http: aiohttp.ClientSession
) -> None:
    repo = standin.state.create("data/set", {"a b/ü.txt": "hello"}, type="dataset")
    repo.refs["refs/pr/1"] = repo.head
    for revision in ("refs%2Fpr%2F1", "refs/pr/1", repo.head):
        url = f"{standin.hub_url}/datasets/data/set/resolve/{revision}/a%20b/%C3%BC.txt"
        async with http.get(url) as answer:
            assert await answer.text() == "hello"
            assert answer.headers["X-Repo-Commit"] == repo.head


async def test_a_renamed_repository_redirects(
    standin: StandIn, http: aiohttp.ClientSession
) -> None:
    standin.state.rename(standin.state.repos["model", "org/tiny"], "new/name")
    url = f"{standin.hub_url}/org/tiny/resolve/main/empty.txt"
    async with http.get(url, allow_redirects=False) as answer:
        assert answer.status == 307
        assert answer.headers["Location"] == "/new/name/resolve/main/empty.txt"
    async with http.get(f"{standin.hub_url}/api/models/org/tiny") as answer:
        assert (await answer.json())["id"] == "new/name"


@pytest.mark.parametrize(
    ("repo", "headers", "status", "code"),
    [
        ("org/tiny", {"Authorization": "Bearer hf_wrong"}, 401, None),
        ("org/private", {}, 401, "RepoNotFound"),
        (
            "org/private",
            {"Authorization": f"Bearer {fixtures.STRANGER_TOKEN}"},
            404,
            "RepoNotFound",
        ),
        ("org/private", READER, 307, None),
        ("org/gated", {}, 401, "GatedRepo"),
        ("org/gated", {"Authorization": f"Bearer {fixtures.STRANGER_TOKEN}"}, 403, "GatedRepo"),
        ("org/gated", READER, 307, None),
    ],
)
async def test_who_may_read(
    repo: str,
    headers: dict[str, str],
    status: int,
    code: str | None,
    standin: StandIn,
    http: aiohttp.ClientSession,
) -> None:
    fixtures.tiny(standin.state, "org/private", private=True)
    fixtures.tiny(standin.state, "org/gated", gated="manual")
    fixtures.tokens(standin.state, "org/private", "org/gated")
    url = f"{standin.hub_url}/{repo}/resolve/main/config.json"
    async with http.head(url, headers=headers) as answer:
        assert (answer.status, answer.headers.get("X-Error-Code")) == (status, code)


async def test_the_api_lists_what_clients_read(
    standin: StandIn, http: aiohttp.ClientSession
) -> None:
    base = f"{standin.hub_url}/api/models/org/tiny"
    weights = standin.state.repos["model", "org/tiny"].file("model.safetensors")
    async with http.get(f"{base}?blobs=true") as answer:
        siblings = {s["rfilename"]: s for s in (await answer.json())["siblings"]}
    assert siblings["model.safetensors"]["lfs"]["sha256"] == weights.content.sha256
    async with http.get(f"{base}/tree/main") as answer:
        top = [(entry["type"], entry["path"]) for entry in await answer.json()]
    assert ("directory", "tokenizer") in top
    assert ("file", "tokenizer/vocab.txt") not in top
    async with http.get(f"{base}/tree/main/tokenizer") as answer:
        assert [entry["path"] for entry in await answer.json()] == ["tokenizer/vocab.txt"]
    async with http.post(f"{base}/paths-info/main", data={"paths": "config.json"}) as answer:
        assert [entry["path"] for entry in await answer.json()] == ["config.json"]
    async with http.get(f"{base}/refs") as answer:
        assert (await answer.json())["branches"][0]["name"] == "main"


async def test_gzip_drops_the_length(standin: StandIn, http: aiohttp.ClientSession) -> None:
    standin.settings.change(gzip=True, small_files="direct")
    url = f"{standin.hub_url}/org/tiny/resolve/main/config.json"
    async with http.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
        assert "Content-Length" not in answer.headers
        body = gzip.decompress(await answer.read())
    assert body == standin.state.repos["model", "org/tiny"].file("config.json").content.data


async def test_quotas_are_apart_and_per_caller(
    standin: StandIn, http: aiohttp.ClientSession
) -> None:
    standin.limits.set("api", 1)
    api, file = f"{standin.hub_url}/api/models/org/tiny", "/org/tiny/resolve/main/config.json"
    statuses = []
    for url, headers in ((api, {}), (api, {}), (api, READER), (standin.hub_url + file, {})):
        async with http.head(url, headers=headers) as answer:
            statuses.append(answer.status)
            if answer.status == 429:
                assert answer.headers["RateLimit"].startswith('"api";r=0;t=')
    assert statuses == [200, 429, 200, 307]


async def test_generated_weights_are_valid_and_differ_by_seed(tmp_path: Path) -> None:
    one = fixtures.weights(tmp_path, 3_000_001)
    again = fixtures.weights(tmp_path, 3_000_001)
    sparse = fixtures.weights(tmp_path, 3_000_001, sparse=True)
    other = fixtures.weights(tmp_path, 3_000_001, seed=1, sparse=True)
    assert one.size == sparse.size == 3_000_001
    assert one.sha256 == again.sha256
    assert len({one.sha256, sparse.sha256, other.sha256}) == 3
    length = int.from_bytes(one.read(0, 8), "little")
    assert one.read(8, length).rstrip().endswith(b"}}")
