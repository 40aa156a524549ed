"""What the Hub is asked, how often, and who is told what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest

from dfcore.errors import OriginUnreachable
from dfdaemon.hub.config import HubConfig
from dfdaemon.hub.facts import FileFact
from dfdaemon.hub.metadata import HubMetadata
from dfdaemon.hub.routes import Repo
from dfdaemon.task.service import HubAnswer
from tests.unit.dfdaemon.hub.fakes import FakeClock, FakeGateway

HUB = "https://huggingface.co"
REPO = Repo("models", "org/name")
COMMIT, OTHER = "c" * 40, "d" * 40
MINE, THEIRS = {"Authorization": "Bearer mine"}, {"Authorization": "Bearer theirs"}
TREE = f"GET {HUB}/api/models/org/name/tree/{COMMIT}?recursive=true&expand=false"


def stated(path: str = "a", commit: str = COMMIT) -> HubAnswer:
    etag = format(sum(map(ord, path)), "040x")
    pairs = [("X-Repo-Commit", commit), ("ETag", f'"{etag}"'), ("Content-Length", "5")]
    return HubAnswer(200, pairs, b"")


def only_for(*allowed: Mapping[str, str], answer: HubAnswer | None = None) -> object:
    def reply(headers: Mapping[str, str]) -> HubAnswer:
        given = headers.get("Authorization")
        if given in [a["Authorization"] for a in allowed]:
            return answer or stated()
        code = "RepoNotFound"
        return HubAnswer(404 if given else 401, [("X-Error-Code", code)], b"")

    return reply


def head(path: str = "a", revision: str = "main") -> str:
    return f"HEAD {HUB}/org/name/resolve/{revision}/{path}"


def made(
    gateway: FakeGateway, clock: FakeClock | None = None, *, lists: bool = False, **options: object
) -> HubMetadata:
    config = HubConfig(**options)  # type: ignore[arg-type]
    return HubMetadata(config, gateway, clock or FakeClock(), lists=lists)


async def test_a_branch_is_asked_again_after_its_time_and_a_commit_is_not() -> None:
    clock = FakeClock()
    gateway = FakeGateway({head(): stated(), head(revision=COMMIT): stated()})
    metadata = made(gateway, clock)
    for _ in range(3):
        assert isinstance(await metadata.file(REPO, "main", "a", {}), FileFact)
    clock.now_s += 11
    assert isinstance(await metadata.file(REPO, COMMIT, "a", {}), FileFact)
    assert gateway.lines == [head()]
    await metadata.file(REPO, "main", "a", {})
    assert gateway.lines == [head(), head()]


async def test_a_public_repository_is_learnt_without_the_token_and_shared() -> None:
    gateway = FakeGateway({head(): stated()})
    metadata = made(gateway)
    for headers in (MINE, THEIRS, {}):
        assert isinstance(await metadata.file(REPO, "main", "a", headers), FileFact)
    assert metadata.is_public(REPO)
    assert [headers for _, _, headers in gateway.asked] == [{}]


async def test_a_private_one_is_asked_for_each_requester() -> None:
    gateway = FakeGateway({head(): only_for(MINE), head(revision=COMMIT): only_for(MINE)})  # type: ignore[dict-item]
    metadata = made(gateway)
    assert isinstance(await metadata.file(REPO, "main", "a", MINE), FileFact)
    assert isinstance(await metadata.file(REPO, "main", "a", MINE), FileFact)
    refused = await metadata.file(REPO, "main", "a", THEIRS)
    assert isinstance(refused, HubAnswer)
    assert refused.status == 404
    assert not metadata.is_public(REPO)
    said = [headers.get("Authorization", "-") for _, _, headers in gateway.asked]
    assert said == ["-", "Bearer mine", "Bearer theirs"]


async def test_a_right_ends_with_its_time_even_for_known_files() -> None:
    clock = FakeClock()
    gateway = FakeGateway({head(revision=COMMIT): only_for(MINE)})  # type: ignore[dict-item]
    metadata = made(gateway, clock)
    assert isinstance(await metadata.file(REPO, COMMIT, "a", MINE), FileFact)
    gateway.replies[head(revision=COMMIT)] = only_for()  # type: ignore[assignment]
    clock.now_s += 61
    refused = await metadata.file(REPO, COMMIT, "a", MINE)
    assert isinstance(refused, HubAnswer)


async def test_many_at_once_wait_for_one_right_and_one_listing() -> None:
    paths = [f"f{i}" for i in range(50)]
    entries = [
        {"type": "file", "path": path, "size": 5, "oid": format(i, "040x")}
        for i, path in enumerate(paths)
    ]
    gateway = FakeGateway({head(path, COMMIT): stated(path) for path in paths})
    gateway.replies[TREE] = HubAnswer(200, [], json.dumps(entries).encode())
    metadata = made(gateway, lists=True)
    found = await asyncio.gather(*(metadata.file(REPO, COMMIT, p, MINE) for p in paths))
    assert all(isinstance(fact, FileFact) for fact in found)
    heads = [line for line in gateway.lines if line.startswith("HEAD")]
    assert len(heads) <= 3
    assert gateway.lines.count(TREE) == 1


async def test_a_listing_that_is_not_to_be_had_leaves_heads() -> None:
    paths = [f"f{i}" for i in range(6)]
    gateway = FakeGateway({head(path, COMMIT): stated(path) for path in paths})
    metadata = made(gateway, lists=True)
    for path in paths:
        assert isinstance(await metadata.file(REPO, COMMIT, path, {}), FileFact)
    assert gateway.lines.count(TREE) == 1


async def test_a_listing_gives_no_right_to_read() -> None:
    entries = [{"type": "file", "path": "a", "size": 5, "oid": "0" * 40}]
    gateway = FakeGateway(
        {
            TREE: HubAnswer(200, [], json.dumps(entries).encode()),
            head(revision=COMMIT): only_for(MINE),  # type: ignore[dict-item]
        }
    )
    metadata = made(gateway)
    await metadata.ask("GET", TREE.removeprefix("GET "), {})
    assert isinstance(await metadata.file(REPO, COMMIT, "a", {}), HubAnswer)


async def test_a_missing_file_of_a_commit_is_asked_once() -> None:
    missing = HubAnswer(404, [("X-Error-Code", "EntryNotFound"), ("X-Repo-Commit", COMMIT)], b"")
    gateway = FakeGateway({head(): missing})
    metadata = made(gateway)
    assert await metadata.file(REPO, "main", "a", {}) == missing
    assert await metadata.file(REPO, COMMIT, "a", {}) == missing
    assert gateway.lines == [head()]


async def test_redirects_of_the_hub_to_itself_are_followed_for_the_same_file() -> None:
    cached = f"/api/resolve-cache/models/org/name/{COMMIT}/a"
    regular = stated().headers[1:]
    gateway = FakeGateway(
        {
            head(): HubAnswer(307, [("Location", f"{cached}?x=")], b""),
            f"HEAD {HUB}{cached}?x=": HubAnswer(200, regular, b""),
        }
    )
    fact = await made(gateway).file(REPO, "main", "a", {})
    assert isinstance(fact, FileFact)
    assert fact.commit == COMMIT


async def test_a_renamed_repository_is_the_clients_to_follow() -> None:
    moved = HubAnswer(307, [("Location", "/new/name/resolve/main/a")], b"")
    gateway = FakeGateway({head(): moved})
    metadata = made(gateway)
    assert await metadata.file(REPO, "main", "a", {}) == moved
    assert not metadata.is_public(REPO)


@pytest.mark.parametrize("trouble", [HubAnswer(429, [], b""), OriginUnreachable("gone")])
async def test_known_public_files_are_told_while_the_hub_is_away(
    trouble: HubAnswer | Exception,
) -> None:
    clock = FakeClock()
    gateway = FakeGateway({head(): stated()})
    metadata = made(gateway, clock)
    before = await metadata.file(REPO, "main", "a", {})
    gateway.replies[head()] = trouble
    clock.now_s += 3600
    assert await metadata.file(REPO, "main", "a", {}) == before


async def test_private_files_are_not_told_while_the_hub_is_away() -> None:
    clock = FakeClock()
    gateway = FakeGateway({head(): only_for(MINE)})  # type: ignore[dict-item]
    metadata = made(gateway, clock)
    await metadata.file(REPO, "main", "a", MINE)
    gateway.replies[head()] = OriginUnreachable("gone")
    clock.now_s += 61
    with pytest.raises(OriginUnreachable):
        await metadata.file(REPO, "main", "a", MINE)


async def test_answers_are_revalidated_and_told_with_their_age() -> None:
    clock = FakeClock()
    url = f"{HUB}/api/models/org/name/revision/main"
    body = json.dumps({"sha": COMMIT}).encode()

    def reply(headers: Mapping[str, str]) -> HubAnswer:
        if headers.get("If-None-Match") == '"v1"':
            return HubAnswer(304, [], b"")
        return HubAnswer(200, [("ETag", '"v1"')], body)

    gateway = FakeGateway({f"GET {url}": reply})
    metadata = made(gateway, clock)
    await metadata.ask("GET", url, {})
    clock.now_s += 4
    answer = await metadata.ask("GET", url, {})
    assert ("Age", "4") in answer.headers
    clock.now_s += 7
    answer = await metadata.ask("GET", url, {})
    assert (answer.status, answer.body) == (200, body)
    assert len(gateway.asked) == 2
    assert metadata.knowledge.commit_of(REPO, "main") == COMMIT


async def test_a_cache_below_keeps_a_name_no_longer_than_the_one_above() -> None:
    clock = FakeClock()
    gateway = FakeGateway({head(): stated()})
    seed = made(gateway, clock)
    node = HubMetadata(HubConfig(), seed, clock)
    await seed.file(REPO, "main", "a", {})
    clock.now_s += 9
    await node.file(REPO, "main", "a", {})
    assert len(gateway.asked) == 1
    clock.now_s += 2
    await node.file(REPO, "main", "a", {})
    assert len(gateway.asked) == 2


async def test_answers_for_a_token_are_not_for_others() -> None:
    url = f"{HUB}/api/models/org/name/revision/main"
    gateway = FakeGateway({f"GET {url}": only_for(MINE, answer=HubAnswer(200, [], b"{}"))})  # type: ignore[dict-item]
    metadata = made(gateway)
    assert (await metadata.ask("GET", url, MINE)).status == 200
    assert (await metadata.ask("GET", url, THEIRS)).status == 404
    assert (await metadata.ask("GET", url, {})).status == 401
    assert len(gateway.asked) == 3
    await metadata.ask("GET", url, MINE)
    assert len(gateway.asked) == 3


async def test_a_refusals_body_is_asked_once() -> None:
    url = f"{HUB}/org/name/resolve/main/a"
    gateway = FakeGateway({f"GET {url}": HubAnswer(403, [], b"not for you")})
    metadata = made(gateway)
    for _ in range(2):
        answer = await metadata.refusal(REPO, "main", "a", MINE)
        assert answer.body == b"not for you"
    ((_, _, headers),) = gateway.asked
    assert headers == {**MINE, "Range": "bytes=0-0"}


async def test_only_what_decides_the_answer_is_asked_with() -> None:
    gateway = FakeGateway({head(): stated()})
    await made(gateway).file(REPO, "main", "a", {"X-Amzn-Trace-Id": "1", "User-Agent": "hf"})
    assert gateway.asked[0][2] == {"User-Agent": "hf"}


async def test_the_digest_of_a_storage_link_is_told_with_its_answer() -> None:
    sha256 = "e" * 64
    link = "https://us.aws.cdn.hf.co/xet-bridge-us/abc/def?Signature=1"
    pairs = [
        ("X-Repo-Commit", COMMIT),
        ("X-Linked-Etag", f'"{sha256}"'),
        ("X-Linked-Size", "5"),
        ("Location", link),
    ]
    other = link.replace("Signature=1", "Signature=2")
    gateway = FakeGateway({head(): HubAnswer(302, pairs, b""), f"GET {other}": stated()})
    metadata = made(gateway)
    await metadata.file(REPO, "main", "a", {})
    answer = await metadata.ask("GET", other, {"Range": "bytes=0-0"})
    assert ("X-Linked-Etag", f'"{sha256}"') in answer.headers
