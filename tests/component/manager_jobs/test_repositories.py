"""Whole repositories of the stand-in Hub are brought to the real nodes of a real swarm."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dfcore.errors import Unavailable
from dfinfra.rpc.channels import Channels
from dfinfra.tls import create_ca, issue
from manager.jobs import nodes
from manager.jobs.files import Access, PlannedFile
from manager.jobs.hosts import JobHost
from manager.jobs.nodes import Nodes
from manager.jobs.spec import PreheatSpec
from tests.component.manager_jobs.bed import started
from tests.standin.fixtures import READER_TOKEN
from tests.standin.process import StandInProcess
from tests.swarm.swarm import Swarm

MIB = 1 << 20
FILES = {
    "config.json": '{"model_type": "bert"}',
    "empty.txt": "",
    "onnx/model.onnx": {"generated": 1 * MIB, "seed": 3},
    "model-00001.safetensors": {"generated": 6 * MIB, "seed": 1},
    "model-00002.safetensors": {"generated": 5 * MIB, "seed": 2},
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandInProcess]:
    with StandInProcess(tmp_path_factory.mktemp("hub")) as standin:
        standin.create("org/model", FILES)
        standin.create("org/secret", FILES, private=True)
        standin.call("post", "token", token=READER_TOKEN, user="reader", granted=["org/secret"])
        yield standin


@pytest.fixture(scope="module")
def swarm(hub: StandInProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    with Swarm(tmp_path_factory.mktemp("swarm"), hub=hub.hub_url, nodes=2) as made:
        yield made


async def test_a_repository_is_brought_to_every_node_and_leaves_the_hub_once(
    hub: StandInProcess, swarm: Swarm, tmp_path: Path
) -> None:
    hub.reset()
    port = int(swarm.scheduler.address.rpartition(":")[2])
    async with started(tmp_path, scheduler_port=port, jobs={"hub": hub.hub_url}) as bed:
        number = await bed.client.preheat(
            url="hf://org/model@main", scope="all_peers", exclude=["onnx/*"]
        )
        job = await bed.client.over(number)
        steps = await bed.client.ask("GET", f"/api/v1/jobs/{number}/steps", per_page=100)
        assert job["state"] == "SUCCESS", steps
        assert {(s["file"], s["hostname"]) for s in steps} == {
            (name, host)
            for name in FILES
            if not name.startswith("onnx/")
            for host in ("seed-1", "node-1", "node-2")
        }
        assert job["progress"]["done_bytes"] == sum(s["size_bytes"] for s in steps)
    assert hub.counters()["bytes_by_kind"]["cdn"] == 11 * MIB
    for node in swarm.nodes:
        assert await asyncio.to_thread(_get, f"{node.proxy_url}/org/model/resolve/main") == 11 * MIB
    assert hub.counters()["bytes_by_kind"]["cdn"] == 11 * MIB


async def test_a_private_repository_needs_its_secret(
    hub: StandInProcess, swarm: Swarm, tmp_path: Path
) -> None:
    port = int(swarm.scheduler.address.rpartition(":")[2])
    async with started(tmp_path, scheduler_port=port, jobs={"hub": hub.hub_url}) as bed:
        refused = await bed.client.over(await bed.client.preheat(url="hf://org/secret"))
        assert refused["state"] == "FAILURE"
        assert "secret" in refused["error"]
        await bed.client.ask("PUT", "/api/v1/secrets/hub", {"secret": READER_TOKEN})
        number = await bed.client.preheat(
            url="hf://org/secret", secret="hub", scope="all_peers", include=["*.safetensors"]
        )
        job = await bed.client.over(number)
        assert job["state"] == "SUCCESS", job["error"]
        assert job["progress"]["done_steps"] == 6
        assert READER_TOKEN not in str(job)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts count as other machines, and their clear port is out of reach."""
    monkeypatch.setattr(nodes, "_is_loopback", lambda _: False)
    monkeypatch.setattr(JobHost, "address", property(lambda _: "127.0.0.1:1"))


@pytest.mark.usefixtures("elsewhere")
async def test_credentials_reach_nodes_over_the_clusters_tls_and_no_other_way(
    hub: StandInProcess, swarm: Swarm, tmp_path: Path
) -> None:
    port = int(swarm.scheduler.address.rpartition(":")[2])
    wish = {"url": "hf://org/secret", "secret": "hub", "scope": "all_peers"}
    changes: dict[str, Any] = {"scheduler_port": port, "jobs": {"hub": hub.hub_url}}
    for folder in ("clear", "secure", "security"):
        (tmp_path / folder).mkdir()
    async with started(tmp_path / "clear", **changes) as bed:
        await bed.client.ask("PUT", "/api/v1/secrets/hub", {"secret": READER_TOKEN})
        refused = await bed.client.over(await bed.client.preheat(**wish))
        assert refused["state"] == "FAILURE"
        assert "security.dir" in refused["error"]
    issue(create_ca(swarm.folder / "ca"), tmp_path / "security", "host")
    changes["security"] = {"dir": str(tmp_path / "security")}
    async with started(tmp_path / "secure", **changes) as bed:
        await bed.client.ask("PUT", "/api/v1/secrets/hub", {"secret": READER_TOKEN})
        number = await bed.client.preheat(**wish)
        job = await bed.client.over(number)
        assert job["state"] == "SUCCESS", job["error"]
        assert job["progress"]["done_steps"] == 3 * len(FILES)
        # What a node has of private content it tells to hosts of the cluster alone.
        steps = await bed.client.ask("GET", f"/api/v1/jobs/{number}/steps", per_page=100)
        (task,) = {s["task_id"] for s in steps if s["file"] == "model-00002.safetensors"}
        asked = {"type": "get_task", "args": {"task_id": task}}
        found = await bed.client.over((await bed.client.ask("POST", "/api/v1/jobs", asked))["id"])
        (cluster,) = found["result"]["job_states"]
        assert not cluster["error"]
        assert len(cluster["results"][0]["peers"]) == 3


@pytest.mark.usefixtures("elsewhere")
async def test_a_host_without_the_clusters_certificate_gets_no_credentials(
    swarm: Swarm, tmp_path: Path
) -> None:
    config = swarm.nodes[0].config["upload"]
    host = JobHost("id", "node-1", "127.0.0.1", 1, False, 1, config["port"])
    access = Access("hf://org/secret", token=READER_TOKEN)
    stranger = Channels(issue(create_ca(tmp_path / "other"), tmp_path / "stranger", "host"))
    asking = Nodes(Channels(), stranger, in_clear=False)
    with pytest.raises(Unavailable, match="takes no TLS of the cluster"):
        file, spec = PlannedFile("x", access.url), PreheatSpec("file", (access.url,))
        await asking.bring(host, file, access, spec, lambda *_: None)
    await stranger.close()


def _get(base: str) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    total = 0
    for name in FILES:
        if name.endswith(".safetensors"):
            with opener.open(f"{base}/{name}", timeout=60) as answer:
                total += len(answer.read())
    return total
