"""What the image is made of fits the project: the pinned packages are those that pyproject asks for."""

from __future__ import annotations

import re
import runpy
import tomllib

from packaging.requirements import Requirement
from packaging.version import Version

from tests.architecture.sources import ROOT
from tests.kube.chart import CHART

LOCK = ROOT / "docker" / "requirements.lock"


def test_the_lock_has_what_pyproject_asks_for() -> None:
    found = re.findall(r"^(\S+?)==(\S+)", LOCK.read_text(), re.M)
    pinned = {name.replace("_", "-"): Version(version) for name, version in found}
    lacking = []
    for text in runpy.run_path(str(ROOT / "docker" / "wanted.py"))["wanted"]():
        wanted = Requirement(text)
        version = pinned.get(wanted.name.lower().replace("_", "-"))
        if version is None or version not in wanted.specifier:
            lacking.append(text)
    assert not lacking, "run docker/lock"


def test_every_package_of_the_lock_has_a_digest() -> None:
    blocks = re.split(r"(?m)^(?=\S+==)", LOCK.read_text())[1:]
    assert blocks
    assert not [block for block in blocks if "--hash=sha256:" not in block]


def test_image_chart_and_project_have_one_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = (CHART / "Chart.yaml").read_text()
    assert f"\nversion: {version}\n" in chart
    assert f"\nappVersion: {version}\n" in chart
