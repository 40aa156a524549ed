"""HTTP as it should be: ranges, HEAD, conditions and empty files, cold and warm, by every way in."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass

import pytest

from tests.e2e.bed import Bed, Plan
from tests.e2e.http import Got, fetch

pytestmark = [pytest.mark.cluster, pytest.mark.clients]

PLAN = Plan(node=lambda _standin: {"hub": {"refTtl": "1s"}}, seed={"hub": {"refTtl": "1s"}})
SIZE = (3 << 20) + 7

RANGES = {
    "first": "bytes=0-0",
    "last": "bytes=-1",
    "suffix": "bytes=-70000",
    "suffix of more than all": f"bytes=-{SIZE * 2}",
    "open": f"bytes={SIZE - 600_000}-",
    "inner": "bytes=1048570-2097160",
    "clipped": f"bytes={SIZE - 5}-{SIZE + 5}",
    "past the end": f"bytes={SIZE}-",
    "empty suffix": "bytes=-0",
    "malformed": "bytes=5-2",
    "other unit": "lines=1-2",
    "several": f"bytes=0-9,1048570-1048580,{SIZE - 3}-",
}
WAYS = ("weights", "text", "cdn", "plain")


@dataclass(frozen=True)
class Thing:
    """Something to ask for, directly and by one of the ways in."""

    direct: str
    ours: str
    proxy: str | None
    headers: dict[str, str]
    name: str

    def ask(self, **options: object) -> Got:
        headers = {**self.headers, **options.pop("headers", {})}  # type: ignore[dict-item]
        return fetch(self.ours, proxy=self.proxy, headers=headers, **options)  # type: ignore[arg-type]


def thing(bed: Bed, way: str, size: int = SIZE) -> Thing:
    """Fresh content by one of the ways in: mirror mode, a signed link, the header Use-P2P."""
    content: object = bed.weights(size) if size else ""
    if way == "plain":
        url = bed.plain(content or {"hex": ""})
        return Thing(url, url, bed.endpoint, {"X-Dragonfly-Use-P2P": "true"}, url.split("/", 3)[3])
    path = "model.safetensors" if way != "text" else "vocab.txt"
    if way == "text" and size:
        # Small enough to be a regular file of the repository, which the Hub itself serves.
        content = {"hex": (bed.fresh("x").encode() + bytes(size)[:size])[:size].hex()}
    repo = bed.repo({path: content})
    target = repo.resolve(path)
    link = fetch(bed.standin.hub_url + target).header("Location") or ""
    if way == "text":
        link = bed.standin.hub_url + link
    name = f"{repo.id}/{path}"
    if way == "cdn":
        return Thing(link, link, bed.endpoint, {}, name)
    return Thing(link, bed.endpoint + target, None, {}, name)


def parts_of(got: Got) -> list[tuple[str, bytes]]:
    """Content-Range and bytes of the parts of a multipart answer."""
    head = f"Content-Type: {got.header('Content-Type')}\r\n\r\n".encode()
    message = email.message_from_bytes(head + got.body, policy=email.policy.HTTP)
    assert message.get_content_type() == "multipart/byteranges"
    # The email package is for text: a body that ends in CR or LF needs no more than it was sent.
    boundary = b"--" + str(message.get_boundary()).encode()
    found = []
    for part in got.body.split(boundary)[1:-1]:
        headers, _, body = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        named = email.message_from_bytes(headers)["Content-Range"]
        found.append((named, body.removesuffix(b"\r\n")))
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", RANGES)
def test_a_range_is_what_the_origin_would_send_cold_and_warm(kind: str, way: str, bed: Bed) -> None:
    it = thing(bed, way)
    wanted = {"Range": RANGES[kind]}
    direct = fetch(it.direct, headers=wanted)
    bed.standin.reset()
    cold = it.ask(headers=wanted)
    asked_of_origin = bed.standin.bytes_of(it.name)
    whole = it.ask()
    assert whole.status == 200 and whole.sha256 == fetch(it.direct).sha256
    for got in (cold, it.ask(headers=wanted)):
        assert got.status == direct.status
        if kind == "several":
            assert parts_of(got) == parts_of(direct)
            continue
        assert got.header("Content-Range") == direct.header("Content-Range")
        if got.status != 416:
            assert got.body == direct.body
            assert got.header("Content-Length") == str(len(direct.body))
    if kind in ("first", "last"):
        # A unit or two, not the whole file.
        assert asked_of_origin <= 1 << 20


@pytest.mark.parametrize("way", WAYS)
def test_a_file_is_sent_by_the_origin_once_however_it_is_asked_for(way: str, bed: Bed) -> None:
    it = thing(bed, way)
    bed.standin.reset()
    for value in RANGES.values():
        it.ask(headers={"Range": value})
    it.ask()
    it.ask()
    assert bed.standin.bytes_of(it.name) <= SIZE * 1.01


@pytest.mark.parametrize("way", WAYS)
def test_head_tells_what_get_would_and_fetches_nothing(way: str, bed: Bed) -> None:
    it = thing(bed, way)
    bed.standin.reset()
    head = it.ask(method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.header("Content-Length") == str(SIZE)
    assert bed.standin.bytes_of(it.name) <= 64
    got = it.ask()
    assert got.header("ETag") == head.header("ETag")
    assert got.header("Accept-Ranges") == "bytes"


@pytest.mark.parametrize("way", WAYS)
def test_conditions_are_kept(way: str, bed: Bed) -> None:
    it = thing(bed, way)
    etag = it.ask().header("ETag")
    assert etag
    part = {"Range": "bytes=10-19"}
    assert it.ask(headers={"If-None-Match": etag}).status == 304
    assert it.ask(headers={"If-None-Match": '"other"'}).status == 200
    assert it.ask(headers={"If-Match": '"other"'}).status == 412
    assert it.ask(headers={"If-Match": etag}).status == 200
    assert it.ask(headers=part | {"If-Range": etag}).status == 206
    assert it.ask(headers=part | {"If-Range": '"other"'}).status == 200
    assert it.ask(method="HEAD", headers={"If-None-Match": etag}).status == 304


@pytest.mark.parametrize("way", ["cdn", "plain"])
def test_a_date_is_a_condition_too(way: str, bed: Bed) -> None:
    it = thing(bed, way)
    date = it.ask().header("Last-Modified")
    assert date
    assert it.ask(headers={"If-Modified-Since": date}).status == 304
    assert it.ask(headers={"If-Range": date, "Range": "bytes=0-9"}).status == 206


@pytest.mark.parametrize("way", WAYS)
def test_an_empty_file_is_a_file(way: str, bed: Bed) -> None:
    it = thing(bed, way, size=0)
    for _ in range(2):
        got = it.ask()
        assert (got.status, got.body, got.header("Content-Length")) == (200, b"", "0")
    assert it.ask(headers={"Range": "bytes=0-"}).status == 416
    assert it.ask(method="HEAD").header("Content-Length") == "0"


def test_bytes_are_kept_as_they_are_whatever_a_client_accepts(bed: Bed) -> None:
    bed.standin.call("post", "settings", gzip=True)
    repo = bed.repo({"vocab.txt": bed.fresh("word ") * 5000})
    for _ in range(2):
        got = fetch(
            bed.endpoint + repo.resolve("vocab.txt"), headers={"Accept-Encoding": "gzip, br"}
        )
        assert got.header("Content-Encoding") is None
        assert got.sha256 == repo.sha256["vocab.txt"]
    accepted = {r["headers"].get("Accept-Encoding", "") for r in bed.requests("resolve-cache")}
    assert accepted <= {"identity", ""}


def test_a_changed_file_is_not_served_from_its_old_bytes(bed: Bed) -> None:
    name = bed.fresh("changing")
    url = f"{bed.standin.web_url}/plain/{name}"
    use = {"X-Dragonfly-Use-P2P": "true"}

    def ask() -> bytes:
        return fetch(url, proxy=bed.endpoint, headers=use).body

    bed.standin.call("post", "plain", name=name, file="the old content")
    assert ask() == b"the old content"
    bed.standin.call("post", "plain", name=name, file="the new content, longer")
    assert bed.until(lambda: ask() == b"the new content, longer")


def test_main_moves_on_within_its_time(bed: Bed) -> None:
    repo = bed.repo({"config.json": "old"})
    url = bed.endpoint + repo.resolve("config.json")
    assert fetch(url).body == b"old"
    bed.standin.call("post", "commit", id=repo.id, files={"config.json": "new"})
    assert bed.until(lambda: fetch(url).body == b"new")
    fixed = f"{bed.endpoint}/{repo.id}/resolve/{repo.commit}/config.json"
    assert fetch(fixed).body == b"old"
