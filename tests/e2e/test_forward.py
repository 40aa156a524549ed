"""Forward proxy (`HTTP_PROXY`, absolute-form requests): the Hub by its own name, and any other host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.packages import HUB_VERSIONS
from tests.e2e.bed import CDN_HOST, MIB, Bed, Plan, sha256
from tests.e2e.http import fetch
from tests.e2e.secrets import PASSWORD, READER, STRANGER
from tests.e2e.tools import needs, run_tool
from tests.standin.process import StandInProcess

pytestmark = [pytest.mark.cluster, pytest.mark.clients]

# Only the nodes know that these names mean the stand-in.
HUB, CDN = "http://huggingface.co", "http://us.aws.cdn.hf.co"
AUTH = {"username": "user", "password": PASSWORD}


def _node(standin: StandInProcess) -> dict[str, object]:
    rules = [
        {"regx": f"^{CDN}/", "redirect": standin.cdn_url},
        {"regx": "^http://never.test/"},
        {"regx": f"^{standin.web_url}/plain/by-rule"},
        {"regx": f"^{standin.web_url}/plain/", "direct": True},
    ]
    return {
        "proxy": {"proxies": rules, "deniedHosts": ["denied.test"]},
        "hub": {"cdnHosts": [CDN_HOST, "*.cdn.hf.co"]},
    }


PLAN = Plan(nodes=2, node=_node)


@pytest.mark.parametrize("version", HUB_VERSIONS)
def test_every_client_downloads_from_the_hub_by_its_name(version: str, bed: Bed) -> None:
    bed.standin.call("post", "settings", hub_base=HUB, page_size=2, xet=True)
    repo = bed.repo()
    result = bed.run(
        version, f"print(snapshot_download({repo.id!r}))", endpoint=HUB, proxy=bed.endpoint
    )
    assert repo.whole(result.path())
    assert bed.origin_bytes(repo) == MIB


@pytest.mark.parametrize("version", ["0.36.2", "1.33.0", "2.4.0"])
def test_rights_are_those_of_the_hub(version: str, bed: Bed) -> None:
    repo = bed.repo(reader=True, gated="manual")
    code = f"print(hf_hub_download({repo.id!r}, 'model.safetensors'))"
    granted = bed.run(version, code, endpoint=HUB, proxy=bed.endpoint, token=READER)
    assert sha256(granted.path()) == repo.sha256["model.safetensors"]
    refused = bed.run(version, code, endpoint=HUB, proxy=bed.endpoint, token=STRANGER)
    assert "GatedRepoError" in refused.err


@pytest.mark.parametrize("version", ["0.36.2", "2.4.0"])
def test_hf_xet_behind_the_proxy_gets_whole_files(version: str, bed: Bed) -> None:
    bed.standin.call("post", "settings", xet=True)
    repo = bed.repo()
    code = f"print(snapshot_download({repo.id!r}))"
    result = bed.run(version, code, endpoint=HUB, proxy=bed.endpoint, xet="1.8.0")
    assert repo.whole(result.path())
    asked = {key.split()[0] for key in bed.standin.counters()["requests"]}
    assert asked.isdisjoint({"cas", "transfer", "xet-token"})


def test_a_signed_link_is_fetched_once_whatever_its_signature(bed: Bed) -> None:
    for signing in ("cloudfront", "amz", "gcp"):
        bed.standin.call("post", "settings", signing=signing)
        repo = bed.repo()
        links = set()
        for node in bed.nodes:
            for _ in range(2):
                url = bed.standin.hub_url + repo.resolve("model.safetensors")
                link = fetch(url).header("Location")
                assert link is not None
                links.add(link)
                got = fetch(link, proxy=node.proxy_url)
                assert got.sha256 == repo.sha256["model.safetensors"]
        assert len(links) == 4
        assert bed.origin_bytes(repo) <= MIB * 1.01


@pytest.mark.parametrize("signing", ["cloudfront", "amz", "gcp"])
def test_a_signature_is_a_right(signing: str, bed: Bed) -> None:
    bed.standin.call("post", "settings", signing=signing)
    repo = bed.repo()
    link = fetch(bed.standin.hub_url + repo.resolve("model.safetensors")).header("Location")
    assert link is not None
    assert fetch(link, proxy=bed.endpoint).status == 200
    forged = link.replace("Signature=", "Signature=x", 1)
    direct = fetch(forged)
    for wrong in (forged, link.partition("?")[0]):
        got = fetch(wrong, proxy=bed.endpoint)
        assert (got.status, got.body) == (403, direct.body) or got.status == 403
    assert fetch(forged, proxy=bed.endpoint, headers={"Range": "bytes=0-9"}).status == 403


def test_a_rule_sends_urls_through_the_swarm_and_another_past_it(bed: Bed) -> None:
    for name, in_swarm in (("by-rule-1", True), ("other-1", False)):
        bed.standin.call("post", "plain", name=name, file=bed.weights(MIB))
        for node in bed.nodes:
            got = fetch(f"{bed.standin.web_url}/plain/{name}", proxy=node.proxy_url)
            assert (got.header("X-Dragonfly-Task-ID") is not None) == in_swarm
        sent = bed.standin.bytes_of(f"plain/{name}")
        assert sent <= MIB * 1.01 if in_swarm else sent == 2 * MIB


@pytest.mark.parametrize("version", ["0.36.2", "1.33.0", "2.4.0"])
def test_the_proxys_password_and_the_hubs_token_go_side_by_side(
    version: str, bed: Bed, guarded: str
) -> None:
    repo = bed.repo(reader=True, private=True)
    code = f"print(hf_hub_download({repo.id!r}, 'config.json'))"
    proxy = guarded.replace("://", f"://user:{PASSWORD}@")
    result = bed.run(version, code, endpoint=HUB, proxy=proxy, token=READER)
    assert sha256(result.path()) == repo.sha256["config.json"]
    asked = [r["headers"] for r in bed.standin.call("get", "requests")]
    assert not any("Proxy-Authorization" in headers for headers in asked)
    url = HUB + repo.resolve("config.json")
    assert fetch(url, proxy=guarded, token=READER).status == 407


@pytest.fixture(scope="module")
def guarded(bed: Bed) -> str:
    """A node whose proxy asks for a password."""
    return bed.another_node(proxy={"basicAuth": AUTH}).proxy_url


def test_a_denied_host_is_refused(bed: Bed) -> None:
    got = fetch("http://denied.test/x", proxy=bed.endpoint)
    assert got.status == 403
    assert b"denied.test" in got.body


@needs("curl")
def test_curl_continues_a_half_file(bed: Bed, home: Path) -> None:
    repo = bed.repo({"model.safetensors": bed.weights(6 * MIB)})
    url = HUB + repo.resolve("model.safetensors")
    env = {"http_proxy": bed.endpoint}
    run_tool("curl", "-sfL", "-o", "model", url, cwd=home, env=env)
    whole = (home / "model").read_bytes()
    (home / "model").write_bytes(whole[: 5 * MIB + 1])
    run_tool("curl", "-sfL", "-C", "-", "-o", "model", url, cwd=home, env=env)
    assert sha256(home / "model") == repo.sha256["model.safetensors"]
    assert bed.origin_bytes(repo) <= 6 * MIB * 1.01


@needs("curl")
@pytest.mark.parametrize("have", [1, MIB + 5, 6 * MIB - 1])
def test_curl_continues_what_this_node_never_saw(have: int, bed: Bed, home: Path) -> None:
    whole = bed.fresh("curl").encode() * (6 * MIB // 4)
    whole = whole[: 6 * MIB]
    repo = bed.repo({"model.bin": {"hex": whole.hex()}})
    (home / "model").write_bytes(whole[:have])
    url = HUB + repo.resolve("model.bin")
    options = ("-sfL", "-m", "30", "-C", "-", "-o", "model")
    run_tool("curl", *options, url, cwd=home, env={"http_proxy": bed.endpoint})
    assert (home / "model").read_bytes() == whole


@needs("wget")
def test_wget_continues_a_half_file(bed: Bed, home: Path) -> None:
    whole = (bed.fresh("wget").encode() * MIB)[: 3 * MIB]
    repo = bed.repo({"model.bin": {"hex": whole.hex()}})
    (home / "model").write_bytes(whole[:MIB])
    url = HUB + repo.resolve("model.bin")
    env = {"http_proxy": bed.endpoint}
    run_tool("wget", "-q", "-T", "30", "-c", "-O", "model", url, cwd=home, env=env)
    assert (home / "model").read_bytes() == whole
    # A file that is complete already is left as it is.
    run_tool("wget", "-q", "-T", "30", "-c", "-O", "model", url, cwd=home, env=env)
    assert (home / "model").read_bytes() == whole


@needs("aria2c")
@pytest.mark.parametrize("through", ["hub", "link"])
def test_aria2_with_sixteen_connections(through: str, bed: Bed, home: Path) -> None:
    size = 48 * MIB + 3
    repo = bed.repo({"model.safetensors": bed.weights(size)})
    url = HUB + repo.resolve("model.safetensors")
    if through == "link":
        direct = bed.standin.hub_url + repo.resolve("model.safetensors")
        url = fetch(direct).header("Location") or ""
    options = ("-q", "-x16", "-s16", "-k1M", "-t30", "-o", "model", f"--all-proxy={bed.endpoint}")
    run_tool("aria2c", *options, url, cwd=home)
    assert sha256(home / "model") == repo.sha256["model.safetensors"]
    assert bed.origin_bytes(repo) <= size * 1.01


@needs("git-lfs")
@pytest.mark.parametrize("private", [False, True])
def test_git_lfs_clones(private: bool, bed: Bed, home: Path) -> None:
    repo = bed.repo(reader=True, private=private)
    bed.standin.call("post", "settings", cdn_base=CDN, hub_base=HUB)
    run_tool("git", "lfs", "install", cwd=home)
    user = f"reader:{READER}@" if private else ""
    url = f"{HUB}/{repo.id}".replace("://", f"://{user}")
    for number, node in enumerate(bed.nodes):
        folder = f"here-{number}"
        run_tool("git", "clone", "-q", url, folder, cwd=home, env={"http_proxy": node.proxy_url})
        assert repo.whole(home / folder)
    assert bed.origin_bytes(repo) <= MIB * 1.01


@needs("git-lfs")
@pytest.mark.parametrize("private", [False, True])
def test_git_lfs_clones_from_the_mirror(private: bool, bed: Bed, home: Path) -> None:
    repo = bed.repo(reader=True, private=private)
    run_tool("git", "lfs", "install", cwd=home)
    user = f"reader:{READER}@" if private else ""
    for number, node in enumerate(bed.nodes):
        url = f"{node.proxy_url}/{repo.id}".replace("://", f"://{user}")
        run_tool("git", "clone", "-q", url, f"here-{number}", cwd=home)
        assert repo.whole(home / f"here-{number}")
    assert bed.origin_bytes(repo) <= MIB * 1.01
    if private:
        run_tool("git", "clone", "-q", f"{bed.endpoint}/{repo.id}", "no", cwd=home, ok=False)
        assert not (home / "no").exists()
