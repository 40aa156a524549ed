"""Hub requests through a node whose metadata come from a seed, against the stand-in Hub."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from dfdaemon.hub.config import HubConfig
from dfdaemon.proxy.config import ProxyConfig, RegistryMirrorConfig
from tests.component.dfdaemon_proxy.bed import Cluster, Node
from tests.component.dfdaemon_proxy.conftest import hub_of
from tests.standin import StandIn, fixtures
from tests.standin.model import File

READER = {"Authorization": f"Bearer {fixtures.READER_TOKEN}"}
STRANGER = {"Authorization": f"Bearer {fixtures.STRANGER_TOKEN}"}


@pytest.fixture
async def cluster(tmp_path: Path, hub: HubConfig) -> AsyncIterator[Cluster]:
    async with Cluster(tmp_path, hub) as running:
        yield running


@pytest.fixture
async def node(cluster: Cluster) -> Node:
    return await cluster.node()


def file_of(standin: StandIn, path: str, repo: str = "org/tiny") -> File:
    return standin.state.repos["model", repo].file(path)


async def test_a_head_keeps_the_client_with_us(
    node: Node, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    standin.settings.change(xet=True)
    file = file_of(standin, "model.safetensors")
    url = f"{node.url}/org/tiny/resolve/main/model.safetensors"
    async with http.head(url, allow_redirects=False) as answer:
        assert answer.status == 200
        assert answer.headers["X-Repo-Commit"] == standin.state.repos["model", "org/tiny"].head
        assert answer.headers["X-Linked-Etag"] == f'"{file.etag}"' == answer.headers["ETag"]
        assert answer.headers["X-Linked-Size"] == str(file.content.size)
        assert answer.headers["Content-Length"] == str(file.content.size)
        assert not {"Location", "Link", "X-Xet-Hash", "X-Xet-Refresh-Route"} & {*answer.headers}


async def test_a_head_obeys_conditions(
    node: Node, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    url = f"{node.url}/org/tiny/resolve/main/model.safetensors"
    known = {"If-None-Match": f'"{file_of(standin, "model.safetensors").etag}"'}
    async with http.head(url, headers=known) as answer:
        assert answer.status == 304
        assert answer.headers["ETag"] == known["If-None-Match"]
    async with http.head(url, headers={"If-None-Match": '"other"'}) as answer:
        assert answer.status == 200


async def test_files_come_as_tasks_named_by_their_digest(
    node: Node, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    for path in ("model.safetensors", "config.json", "empty.txt"):
        file = file_of(standin, path)
        async with http.get(f"{node.url}/org/tiny/resolve/main/{path}") as answer:
            assert answer.status == 200
            assert await answer.read() == file.content.read(0, file.content.size)
            assert answer.headers["ETag"] == f'"{file.etag}"'
        spec = node.tasks.specs[-1]
        assert spec.digest is not None
        assert spec.digest.value == file.etag
        assert spec.content == str(spec.digest)
        assert spec.size_bytes == file.content.size
        assert standin.state.repos["model", "org/tiny"].head in spec.url
        assert not spec.restricted


async def test_the_same_content_in_another_repository_is_the_same_task(
    node: Node, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    same = file_of(standin, "model.safetensors")
    standin.state.create("other/name", {"renamed.safetensors": same})
    for path in ("org/tiny/resolve/main/model", "other/name/resolve/main/renamed"):
        async with http.get(f"{node.url}/{path}.safetensors") as answer:
            await answer.read()
    assert len(node.tasks.fetched) == 1


async def test_restricted_files_are_for_those_who_may_read_them(
    cluster: Cluster, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    node, other = await cluster.node(), await cluster.node()
    fixtures.tiny(standin.state, "org/private", private=True)
    fixtures.tiny(standin.state, "org/gated", gated="manual")
    fixtures.tokens(standin.state, "org/private", "org/gated")
    for name, refused in (("private", (401, 404)), ("gated", (401, 403))):
        path = f"/org/{name}/resolve/main/model.safetensors"
        async with http.get(node.url + path, headers=READER) as answer:
            assert (answer.status, len(await answer.read())) == (200, 1 << 20)
        assert node.tasks.specs[-1].restricted
        for at in (node, other):
            for headers, status in zip(({}, STRANGER), refused, strict=True):
                async with http.get(at.url + path, headers=headers) as answer:
                    async with http.get(standin.hub_url + path, headers=headers) as direct:
                        assert await answer.read() == await direct.read()
                        assert answer.status == direct.status == status
                        for told in ("X-Error-Code", "X-Error-Message"):
                            assert answer.headers[told] == direct.headers[told]
                async with http.head(at.url + path, headers=headers) as answer:
                    assert answer.status == status
    assert other.tasks.specs == []


async def test_a_right_is_asked_once_and_not_per_file(
    cluster: Cluster, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    node = await cluster.node()
    repo = fixtures.many_files(standin.state)
    repo.private = True
    fixtures.tokens(standin.state, "org/fifty")
    url = f"{node.url}/org/fifty/resolve/{repo.head}"

    async def head(path: str) -> int:
        async with http.head(f"{url}/{path}", headers=READER) as answer:
            return answer.status

    paths = list(repo.commits[repo.head])
    assert set(await asyncio.gather(*map(head, paths))) == {200}
    # One without and one with the token, two more files (each with its hop), one listing.
    assert standin.counters.hub_requests() <= 1 + 2 + 2 * 2 + 1


async def test_what_the_hub_lacks_is_asked_once_for_the_cluster(
    cluster: Cluster, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    commit = standin.state.repos["model", "org/tiny"].head
    for _ in range(3):
        node = await cluster.node()
        url = f"{node.url}/org/tiny/resolve/{commit}/added_tokens.json"
        async with http.head(url) as answer:
            assert (answer.status, answer.headers["X-Error-Code"]) == (404, "EntryNotFound")
            assert answer.headers["X-Repo-Commit"] == commit
    assert standin.counters.requests["resolve HEAD"] == 1


async def test_a_moved_branch_is_followed(
    tmp_path: Path, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    async with Cluster(tmp_path, hub_of(standin, ref_ttl_s=0.0)) as cluster:
        node = await cluster.node()
        url = f"{node.url}/org/tiny/resolve/main/config.json"
        async with http.get(url) as answer:
            before = await answer.read()
        repo = standin.state.repos["model", "org/tiny"]
        repo.commit({"config.json": b'{"new": true}'})
        async with http.get(url) as answer:
            assert await answer.read() == b'{"new": true}' != before
            assert answer.headers["X-Repo-Commit"] == repo.head


async def test_metadata_lose_their_xet_hints_and_links_lead_to_us(
    node: Node, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    standin.settings.change(xet=True, page_size=2)
    commit = standin.state.repos["model", "org/tiny"].head
    url: str | None = f"{node.url}/api/models/org/tiny/tree/{commit}?recursive=true&expand=false"
    seen = []
    while url:
        assert url.startswith(node.url)
        async with http.get(url) as answer:
            entries = json.loads(await answer.read())
            seen += [entry["path"] for entry in entries if entry["type"] == "file"]
            assert not any("xetHash" in entry for entry in entries)
            link = answer.links.get("next")
            url = str(link["url"]) if link else None
    assert sorted(seen) == sorted(standin.state.repos["model", "org/tiny"].commits[commit])


async def test_large_files_keep_their_xet_hints_if_configured(
    tmp_path: Path, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    standin.settings.change(xet=True)
    async with Cluster(tmp_path, hub_of(standin, keep_xet_above_bytes=1 << 20)) as cluster:
        node = await cluster.node()
        commit = standin.state.repos["model", "org/tiny"].head
        async with http.head(f"{node.url}/org/tiny/resolve/main/model.safetensors") as answer:
            file = file_of(standin, "model.safetensors")
            assert answer.headers["X-Xet-Hash"] == file.content.xet_hash
            route = answer.headers["X-Xet-Refresh-Route"]
        assert route == f"{node.url}/api/models/org/tiny/xet-read-token/{commit}"
        async with http.get(route) as answer:
            assert answer.status == 200


async def test_a_renamed_repository_redirects_to_us(
    node: Node, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    standin.state.rename(standin.state.repos["model", "org/tiny"], "new/name")
    async with http.get(f"{node.url}/org/tiny/resolve/main/config.json") as answer:
        assert answer.status == 200
        assert str(answer.url) == f"{node.url}/new/name/resolve/main/config.json"


async def test_known_public_files_outlive_the_hub(
    tmp_path: Path, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    config = hub_of(standin, ref_ttl_s=0.0, allow_ttl_s=0.0)
    async with Cluster(tmp_path, config) as cluster:
        node = await cluster.node()
        url = f"{node.url}/org/tiny/resolve/main/config.json"
        api = f"{node.url}/api/models/org/tiny/revision/main"
        bodies = []
        for _ in range(2):
            for target in (url, api):
                async with http.get(target) as answer:
                    assert answer.status == 200
                    bodies.append(await answer.read())
            standin.faults.add("status", status=429, headers={"Retry-After": "9"})
        assert bodies[:2] == bodies[2:]


async def test_the_hubs_rate_limit_is_passed_on_and_kept_for_all(
    cluster: Cluster, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    standin.faults.add("status", status=429, headers={"Retry-After": "30"})
    waits_s = [30]
    for _ in range(3):
        node = await cluster.node()
        async with http.head(f"{node.url}/org/tiny/resolve/main/config.json") as answer:
            assert answer.status == 429
            waits_s.append(int(answer.headers["Retry-After"]))
    assert waits_s == sorted(waits_s, reverse=True) and waits_s[-1] > 0
    assert standin.counters.requests["resolve HEAD"] == 1


async def test_signed_links_are_one_task_and_each_signature_is_checked(
    tmp_path: Path, hub: HubConfig, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    standin.settings.change(signing="cloudfront")
    mirror = RegistryMirrorConfig(url=standin.cdn_url)
    async with Cluster(tmp_path, hub, ProxyConfig(registry_mirror=mirror)) as cluster:
        node = await cluster.node()
        repo = standin.state.repos["model", "org/tiny"]
        file = repo.file("model.safetensors")
        links = [
            standin.signed_url(repo, file.content, "model.safetensors", user=user)
            for user in ("one", "two")
        ]
        for link in links:
            target = link.removeprefix(standin.cdn_url)
            async with http.get(node.url + target) as answer:
                assert (answer.status, len(await answer.read())) == (200, 1 << 20)
        assert len({spec.task_id for spec in node.tasks.specs}) == 1
        assert len(node.tasks.fetched) == 1
        forged = links[0].replace("Signature=", "Signature=x").removeprefix(standin.cdn_url)
        async with http.get(node.url + forged) as answer:
            assert answer.status == 403
        assert len(node.tasks.specs) == 2


async def test_the_digest_of_a_link_is_known_from_the_redirect_that_gave_it(
    cluster: Cluster, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    node = await cluster.node()
    url = f"{standin.hub_url}/org/tiny/resolve/main/model.safetensors"
    async with http.head(f"{node.url}/org/tiny/resolve/main/model.safetensors"):
        pass
    async with http.head(url, allow_redirects=False) as answer:
        link = answer.headers["Location"]
    async with http.get(link, proxy=node.url) as answer:
        assert len(await answer.read()) == 1 << 20
    (spec,) = node.tasks.specs
    assert spec.content == f"sha256:{file_of(standin, 'model.safetensors').etag}"
    assert not spec.restricted


async def test_git_lfs_objects_come_from_the_swarm(
    cluster: Cluster, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    node = await cluster.node()
    fixtures.tiny(standin.state, "org/private", private=True)
    fixtures.tokens(standin.state, "org/private")
    file = standin.state.repos["model", "org/private"].file("model.safetensors")
    batch = {
        "operation": "download",
        "transfers": ["basic"],
        "objects": [{"oid": file.etag, "size": file.content.size}],
    }
    url = f"{node.url}/org/private.git/info/lfs/objects/batch"
    async with http.post(url, json=batch) as answer:
        assert answer.status == 401
    async with http.post(url, json=batch, headers=READER) as answer:
        (entry,) = json.loads(await answer.read())["objects"]
    href = entry["actions"]["download"]["href"]
    assert href.startswith(node.url)
    async with http.get(href, headers=READER) as answer:
        assert len(await answer.read()) == 1 << 20
    assert node.tasks.specs[0].restricted
    other = await cluster.node()
    async with http.get(href.replace(node.url, other.url), headers=READER) as answer:
        assert len(await answer.read()) == 1 << 20
    for headers in ({}, STRANGER):
        async with http.get(href, headers=headers) as answer:
            assert answer.status in (401, 404)


async def test_a_proxied_request_for_the_mirror_itself_is_the_mirrors(
    node: Node, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    url = f"{node.url}/org/tiny/resolve/main/config.json"
    async with http.get(url, proxy=node.url) as answer:
        assert answer.status == 200
        assert "X-Dragonfly-Task-ID" in answer.headers


async def test_hub_requests_through_the_forward_proxy_are_tasks_too(
    node: Node, standin: StandIn, http: aiohttp.ClientSession
) -> None:
    url = f"{standin.hub_url}/org/tiny/resolve/main/model.safetensors"
    async with http.get(url, proxy=node.url) as answer:
        assert len(await answer.read()) == 1 << 20
        assert len(answer.history) == 0
    assert len(node.tasks.specs) == 1


async def test_tokens_are_in_no_log_error_or_repr(
    node: Node,
    standin: StandIn,
    http: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level("DEBUG")
    url = f"{node.url}/org/tiny/resolve/main/model.safetensors"
    async with http.get(url, headers=READER) as answer:
        await answer.read()
    standin.faults.add("status", status=500)
    async with http.get(f"{node.url}/org/other/resolve/main/x", headers=READER) as answer:
        told = await answer.text()
    text = caplog.text + told + "".join(map(repr, node.tasks.specs))
    assert fixtures.READER_TOKEN not in text
    assert "Signature=" not in text
