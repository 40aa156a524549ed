"""Replication of tagged versions to another volume, and the events that tell of it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy.orm import Session

from dfcore.backoff import Backoff
from dffs.tree import Tree
from dffs.volume import Volume
from manager.db.base import now
from manager.jobs import store
from manager.jobs.states import JobState
from tests.component.manager_jobs.bed import TIMEOUT_S, Bed, started
from tests.component.manager_jobs.volumes import digest_of, introduce, make_volume, push

MODEL = "org/bert"
BLOCK = 64 << 10


def files_of(seed: int) -> dict[str, bytes]:
    rng = random.Random(seed)
    return {f"part-{n}.bin": rng.randbytes(3 * BLOCK + n) for n in range(10)}


class Receiver:
    """Takes events; refuses the first ``refuse`` of them."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.refuse = 0
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hook"

    async def _take(self, request: web.Request) -> web.Response:
        if self.refuse:
            self.refuse -= 1
            return web.Response(status=500)
        self.got.append((dict(request.headers), await request.read()))
        return web.Response()

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def events(self) -> list[str]:
        return [json.loads(body)["event"] for _, body in self.got]

    async def until(self, event: str) -> dict[str, Any]:
        async with asyncio.timeout(TIMEOUT_S):
            while event not in self.events():  # noqa: ASYNC110 - it comes over HTTP
                await asyncio.sleep(0.02)
        return next(found for found in map(json.loads, self.bodies()) if found["event"] == event)

    def bodies(self) -> list[bytes]:
        return [body for _, body in self.got]


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    urls = {name: make_volume(tmp_path, name) for name in ("alpha", "beta")}
    async with started(tmp_path) as made:
        for name, url in urls.items():
            await introduce(made, name, url)
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.start()
    yield made
    await made.stop()


async def rule(bed: Bed, **changes: Any) -> int:
    wish = {"name": "to beta", "model_pattern": "org/*", "tag_pattern": "prod*", "target": "beta"}
    made = await bed.client.ask("POST", "/api/v1/replication-rules", wish | changes)
    return int(made["id"])


async def done(bed: Bed, revision: str) -> dict[str, Any]:
    (found,) = await bed.client.until(
        "/api/v1/replications",
        lambda rows: (
            bool(rows) and rows[0]["revision"] == revision and rows[0]["state"] != "waiting"
        ),
    )
    assert isinstance(found, dict)
    return found


async def test_a_version_that_differs_in_one_file_sends_that_files_blocks_only(
    bed: Bed, tmp_path: Path
) -> None:
    await rule(bed)
    files = files_of(1)
    first, _ = await push(bed, MODEL, files, "prod")
    state = await done(bed, first)
    assert (state["state"], state["copied_files"]) == ("done", 10)
    assert state["copied_bytes"] == sum(map(len, files.values()))
    changed = files["part-3.bin"]
    changed = changed[:BLOCK] + b"x" * BLOCK + changed[2 * BLOCK :]  # one of its four blocks
    second, _ = await push(bed, MODEL, files | {"part-3.bin": changed}, "prod")
    state = await done(bed, second)
    assert (state["copied_files"], state["copied_bytes"]) == (1, BLOCK)
    with Volume.open(f"sqlite:///{tmp_path / 'beta.db'}") as volume:
        tree = Tree(volume.meta, volume.files)
        for path, content in (files | {"part-3.bin": changed}).items():
            with tree.open_read(f"models/{MODEL}/prod/{path}") as reader:
                assert reader.read() == content
        assert tree.readlink(f"models/{MODEL}/prod") == f".versions/{second[:32]}"


async def test_an_earlier_version_that_is_copied_later_does_not_take_the_tag_back(
    bed: Bed, tmp_path: Path
) -> None:
    await rule(bed)
    old, _ = await push(bed, MODEL, {"a": b"old"}, "prod")
    first = await done(bed, old)
    new, _ = await push(bed, MODEL, {"a": b"new"}, "prod")
    await done(bed, new)

    def done_again(session: Session) -> None:
        job = store.get(session, first["job_id"])
        job.state, job.due_at = JobState.PENDING, now()

    await bed.app.core.database.run(done_again)
    await bed.client.over(first["job_id"])
    with Volume.open(f"sqlite:///{tmp_path / 'beta.db'}") as volume:
        tree = Tree(volume.meta, volume.files)
        assert tree.readlink(f"models/{MODEL}/prod") == f".versions/{new[:32]}"


