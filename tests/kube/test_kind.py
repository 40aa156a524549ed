"""kind's own strict parser reads the cluster's file; the guide's files are in kind/ as they are."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.kube import tools
from tests.kube.archives import IMAGE
from tests.kube.cases import GUIDES
from tests.kube.chart import GUIDE, Rendered, render

needs_kind = pytest.mark.skipif(
    not tools.KIND.exists(), reason="kind is not there: tests/kube/install could not get it"
)
CONFIG = ROOT / "kind" / "kind-config.yaml"


def complaint(config: Path, tmp_path: Path) -> str:
    """What kind says when it is to make the cluster where no docker is."""
    command = [tools.KIND, "create", "cluster", "--config", config]
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path / 'no.sock'}", "PATH": "/nowhere"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=nowhere)
    assert done.returncode
    return done.stderr


@needs_kind
def test_kind_reads_the_configuration(tmp_path: Path) -> None:
    assert "unable to decode config" not in complaint(CONFIG, tmp_path)


@needs_kind
def test_kind_would_find_a_mistake_in_it(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(CONFIG.read_text().replace("hostPort", "hostPrt"))
    assert "field hostPrt not found" in complaint(wrong, tmp_path)


@pytest.mark.parametrize("name", [path.name for path in GUIDE.iterdir()])
def test_the_guides_files_are_unchanged(name: str) -> None:
    assert (ROOT / "kind" / name).read_bytes() == (GUIDE / name).read_bytes()


@pytest.fixture
def walk(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs kind/up with programs that only write down how they were called."""
    for name in ("kind", "docker", "helm", "kubectl", "hf"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >>{tmp_path}/calls\n')
        program.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def run(*steps: str) -> subprocess.CompletedProcess[str]:
        command = [ROOT / "kind" / "up", *steps]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def test_the_walk_goes_the_guides_way(
    walk: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    done = walk("cluster", "images", "install", "logs")
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text()
    in_order = (
        "kind create cluster --name meganeura --config kind/kind-config.yaml",
        f"kind load docker-image {IMAGE} --name meganeura",
        "--namespace dragonfly-system upgrade --install dragonfly charts/meganeura",
        "--values kind/charts-config.yaml --wait",
        "apply --filename kind/peer-service-config.yaml",
        "get pods --selector component=dfdaemon",
    )
    places = [calls.index(words) for words in in_order]
    assert places == sorted(places)


def test_the_image_that_is_loaded_is_the_charts() -> None:
    objects = Rendered.of(render(GUIDES))
    assert {one["image"] for one in objects.containers()} == {IMAGE}


def test_a_wrong_step_is_named(walk: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = walk("instal")
    assert (done.returncode, "instal is no step" in done.stderr) == (2, True)
