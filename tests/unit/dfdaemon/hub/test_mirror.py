"""What the mirror makes of a request; how the Hub is asked is test_metadata's matter."""

from __future__ import annotations

import json

from dfdaemon.hub.config import HubConfig
from dfdaemon.hub.metadata import HubMetadata
from dfdaemon.hub.mirror import HubMirror, HubRequest
from dfdaemon.hub.replies import Answer, Pass, Serve
from dfdaemon.task.service import HubAnswer
from tests.unit.dfdaemon.hub.fakes import FakeClock, FakeGateway

HUB, US = "https://huggingface.co", "http://127.0.0.1:65001"
COMMIT, SHA256 = "c" * 40, "a" * 64
STATED = HubAnswer(
    302,
    [
        ("X-Repo-Commit", COMMIT),
        ("X-Linked-Etag", f'"{SHA256}"'),
        ("X-Linked-Size", "5"),
        ("Location", "https://cdn/x"),
    ],
    b"",
)


async def _body() -> bytes:
    return b"{}"


def request(method: str, target: str, **headers: str) -> HubRequest:
    return HubRequest(method, target, headers, _body, US)


def made(gateway: FakeGateway) -> HubMirror:
    clock = FakeClock()
    return HubMirror(HubConfig(), HubMetadata(HubConfig(), gateway, clock), clock)


async def test_a_get_becomes_a_task_at_the_commit() -> None:
    mirror = made(FakeGateway({f"HEAD {HUB}/o/n/resolve/main/a%20b": STATED}))
    reply = await mirror.handle(
        request("GET", "/o/n/resolve/main/a%20b?download=true", Authorization="Bearer t", X="y")
    )
    assert isinstance(reply, Serve)
    assert reply.spec.url == f"{HUB}/o/n/resolve/{COMMIT}/a%20b"
    assert reply.spec.content == f"sha256:{SHA256}"
    assert dict(reply.spec.request_headers) == {"Authorization": "Bearer t"}
    assert not reply.spec.restricted
    assert reply.etag == f'"{SHA256}"'


async def test_a_head_has_the_length_and_no_location() -> None:
    mirror = made(FakeGateway({f"HEAD {HUB}/o/n/resolve/main/a": STATED}))
    reply = await mirror.handle(request("HEAD", "/o/n/resolve/main/a"))
    assert isinstance(reply, Answer)
    assert (reply.status, reply.length) == (200, 5)
    assert "location" not in {name.lower() for name, _ in reply.headers}


async def test_what_nobody_shares_is_passed_on_as_it_is() -> None:
    mirror = made(FakeGateway())
    for method, target in (
        ("POST", "/api/models/o/n/commit/main"),
        ("GET", "/o/n.git/info/refs?service=git-upload-pack"),
        ("PUT", "/o/n/resolve/main/a"),
        ("GET", "/o/n/raw/main/a?x=%2F"),
    ):
        assert await mirror.handle(request(method, target)) == Pass(HUB + target)
    browser = request("GET", "/o/n/resolve/main/a", Cookie="token=1")
    assert await mirror.handle(browser) == Pass(f"{HUB}/o/n/resolve/main/a")


async def test_a_refused_get_has_the_hubs_body() -> None:
    refusal = [("X-Error-Code", "GatedRepo")]
    mirror = made(
        FakeGateway(
            {
                f"HEAD {HUB}/o/n/resolve/main/a": HubAnswer(401, refusal, b""),
                f"GET {HUB}/o/n/resolve/main/a": HubAnswer(401, refusal, b"ask for access"),
            }
        )
    )
    reply = await mirror.handle(request("GET", "/o/n/resolve/main/a"))
    assert isinstance(reply, Answer)
    assert (reply.status, reply.body) == (401, b"ask for access")


async def test_lfs_objects_are_granted_to_whoever_got_the_batch() -> None:
    batch_url = f"POST {HUB}/o/n.git/info/lfs/objects/batch"
    link = "https://cdn/x?Signature=1"
    batch = {"objects": [{"oid": SHA256, "size": 5, "actions": {"download": {"href": link}}}]}
    gateway = FakeGateway({batch_url: HubAnswer(200, [], json.dumps(batch).encode())})
    mirror = made(gateway)
    await mirror.handle(request("POST", "/o/n.git/info/lfs/objects/batch", Authorization="me"))
    target = f"/o/n.git/info/lfs/objects/{SHA256}?size=5"
    reply = await mirror.handle(request("GET", target, Authorization="me"))
    assert isinstance(reply, Serve)
    assert (reply.spec.url, reply.spec.size_bytes) == (link, 5)
    assert len(gateway.asked) == 1
    gateway.replies[batch_url] = HubAnswer(401, [], b"who?")
    refused = await mirror.handle(request("GET", target))
    assert isinstance(refused, Answer)
    assert refused.status == 401