async def test_only_tags_that_match_are_copied_and_a_new_rule_sees_old_tags(bed: Bed) -> None:
    revision, _ = await push(bed, MODEL, {"a": b"a"}, "prod-1", "dev")
    await rule(bed)
    state = await done(bed, revision)
    assert (state["tag"], state["model"], state["rule"]) == ("prod-1", MODEL, "to beta")


async def test_after_the_copy_nodes_beside_the_target_are_warmed_up(
    bed: Bed, tmp_path: Path
) -> None:
    await rule(bed, warm={"scope": "all_peers"})
    await push(bed, MODEL, {"a": b"a" * 1000, "b": b"b"}, "prod")
    (job,) = await bed.client.until(
        "/api/v1/jobs?type=preheat", lambda jobs: bool(jobs) and jobs[0]["phase"] == "SUCCESS"
    )
    assert job["progress"]["done_steps"] == 6
    digest = digest_of(b"a" * 1000)
    (one,) = [asked for asked in bed.nodes[1].asked if asked.digest == digest]
    with Volume.open(f"sqlite:///{tmp_path / 'beta.db'}") as volume:
        assert one.url == f"dffs://{volume.format.uuid}/{digest}"  # as a mount of it asks


async def test_a_copy_that_fails_is_told_and_can_be_done_again(
    bed: Bed, receiver: Receiver, tmp_path: Path
) -> None:
    await webhook(bed, receiver)
    await rule(bed)
    objects = tmp_path / "beta-objects"
    hidden = tmp_path / "hidden"
    objects.rename(hidden)
    objects.write_text("no folder")
    await push(bed, MODEL, {"a": b"a" * 1000}, "prod")
    failed = await receiver.until("replication.failed")
    assert failed["data"]["target"] == "beta"
    objects.unlink()
    hidden.rename(objects)
    (state,) = await bed.client.ask("GET", "/api/v1/replications")
    assert state["state"] == "failed"
    await bed.client.ask("POST", f"/api/v1/replications/{state['id']}/retry")
    await receiver.until("replication.succeeded")


async def webhook(bed: Bed, receiver: Receiver, *events: str) -> str:
    wish = {"name": "ci", "url": receiver.url, "events": list(events) or ["*"]}
    made = await bed.client.ask("POST", "/api/v1/webhooks", wish)
    return str(made["secret"])


async def test_events_are_signed_and_sent_once(bed: Bed, receiver: Receiver) -> None:
    secret = await webhook(bed, receiver, "model.*")
    revision, _ = await push(bed, MODEL, {"a": b"a"}, "prod")
    moved = await receiver.until("model.tag.moved")
    assert (moved["data"]["revision"], moved["data"]["tag"]) == (revision, "prod")
    await push(bed, MODEL, {"a": b"a"}, "prod")  # nothing is new
    await bed.client.ask("DELETE", f"/api/v1/models/{MODEL}/tags/prod")
    await receiver.until("model.tag.deleted")
    assert receiver.events() == ["model.version.created", "model.tag.moved", "model.tag.deleted"]
    headers, body = receiver.got[0]
    stamp, _, mac = headers["X-Meganeura-Signature"].partition(",v1=")
    signed = hmac.new(secret.encode(), stamp[2:].encode() + b"." + body, hashlib.sha256)
    assert hmac.compare_digest(mac, signed.hexdigest())
    assert headers["X-Meganeura-Delivery"] == json.loads(body)["id"]
    (hook,) = await bed.client.ask("GET", "/api/v1/webhooks")
    assert secret not in str(hook)


async def test_a_receiver_that_refuses_is_told_again(
    bed: Bed, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("manager.webhooks.sender._BACKOFF", Backoff(base_s=0.01, cap_s=0.02))
    await webhook(bed, receiver)
    receiver.refuse = 1
    await bed.client.ask("POST", "/api/v1/webhooks/1/ping")
    await receiver.until("ping")
    (sent,) = await bed.client.until(
        "/api/v1/webhooks/1/deliveries", lambda rows: rows[0]["state"] == "sent"
    )
    assert (sent["attempts"], sent["status"]) == (2, 200)


async def test_webhooks_do_not_reach_inside(bed: Bed) -> None:
    for url in ("http://169.254.169.254/x", "file:///etc/passwd", "http:///x"):
        wish = {"name": "x", "url": url}
        answer = await bed.client.ask(
            "POST", "/api/v1/webhooks", wish, status=403 if "169" in url else 400
        )
        assert answer["message"]
    wish = {"name": "x", "url": "http://10.0.0.1/", "events": ["nothing.*"]}
    await bed.client.ask("POST", "/api/v1/webhooks", wish, status=400)
