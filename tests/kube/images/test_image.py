"""The image is small, the same each time, runs every command, and stops when it is told to."""

from __future__ import annotations

import json
import os
import time
import tomllib
from typing import Any

import pytest

from tests.architecture.sources import ROOT
from tests.kube import archives
from tests.kube.archives import VERSION
from tests.kube.docker import BASE, Docker
from tests.kube.figures import tell

LIMIT_MB = 250
STOP_S = 5.0
HEALTHY_S = 60.0
COMMANDS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
SERVICES = ("dfdaemon", "seedpeer", "scheduler", "manager")


def inspect(docker: Docker, name: str) -> dict[str, Any]:
    (found,) = json.loads(docker("inspect", name))
    return dict(found)


def wait_healthy(docker: Docker, name: str) -> None:
    """Wait until the container's own health check says so."""
    deadline = time.monotonic() + HEALTHY_S
    while (state := inspect(docker, name)["State"])["Health"]["Status"] != "healthy":
        assert state["Running"] and time.monotonic() < deadline, docker("logs", name)
        time.sleep(0.2)


def test_it_is_small(docker: Docker, image: str) -> None:
    megabytes = archives.beside_base_mb(docker)
    tell("image, unpacked, beside its base", f"{megabytes:.0f} MB")
    assert megabytes <= LIMIT_MB


def test_it_says_what_it_is(docker: Docker, image: str) -> None:
    config = inspect(docker, image)["Config"]
    assert config["Labels"]["org.opencontainers.image.version"] == VERSION
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"][0] == "CMD"


def test_two_builds_are_alike_to_the_byte(docker: Docker, image: str) -> None:
    layers = inspect(docker, image)["RootFS"]["Layers"]
    epoch = (ROOT / "build" / "wheels" / ".epoch").read_text().strip()
    values = {"BASE": BASE, "VERSION": VERSION, "SOURCE_DATE_EPOCH": epoch}
    arguments = [
        word for name, value in values.items() for word in ("--build-arg", f"{name}={value}")
    ]
    environment = {**os.environ, **docker.environment}
    command = ["build", "--no-cache", *arguments, "--tag", "meganeura:again", "."]
    docker(*command, cwd=ROOT, env=environment)
    assert inspect(docker, "meganeura:again")["RootFS"]["Layers"] == layers


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there(docker: Docker, image: str, command: str) -> None:
    if command == "mount.dffs":  # for mount(8), which gives it a source and a folder
        assert docker("run", "--rm", image, "sh", "-c", f"command -v {command}")
        return
    assert "Usage" in docker("run", "--rm", image, command, "--help")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_without_rights_and_stops_when_told(
    docker: Docker, image: str, service: str
) -> None:
    writable = ["/tmp", "/var/lib/meganeura:uid=10001", "/var/log/dragonfly:uid=10001"]
    options = [word for folder in writable for word in ("--tmpfs", folder)]
    docker(
        *("run", "--detach", "--name", service, "--read-only", "--cap-drop=ALL"),
        *("--security-opt=no-new-privileges", "--health-interval=1s", *options),
        *(image, service),
    )
    try:
        wait_healthy(docker, service)
        assert docker("exec", service, "id", "-u") == "10001"
        begun = time.monotonic()
        docker("stop", "--time=30", service)
        assert time.monotonic() - begun < STOP_S
        assert inspect(docker, service)["State"]["ExitCode"] == 0
    finally:
        docker("rm", "--force", service)


def test_nothing_in_it_looks_like_a_key(docker: Docker, image: str) -> None:
    search = (
        "grep -rlE 'BEGIN (EC |RSA |)PRIVATE KEY-----.' /opt/meganeura --include=*.pem --include=*.key"
        " || true"
    )
    assert docker("run", "--rm", image, "sh", "-c", search) == ""
