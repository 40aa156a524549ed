"""The stream of a job's events: each step as it goes, nothing missed, nothing twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dfcore.errors import Denied
from tests.component.manager_jobs.bed import Bed, Client, started
from tests.component.manager_jobs.command import dfctl

FILE = "https://127.0.0.1:1/model.bin"
Event = tuple[str, int, dict[str, Any]]


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    async with started(tmp_path) as made:
        yield made


@asynccontextmanager
async def listening(
    client: Client, number: int, last: int = 0
) -> AsyncIterator[AsyncIterator[Event]]:
    """The events of a job, as they come."""
    headers = {"Authorization": f"Bearer {client.token}", "Last-Event-ID": str(last)}
    path = f"{client.base}/api/v1/jobs/{number}/events"
    async with asyncio.timeout(20), client.session.get(path, headers=headers) as answer:
        assert answer.content_type == "text/event-stream"
        yield parsed(answer.content)


async def parsed(lines: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    fields: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.decode().strip().partition(": ")
        fields[name] = value
        if name == "data":
            yield fields["event"], int(fields["id"]), json.loads(value)


async def test_steps_are_told_as_they_go_until_the_job_is_over(bed: Bed) -> None:
    bed.nodes[1].gate.clear()
    number = await bed.client.preheat(url=FILE, scope="all_peers")
    seen: list[tuple[str, str]] = []
    async with listening(bed.client, number) as events:
        async for name, _, data in events:
            if name == "step":
                seen.append((data["hostname"], data["state"]))
                if data["hostname"] == "node-0" and data["done_bytes"]:
                    assert 0 < data["done_bytes"] < data["size_bytes"] or bed.nodes[1].gate.is_set()
                    bed.nodes[1].gate.set()
            last = name, data
    assert (last[0], last[1]["phase"]) == ("over", "SUCCESS")
    assert ("node-0", "running") in seen
    assert {seen[-1]} | set(seen) >= {(node.name, "done") for node in bed.nodes}


async def test_who_connects_again_hears_what_came_since(bed: Bed) -> None:
    bed.nodes[2].failures = [Denied("not for this node")]
    number = await bed.client.preheat(url=FILE, scope="all_peers")
    await bed.client.over(number)
    async with listening(bed.client, number) as events:
        first = [event async for event in events]
    assert [name for name, _, _ in first] == ["step", "step", "step", "over"]
    last = first[-1][1]
    async with listening(bed.client, number, last) as events:
        assert [name async for name, _, _ in events] == ["over"]
    await bed.client.ask("POST", f"/api/v1/jobs/{number}/retry")
    await bed.client.over(number)
    async with listening(bed.client, number, last) as events:
        steps = [data async for name, _, data in events if name == "step"]
    assert [(step["hostname"], step["state"]) for step in steps] == [("node-1", "done")]


async def test_the_stream_is_for_those_who_may_read_jobs(bed: Bed) -> None:
    number = await bed.client.preheat(url=FILE)
    await bed.client.over(number)
    async with listening(bed.guest, number) as events:
        assert [name async for name, _, _ in events][-1] == "over"
    nobody = Client(bed.client.session, bed.client.base, "")
    await nobody.ask("GET", f"/api/v1/jobs/{number}/events", status=401)
    await bed.client.ask("GET", "/api/v1/jobs/999/events", status=404)


async def test_a_manager_that_stops_ends_its_streams(bed: Bed) -> None:
    wish = {"type": "preheat", "args": {"url": FILE}, "at": "2100-01-01T00:00:00Z"}
    made = await bed.client.ask("POST", "/api/v1/jobs", wish)
    async with listening(bed.client, made["id"]) as events:
        assert (await anext(events))[0] == "job"
        async with asyncio.timeout(bed.app.core.config.server.grace_s):
            await bed.app.rest.stop()


async def test_dfctl_tells_each_step(bed: Bed) -> None:
    bed.nodes[2].failures = [Denied("not for this node")]
    code, text = await dfctl(bed, "job", "preheat", FILE, "--scope", "all")
    assert code == 1
    lines = text.splitlines()
    for host in ("seed-0", "node-0"):
        assert any(line.startswith(f"{host}: model.bin: done, 4MiB in ") for line in lines), text
    assert "node-1: model.bin: failed: node-1: not for this node" in lines
