"""A docker daemon in a namespace of its own: `make test-images`, or MEGANEURA_IMAGES=1 with pytest."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kube import archives, figures, needs
from tests.kube.docker import Docker
from tests.kube.namespace import Namespace

PROGRAMS = {
    "dockerd": "docker.io",
    "mmdebstrap": "mmdebstrap",
    "iptables": "iptables",
    "socat": "socat",
}
GATEWAY = "172.31.250.1"


def why_not() -> str:
    """Why no image is built; empty if one is."""
    if not os.environ.get("MEGANEURA_IMAGES"):
        return "images are built by `make test-images` alone"
    return "" if os.geteuid() == 0 else "dockerd needs root"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = why_not()
    for item in items:
        if reason and "tests/kube/images/" in str(item.path):
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    figures.report(terminalreporter)


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    """Up, without any image."""
    needs.programs(PROGRAMS)
    needs.clients()
    with tempfile.TemporaryDirectory(prefix="meganeura-images-") as name:
        with Namespace("mgi") as namespace, Docker(namespace, Path(name) / "docker") as running:
            yield running


@pytest.fixture(scope="session", autouse=True)
def image(docker: Docker) -> str:
    """The product's image, built as `make images` does."""
    return archives.build(docker)
