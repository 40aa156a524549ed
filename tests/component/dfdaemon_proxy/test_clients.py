"""Real huggingface_hub clients in mirror mode, and what a snapshot costs the Hub."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dfdaemon.hub.config import HubConfig
from tests.clients.packages import HUB_VERSIONS, XET_VERSIONS
from tests.clients.run import client
from tests.component.dfdaemon_proxy.bed import Cluster
from tests.standin import StandIn, fixtures

pytestmark = pytest.mark.clients

SNAPSHOT = "print(snapshot_download('org/fifty'))"


def same_files(standin: StandIn, folder: Path, repo_id: str) -> bool:
    repo = standin.state.repos["model", repo_id]
    return all(
        (folder / path).read_bytes() == file.content.read(0, file.content.size)
        for path, file in repo.commits[repo.head].items()
    )


@pytest.mark.parametrize("version", HUB_VERSIONS)
async def test_a_snapshot_on_many_nodes_costs_the_hub_what_one_client_does(
    version: str, tmp_path: Path, hub: HubConfig, standin: StandIn, home: Path
) -> None:
    fixtures.many_files(standin.state)
    await client(version, SNAPSHOT, home=home / "direct", endpoint=standin.hub_url)
    direct = standin.counters.hub_requests()
    standin.counters.reset()
    async with Cluster(tmp_path, hub) as cluster:
        nodes = [await cluster.node() for _ in range(8)]
        # Two clients run at a time, as the machine allows; what they ask is shared all the same.
        for at in range(0, 8, 2):
            results = await asyncio.gather(
                *(
                    client(version, SNAPSHOT, home=home / str(at + i), endpoint=nodes[at + i].url)
                    for i in range(2)
                )
            )
            for result in results:
                assert same_files(standin, result.path(), "org/fifty")
        for node in nodes:
            # Each engine here is on its own; in a swarm the first fetch is the only one.
            assert len(node.tasks.fetched) == len({spec.task_id for spec in node.tasks.fetched})
    gets = sum(len({s.task_id for s in node.tasks.fetched}) for node in nodes)
    once = max(len({s.task_id for s in node.tasks.fetched}) for node in nodes)
    content = sum(standin.counters.requests[key] for key in ("resolve GET", "resolve-cache GET"))
    metadata = standin.counters.hub_requests() - content
    assert gets == 8 * once
    assert metadata + content / 8 <= 1.5 * direct


@pytest.mark.parametrize("version", HUB_VERSIONS)
@pytest.mark.parametrize("xet", [None, *XET_VERSIONS])
async def test_a_private_snapshot_needs_the_token(
    version: str, xet: str | None, tmp_path: Path, hub: HubConfig, standin: StandIn, home: Path
) -> None:
    standin.settings.change(xet=True)
    fixtures.tiny(standin.state, "org/private", private=True)
    fixtures.tokens(standin.state, "org/private")
    code = "print(snapshot_download('org/private'))"
    async with Cluster(tmp_path, hub) as cluster:
        node = await cluster.node()
        result = await client(
            version, code, home=home / "a", endpoint=node.url, token=fixtures.READER_TOKEN, xet=xet
        )
        assert same_files(standin, result.path(), "org/private")
        assert all(spec.restricted for spec in node.tasks.specs)
        result = await client(version, code, home=home / "b", endpoint=node.url, xet=xet)
        assert not result.ok
        assert "RepositoryNotFound" in result.err
    assert standin.counters.cdn_authorization == 0
    assert standin.counters.requests["transfer GET"] == 0
