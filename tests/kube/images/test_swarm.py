"""The guide's scenario with containers: a scheduler, a seed and two nodes; one file, sent once."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients import packages
from tests.clients.run import PREAMBLE, environment
from tests.kube.docker import Docker
from tests.kube.images.conftest import GATEWAY
from tests.kube.images.test_image import inspect, wait_healthy
from tests.standin.process import StandInProcess

REPO, FILE, SIZE_BYTES = "org/model", "model.safetensors", 24 << 20
PORTS = {"hub": 18081, "cdn": 18082}
NODES = ("node1", "node2")


class Hub(StandInProcess):
    """The stand-in within docker's namespace; containers reach it at the bridge."""

    def __init__(self, docker: Docker, root: Path) -> None:
        named = {kind: f"http://{GATEWAY}:{port}" for kind, port in PORTS.items()}
        changes = [f"--set={kind}_base={json.dumps(url)}" for kind, url in named.items()]
        super().__init__(root, *changes)
        self.docker = docker
        self._command = docker.namespace.command(*self._command)

    def call(self, method: str, action: str, /, **values: Any) -> Any:
        words = ["curl", "--silent", "--fail", "--request", method.upper()]
        body = ["--data", json.dumps(values)] if method != "get" else []
        query = "?" + "&".join(f"{k}={v}" for k, v in values.items()) if method == "get" else ""
        url = f"{self.admin_url}/{action}{query}"
        out = self.docker.namespace.run(*words, *body, url, stdout=subprocess.PIPE).stdout
        return json.loads(out)


@pytest.fixture(scope="module")
def hub(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with Hub(docker, tmp_path_factory.mktemp("hub")) as standin:
        ways = []
        for kind, url in (("hub", standin.hub_url), ("cdn", standin.cdn_url)):
            listen = f"TCP-LISTEN:{PORTS[kind]},bind={GATEWAY},fork,reuseaddr"
            words = docker.namespace.command("socat", listen, f"TCP:{url.removeprefix('http://')}")
            ways.append(subprocess.Popen(words))
        yield standin
        for way in ways:
            way.terminate()
            way.wait()


@pytest.fixture(scope="module")
def nodes(docker: Docker, image: str, hub: Hub) -> Iterator[dict[str, str]]:
    """Names and addresses of two nodes."""
    common = ["--set", f"hub.endpoint=http://{GATEWAY}:{PORTS['hub']}"]
    common += ["--set", 'scheduler.addrs=["scheduler:8002"]']
    proxy = ["--set", "proxy.tcpListen.listen=0.0.0.0"]
    docker("network", "create", "swarm")
    started = {
        "scheduler": ["scheduler"],
        "seed": ["seedpeer", *common],
        **{name: ["dfdaemon", *common, *proxy] for name in NODES},
    }
    for name, command in started.items():
        docker(
            *("run", "--detach", "--network=swarm", "--name", name, "--hostname", name),
            *("--health-interval=1s", "--env=XDG_STATE_HOME=/var/lib", image, *command),
            *("--log-dir", f"/var/log/dragonfly/{'daemon' if name in NODES else name}"),
        )
    for name in started:
        wait_healthy(docker, name)
    networks = {name: inspect(docker, name)["NetworkSettings"]["Networks"] for name in NODES}
    yield {name: networks[name]["swarm"]["IPAddress"] for name in NODES}
    docker("rm", "--force", *started)
    docker("network", "rm", "swarm")


def test_two_nodes_have_the_file_and_the_origin_sent_it_once(
    docker: Docker, hub: Hub, nodes: dict[str, str], tmp_path: Path
) -> None:
    made = hub.create(REPO, {FILE: {"generated": SIZE_BYTES}})
    version = packages.DEMO_HUB_VERSION
    for name, address in nodes.items():
        home = tmp_path / name
        home.mkdir()
        env = environment(version, home=home, endpoint=f"http://{address}:65001")
        words = ["env", "-i", *(f"{key}={value}" for key, value in env.items())]
        code = f'{PREAMBLE}print(hf_hub_download("{REPO}", "{FILE}"))'
        command = docker.namespace.command(*words, packages.PYTHON, "-c", code)
        got = Path(subprocess.check_output(command, text=True, cwd=home).strip().splitlines()[-1])
        assert hashlib.sha256(got.read_bytes()).hexdigest() == made["sha256"][FILE]
        log = "/var/log/dragonfly/daemon/core.log"
        assert docker("exec", name, "grep", "peer task done", log)
    assert hub.bytes_of(made["sha256"][FILE]) <= SIZE_BYTES * 1.01
