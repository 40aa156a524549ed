"""Every fault, seen by a plain HTTP client."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.standin import StandIn, fixtures
from tests.standin.content import Content

FILE = "/org/tiny/resolve/main/model.safetensors"
SIZE = 1 << 20


async def fetch(standin: StandIn, http: aiohttp.ClientSession, **headers: str) -> tuple[int, bytes]:
    async with http.get(standin.hub_url + FILE, headers=headers) as answer:
        return answer.status, await answer.read()


def right_bytes(standin: StandIn) -> bytes:
    return standin.state.repos["model", "org/tiny"].file("model.safetensors").content.data


async def test_a_status_strikes_as_often_as_told(
    standin: StandIn, http: aiohttp.ClientSession
) -> None:
    standin.faults.add("status", on=("cdn",), status=403, skip=1, times=2)
    assert [(await fetch(standin, http))[0] for _ in range(4)] == [200, 403, 403, 200]


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("reset", [False, True])
async def test_a_cut_body_ends_early_and_is_counted_exactly(
    on_disk: bool, reset: bool, standin: StandIn, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    if on_disk:
        big = fixtures.weights(tmp_path, SIZE)
        standin.state.create("org/tiny", {"model.safetensors": big})
    standin.faults.add("cut", object="org/tiny/*", on=("cdn",), after_bytes=1000, reset=reset)
    with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientConnectionError)):
        await fetch(standin, http)
    assert standin.counters.bytes_of("org/tiny/model.safetensors") == 1000


async def test_a_stall_ends_when_its_time_is_over(
    standin: StandIn, http: aiohttp.ClientSession
) -> None:
    stall = standin.faults.add("stall", on=("cdn",), after_bytes=1000, seconds=3600, times=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await fetch(standin, http)
    assert stall.struck == 1
    assert standin.counters.bytes_of("org/tiny/model.safetensors") == 1000
    assert await fetch(standin, http) == (200, right_bytes(standin))


async def test_a_range_can_be_ignored(standin: StandIn, http: aiohttp.ClientSession) -> None:
    standin.faults.add("ignore_range", on=("cdn",), times=1)
    assert await fetch(standin, http, Range="bytes=5-6") == (200, right_bytes(standin))
    assert (await fetch(standin, http, Range="bytes=5-6"))[0] == 206


async def test_wrong_bytes_keep_their_size(standin: StandIn, http: aiohttp.ClientSession) -> None:
    standin.faults.add("wrong_bytes", on=("cdn",), times=1)
    status, body = await fetch(standin, http)
    assert (status, len(body)) == (200, SIZE)
    assert body != right_bytes(standin)


async def test_a_slow_answer_and_a_throttled_body_arrive(
    standin: StandIn, http: aiohttp.ClientSession
) -> None:
    standin.faults.add("slow", on=("resolve",), seconds=0.01)
    standin.faults.add("throttle", on=("cdn",), bytes_per_s=100 << 20)
    assert await fetch(standin, http) == (200, right_bytes(standin))


async def test_a_commit_changes_between_two_requests(
    standin: StandIn, http: aiohttp.ClientSession
) -> None:
    repo = standin.state.repos["model", "org/tiny"]
    before = repo.head
    after = repo.commit({"model.safetensors": b"new"}, ref=None)
    standin.faults.add(
        "move_ref", object="org/tiny/*", method="HEAD", on=("resolve",), commit=after, times=1
    )
    commits = []
    for _ in range(2):
        async with http.head(standin.hub_url + FILE) as answer:
            commits.append(answer.headers["X-Repo-Commit"])
    assert commits == [before, after]
    assert await fetch(standin, http) == (200, b"new")


async def test_a_fault_on_one_object_leaves_others_alone(
    standin: StandIn, http: aiohttp.ClientSession
) -> None:
    other = Content(b"x")
    standin.state.plain["x"] = other
    standin.faults.add("status", object="org/tiny/model.safetensors", status=500)
    assert (await fetch(standin, http))[0] == 500
    async with http.get(f"{standin.cdn_url}/plain/x") as answer:
        assert answer.status == 200
    standin.faults.clear()
    assert (await fetch(standin, http))[0] == 200
