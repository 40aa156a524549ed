"""The Hugging Face cache on a mount: one node downloads, the others have it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.clients import run
from tests.component.dffs_fuse.mounted import eventually, needs_fuse, volume_mount
from tests.standin.process import StandInProcess

pytestmark = [pytest.mark.clients, needs_fuse]
REPO = "org/model"
WEIGHTS = "model.safetensors"
WEIGHTS_BYTES = 3 << 20
VERSIONS = ("0.36.2", "1.33.0", "2.4.0")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandInProcess]:
    if run.missing():
        pytest.skip("run tests/clients/install first")
    with StandInProcess(tmp_path_factory.mktemp("hub")) as standin:
        files = {"config.json": "{}", WEIGHTS: {"generated": WEIGHTS_BYTES}}
        standin.create(REPO, files)
        yield standin


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    base = tmp_path_factory.mktemp("nodes")
    url = f"sqlite:///{base}/meta.db"
    with volume_mount(url, base / "one"), volume_mount(url, base / "two"):
        yield base / "one", base / "two"


_numbers = itertools.count()


@pytest.fixture
def nodes(points: tuple[Path, Path]) -> tuple[Path, Path]:
    """The cache of each test, as its two nodes see it."""
    name = f"hub-{next(_numbers)}"
    (points[0] / name).mkdir()
    assert eventually((points[1] / name).is_dir)
    return points[0] / name, points[1] / name


def _snapshot(
    version: str, hub: StandInProcess, node: Path, *, offline: bool = False
) -> run.Result:
    env = {"HF_HUB_CACHE": str(node), "HF_HUB_DISABLE_XET": "1"}
    if offline:
        env["HF_HUB_OFFLINE"] = "1"
    home = hub.root / f"home-{node.parent.name}"
    code = f"print(snapshot_download({REPO!r}))"
    return run.run_client(version, code, endpoint=hub.hub_url, home=home, env=env)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_one_node_downloads_is_there_for_the_other(
    version: str, hub: StandInProcess, nodes: tuple[Path, Path]
) -> None:
    hub.reset()
    one, two = nodes
    first = _snapshot(version, hub, one).path()
    assert (first / WEIGHTS).is_symlink()
    assert (first / WEIGHTS).stat().st_size == WEIGHTS_BYTES
    again = _snapshot(version, hub, two).path()
    offline = _snapshot(version, hub, two, offline=True).path()
    assert again == offline == two / first.relative_to(one)
    assert (offline / WEIGHTS).read_bytes() == (first / WEIGHTS).read_bytes()
    assert hub.bytes_of(f"{REPO}/{WEIGHTS}") == WEIGHTS_BYTES


def test_two_nodes_at_once_download_once(hub: StandInProcess, nodes: tuple[Path, Path]) -> None:
    """huggingface_hub holds a lock file while it downloads: the lock counts on both nodes."""
    hub.reset()
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda node: _snapshot(VERSIONS[0], hub, node), nodes))
    paths = [result.path() for result in results]
    assert (paths[0] / WEIGHTS).read_bytes() == (paths[1] / WEIGHTS).read_bytes()
    assert hub.bytes_of(f"{REPO}/{WEIGHTS}") == WEIGHTS_BYTES
    names = {name for _, _, files in os.walk(nodes[0]) for name in files}
    assert not [name for name in names if name.endswith(".incomplete")]
