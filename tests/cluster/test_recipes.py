"""The recipes in docs/recipes do what the README says, with the clients of today."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.clients.run import Result, missing, run_client
from tests.conftest import SwarmMaker
from tests.standin.process import REPOSITORY, StandInProcess
from tests.swarm.swarm import Host, Swarm

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.clients,
    pytest.mark.skipif(missing(), reason="clients not installed: make clients"),
]

REPO, FILE = "org/model", "model.safetensors"
SIZE = 3 << 20
RECIPES = REPOSITORY / "docs" / "recipes"
# How the Hub names its CDN today; the nodes of the test know that it means the stand-in.
CDN = "https://us.aws.cdn.hf.co"


@pytest.fixture
def model(standin: StandInProcess) -> str:
    """Serve a model whose weights lie on the CDN; returns their digest."""
    standin.call("post", "settings", cdn_base=CDN)
    made = standin.create(REPO, {"config.json": "{}", FILE: {"generated": SIZE}})
    digest: str = made["sha256"][FILE]
    return digest


@pytest.fixture
def swarm(start_swarm: SwarmMaker, standin: StandInProcess) -> Swarm:
    rule = {"regx": "^https://us.aws.cdn.hf.co/", "redirect": standin.cdn_url}
    hub = {"cdnHosts": [urlsplit(standin.cdn_url).netloc]}
    return start_swarm(nodes=2, node={"proxy": {"proxies": [rule]}, "hub": hub})


def run_recipe(name: str, version: str, *, home: Path, node: Host, hub: str) -> Result:
    """Run a recipe as a user would: as it stands, with a repository and a file to fetch."""
    code = f"import sys\nsys.argv[1:] = {[REPO, FILE]!r}\n" + (RECIPES / name).read_text()
    env = {"DRAGONFLY_NODE": node.proxy_url}
    return run_client(version, code, home=home, endpoint=hub, xet="1.8.0", env=env)


@pytest.mark.parametrize(
    ("recipe", "version"),
    [
        ("requests_adapter.py", "0.23.5"),
        ("requests_adapter.py", "0.36.2"),
        ("httpx_transport.py", "1.33.0"),
        ("httpx_transport.py", "2.4.0"),
    ],
)
def test_two_nodes_get_the_file_and_the_cdn_sends_it_once(
    recipe: str, version: str, swarm: Swarm, standin: StandInProcess, model: str, tmp_path: Path
) -> None:
    for node in swarm.nodes:
        home = tmp_path / node.name
        result = run_recipe(recipe, version, home=home, node=node, hub=standin.hub_url)
        assert hashlib.sha256(result.path().read_bytes()).hexdigest() == model
        assert node.figures().traffic.total >= SIZE
    # Each node asks the CDN for one byte to learn whether the signature still opens the file.
    assert SIZE <= standin.bytes_of(f"{REPO}/{FILE}") <= SIZE + 1024
