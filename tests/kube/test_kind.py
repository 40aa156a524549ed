"""kind's own strict parser reads the cluster's file; the guide's files are in kind/ as they are."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.kube import tools
from tests.kube.chart import GUIDE

pytestmark = pytest.mark.skipif(
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


def test_kind_reads_the_configuration(tmp_path: Path) -> None:
    assert "unable to decode config" not in complaint(CONFIG, tmp_path)


def test_kind_would_find_a_mistake_in_it(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(CONFIG.read_text().replace("hostPort", "hostPrt"))
    assert "field hostPrt not found" in complaint(wrong, tmp_path)


@pytest.mark.parametrize("name", ["kind-config.yaml", "peer-service-config.yaml"])
def test_the_guides_files_are_unchanged(name: str) -> None:
    assert (ROOT / "kind" / name).read_bytes() == (GUIDE / name).read_bytes()
