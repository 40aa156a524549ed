"""Who may read: the bytes of private and gated repositories reach only whom the Hub lets read them.

The Hub's decision is kept for a moment, so the swarm here forgets quickly.
"""

from __future__ import annotations

import json
from base64 import b64encode
from http.client import IncompleteRead
from pathlib import Path

import pytest

from tests.clients.packages import HUB_VERSIONS
from tests.e2e.bed import MIB, Bed, Made, Plan
from tests.e2e.http import fetch
from tests.e2e.secrets import COOKIE, READER, STRANGER, WRONG, leaks

pytestmark = [pytest.mark.cluster, pytest.mark.clients]

QUICK = {"allowTtl": "1s", "refuseTtl": "300ms"}
PLAN = Plan(nodes=2, node=lambda _standin: {"hub": QUICK}, seed={"hub": QUICK})

RESTRICTED = {"private": {"private": True}, "gated": {"gated": "manual"}}
WHO = {"nobody": None, "stranger": STRANGER, "wrong": WRONG}

TRY = """
import json, os
from huggingface_hub import HfApi
def attempt(call):
    try:
        return call()
    except Exception as error:
        chain, kinds = error, []
        while chain is not None:
            kinds.append(type(chain).__name__)
            chain = chain.__cause__ or chain.__context__
        status = getattr(getattr(error, "response", None), "status_code", None)
        return [kinds[0], "GatedRepoError" in kinds, "RepositoryNotFoundError" in kinds, status]
told = {
    "small": attempt(lambda: hf_hub_download(REPO, "config.json")),
    "large": attempt(lambda: hf_hub_download(REPO, "model.safetensors")),
    "all": attempt(lambda: snapshot_download(REPO)),
    "info": attempt(lambda: HfApi().model_info(REPO).sha),
}
print(json.dumps(told))
"""


def tried(bed: Bed, version: str, repo: Made, token: str | None, **options: object) -> dict:
    result = bed.run(version, f"REPO = {repo.id!r}\n{TRY}", token=token, **options)
    assert result.ok, result.err
    told: dict = json.loads(result.last_line)
    return told


@pytest.mark.parametrize("version", HUB_VERSIONS)
@pytest.mark.parametrize("kind", RESTRICTED)
def test_the_granted_read_and_others_hear_what_the_hub_says(
    version: str, kind: str, bed: Bed
) -> None:
    repo = bed.repo(reader=True, **RESTRICTED[kind])
    told = tried(bed, version, repo, READER)
    assert repo.whole(Path(told["all"]))
    assert bed.origin_bytes(repo) == MIB
    for who in ("nobody", "stranger"):
        direct = tried(bed, version, repo, WHO[who], endpoint=bed.standin.hub_url)
        bed.standin.reset()
        # The bytes are in the node's cache by now; that changes nothing.
        assert tried(bed, version, repo, WHO[who]) == direct
        assert bed.standin.counters()["bytes_by_kind"].get("cdn", 0) == 0


@pytest.mark.parametrize("version", ["0.23.5", "0.36.2", "2.4.0"])
def test_a_wrong_token_is_refused_as_by_the_hub(version: str, bed: Bed) -> None:
    repo = bed.repo(reader=True, private=True)
    direct = tried(bed, version, repo, WRONG, endpoint=bed.standin.hub_url)
    assert tried(bed, version, repo, WRONG) == direct


@pytest.mark.parametrize("token", [None, STRANGER, WRONG], ids=["nobody", "stranger", "wrong"])
@pytest.mark.parametrize("kind", RESTRICTED)
@pytest.mark.parametrize("path", ["config.json", "model.safetensors"])
def test_a_refusal_is_passed_on_word_for_word(
    path: str, kind: str, token: str | None, bed: Bed
) -> None:
    repo = bed.repo(reader=True, **RESTRICTED[kind])
    granted = fetch(bed.endpoint + repo.resolve(path), token=READER)
    assert granted.status == 200
    for method in ("GET", "HEAD"):
        for target in (
            repo.resolve(path),
            f"/{repo.id}/resolve/{repo.commit}/{path}",
            f"/api/resolve-cache/models/{repo.id}/{repo.commit}/{path}",
            f"/api/models/{repo.id}/revision/main",
            f"/api/models/{repo.id}/tree/{repo.commit}?recursive=true",
        ):
            direct = fetch(bed.standin.hub_url + target, method=method, token=token)
            ours = fetch(bed.endpoint + target, method=method, token=token)
            assert (ours.status, ours.body) == (direct.status, direct.body), target
            for name in ("X-Error-Code", "X-Error-Message"):
                assert ours.header(name) == direct.header(name), target


def test_a_range_of_a_cached_private_file_is_refused_too(bed: Bed) -> None:
    repo = bed.repo(reader=True, private=True)
    url = bed.endpoint + repo.resolve("model.safetensors")
    assert fetch(url, token=READER).status == 200
    part = {"Range": "bytes=0-99"}
    assert fetch(url, token=READER, headers=part).status == 206
    assert fetch(url, headers=part).status == 401
    assert fetch(url, token=STRANGER, headers=part).status == 404


