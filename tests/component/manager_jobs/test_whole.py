"""A manager, a scheduler that registers with it, a seed and nodes, all as processes; dfctl in front."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.standin.process import StandInProcess
from tests.swarm.daemon import Daemon
from tests.swarm.guard import Guard
from tests.swarm.ports import free_port
from tests.swarm.swarm import Swarm

MIB = 1 << 20
PASSWORD = "a password of root"
FILES = {
    "config.json": "{}",
    "a.safetensors": {"generated": 9 * MIB, "seed": 1},
    "b.safetensors": {"generated": 5 * MIB, "seed": 2},
}


@dataclass
class Whole:
    """What runs."""

    hub: StandInProcess
    swarm: Swarm
    manager: Daemon
    rest: str


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Whole]:
    guard, grpc_port, rest_port = Guard(), free_port(), free_port()
    (tmp_path / "password").write_text(PASSWORD)
    with StandInProcess(tmp_path / "hub") as hub:
        hub.create("org/model", FILES)
        config: dict[str, Any] = {
            "server": {
                "grpc": {"ip": "127.0.0.1", "port": grpc_port},
                "rest": {"ip": "127.0.0.1", "port": rest_port},
            },
            "admin": {"port": 0},
            "stateDir": str(tmp_path / "state"),
            "jobs": {"hub": hub.hub_url, "lease": "2s", "beat": "200ms"},
            "auth": {"rootPasswordFile": str(tmp_path / "password")},
        }
        manager = Daemon("manager", "manager", tmp_path / "manager", config, guard)
        link = {"manager": {"addr": f"127.0.0.1:{grpc_port}"}}
        try:
            manager.restart()
            with Swarm(
                tmp_path / "swarm", hub=hub.hub_url, nodes=2, scheduler=link, seed=link, node=link
            ) as swarm:
                yield Whole(hub, swarm, manager, f"http://127.0.0.1:{rest_port}")
        finally:
            manager.stop()
            guard.close()


async def dfctl(whole: Whole, token: str, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "dfdaemon.cli.dfctl",
        *arguments,
        env=os.environ | {"DFCTL_MANAGER": whole.rest, "DFCTL_TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def test_a_repository_is_brought_everywhere_and_the_job_outlives_its_manager(
    whole: Whole,
) -> None:
    async with aiohttp.ClientSession(whole.rest) as session:
        body = {"name": "root", "password": PASSWORD}
        async with session.post("/api/v1/users/signin", json=body) as answer:
            token = (await answer.json())["token"]
        head = {"Authorization": f"Bearer {token}"}
        async with asyncio.timeout(30):
            while True:  # the scheduler registers by itself
                async with session.get("/api/v1/schedulers", headers=head) as answer:
                    if [s for s in await answer.json() if s["state"] == "active"]:
                        break
                await asyncio.sleep(0.1)
        code, text = await dfctl(
            whole, token, "job", "preheat", "hf://org/model", "--scope", "all", "--json"
        )
        assert code == 0, text + whole.manager.tail()
        job = json.loads(text)
        assert (job["phase"], job["progress"]["done_steps"]) == ("SUCCESS", 9)
        assert whole.hub.counters()["bytes_by_kind"]["cdn"] == 14 * MIB
        whole.swarm.nodes[1].freeze()  # so that the next one is under way when its manager dies
        wish = {"type": "preheat", "args": {"url": "hf://org/model", "scope": "all_peers"}}
        async with session.post("/api/v1/jobs", json=wish, headers=head) as answer:
            number = (await answer.json())["id"]
        async with asyncio.timeout(30):
            while (await _job(session, number, head))["phase"] != "STARTED":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    await asyncio.to_thread(whole.manager.kill)
    whole.swarm.nodes[1].thaw()
    await asyncio.to_thread(whole.manager.restart)
    code, text = await dfctl(whole, token, "job", "watch", str(number), "--json")
    assert code == 0, text
    assert json.loads(text)["progress"]["done_steps"] == 9
    assert whole.hub.counters()["bytes_by_kind"]["cdn"] == 14 * MIB


async def _job(session: aiohttp.ClientSession, number: int, head: dict[str, str]) -> dict[str, Any]:
    async with session.get(f"/api/v1/jobs/{number}", headers=head) as answer:
        job: dict[str, Any] = await answer.json()
        return job