def test_the_same_bytes_in_a_public_repository_open_no_private_one(bed: Bed) -> None:
    weights = bed.weights(MIB)
    public = bed.repo({"model.safetensors": weights})
    private = bed.repo({"model.safetensors": weights}, reader=True, private=True)
    assert fetch(bed.endpoint + public.resolve("model.safetensors")).status == 200
    assert fetch(bed.endpoint + private.resolve("model.safetensors")).status == 401
    assert fetch(bed.endpoint + private.resolve("model.safetensors"), token=READER).status == 200
    assert bed.standin.bytes_of(public.sha256["model.safetensors"]) == MIB


def test_nobody_opens_a_private_file_by_claiming_its_digest_elsewhere(bed: Bed) -> None:
    repo = bed.repo(reader=True, private=True)
    secret = repo.sha256["model.safetensors"]
    assert fetch(bed.endpoint + repo.resolve("model.safetensors"), token=READER).status == 200
    name = f"v2/some/image/blobs/sha256:{secret}"
    bed.standin.call("post", "plain", name=name, file=bed.weights(MIB))
    blob = f"{bed.standin.web_url}/plain/{name}"
    for url, wish, value in (
        (bed.plain(), "Content-For-Calculating-Task-ID", f"sha256:{secret}"),
        (blob, "Content-For-Calculating-Task-ID", f"sha256:{secret}"),
        (blob, "Enable-Task-ID-Based-Blob-Digest", "true"),
        (blob, "Enable-Task-ID-Based-Blob-Digest", "false"),
        (blob, "Tag", "x"),
    ):
        for node in bed.nodes:
            headers = {"X-Dragonfly-Use-P2P": "true", f"X-Dragonfly-{wish}": value}
            try:
                assert fetch(url, proxy=node.proxy_url, headers=headers).sha256 != secret
            except IncompleteRead:
                continue  # what is there has another digest: it is cut off before its end


def test_another_node_serves_a_private_file_to_the_granted_alone(bed: Bed) -> None:
    repo = bed.repo(reader=True, private=True)
    first, second = (node.proxy_url for node in bed.nodes)
    target = repo.resolve("model.safetensors")
    assert fetch(first + target, token=READER).status == 200
    assert fetch(second + target).status == 401
    assert fetch(second + target, token=STRANGER).status == 404
    got = fetch(second + target, token=READER)
    assert got.sha256 == repo.sha256["model.safetensors"]
    assert bed.origin_bytes(repo) == MIB


def test_a_repository_that_is_closed_is_closed_within_the_time_of_a_grant(bed: Bed) -> None:
    repo = bed.repo()
    url = bed.endpoint + repo.resolve("config.json")
    assert fetch(url).status == 200
    bed.standin.call("post", "repo-options", id=repo.id, private=True)
    assert bed.until(lambda: fetch(url).status == 401)


def test_a_right_that_is_granted_counts_soon(bed: Bed) -> None:
    repo = bed.repo(reader=True, gated="auto")
    url = bed.endpoint + repo.resolve("config.json")
    assert fetch(url, token=STRANGER).status == 403
    bed.standin.call("post", "token", token=STRANGER, user="stranger", granted=[repo.id])
    assert bed.until(lambda: fetch(url, token=STRANGER).status == 200)


def test_a_right_is_asked_once_for_many_requests(bed: Bed) -> None:
    repo = bed.repo(reader=True, private=True)
    target = f"/{repo.id}/resolve/{repo.commit}/config.json"
    for _ in range(10):
        assert fetch(bed.endpoint + target, token=READER).status == 200
    assert bed.standin.counters()["requests"]["resolve HEAD"] <= 3


def test_a_cookie_is_a_right_of_its_own(bed: Bed) -> None:
    repo = bed.repo(reader=True, private=True)
    url = bed.endpoint + repo.resolve("model.safetensors")
    assert fetch(url, token=READER).status == 200
    assert fetch(url, headers={"Cookie": f"token={COOKIE}"}).status == 401


@pytest.mark.parametrize("version", ["0.36.2", "2.4.0"])
def test_a_disabled_repository_says_so(version: str, bed: Bed) -> None:
    repo = bed.repo()
    bed.standin.call("post", "repo-options", id=repo.id, disabled=True)
    result = bed.run(version, f"hf_hub_download({repo.id!r}, 'config.json')")
    assert "DisabledRepoError" in result.err


@pytest.mark.parametrize("version", ["0.23.5", "0.36.2", "2.4.0"])
def test_xet_hints_open_no_way_round(version: str, bed: Bed) -> None:
    bed.standin.call("post", "settings", xet=True)
    repo = bed.repo(reader=True, gated="manual")
    told = tried(bed, version, repo, READER, xet="1.8.0")
    assert repo.whole(Path(told["all"]))
    direct = tried(bed, version, repo, STRANGER, endpoint=bed.standin.hub_url, xet="1.8.0")
    assert tried(bed, version, repo, STRANGER, xet="1.8.0") == direct


def test_a_secret_in_a_log_would_be_found(bed: Bed) -> None:
    assert leaks(bed.swarm) == []
    planted = bed.swarm.folder / "planted.log"
    for text in (READER, b64encode(f"reader:{READER}".encode()).decode(), "?Signature=abcdefghij"):
        planted.write_text(f'{{"msg": "{text}"}}')
        assert leaks(bed.swarm)
    planted.unlink()
