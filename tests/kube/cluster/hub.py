"""The stand-in Hub and its CDN at their real names inside the cluster's network, and the guide's client.

They listen on addresses of the control plane's namespace; the cluster's DNS knows huggingface.co and
cdn-lfs.huggingface.co by them. Outside of the cluster, 127.0.0.1:65001 leads to port 30950 of a node, as
the guide's kind cluster has it.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.clients import guide_recipe, packages
from tests.clients.run import PREAMBLE, environment
from tests.kube.cluster import network
from tests.kube.namespace import Namespace
from tests.standin.process import StandInProcess

HUB_NAME, CDN_NAME = "huggingface.co", "cdn-lfs.huggingface.co"


class Hub(StandInProcess):
    """The stand-in, as a process of the namespace; entered after the cluster is up."""

    def __init__(self, namespace: Namespace, root: Path) -> None:
        settings = {"signing": "cloudfront", "cdn_base": f"https://{CDN_NAME}"}
        changes = [f"--set={name}={json.dumps(value)}" for name, value in settings.items()]
        super().__init__(root, *changes, tls=True)
        self._namespace = namespace
        self._command = namespace.command(*self._command)

    def start(self) -> None:
        super().start()
        for address, url in ((network.CONTROL, self.hub_url), (network.CDN, self.cdn_url)):
            self._lead(f"{address}:443", urlsplit(url).netloc)
        self._lead("127.0.0.1:65001", f"{network.node_address(1)}:30950")

    def call(self, method: str, action: str, /, **values: Any) -> Any:
        words = ["curl", "--silent", "--fail", "--max-time", "300"]
        if method == "get":
            words += ["--get"]
            for name, value in values.items():
                words += ["--data-urlencode", f"{name}={value}"]
        else:
            words += ["--request", method.upper(), "--data", json.dumps(values)]
        done = self._namespace.try_run(*words, f"{self.admin_url}/{action}")
        if done.returncode:
            raise ValueError(done.stdout + done.stderr)
        return json.loads(done.stdout)

    def _lead(self, address: str, target: str) -> None:
        host, _, port = address.partition(":")
        listen = f"TCP-LISTEN:{port},bind={host},fork,reuseaddr"
        self._namespace.start(["socat", listen, f"TCP:{target}"], self.root / f"lead-{host}.log")


def run_client(
    namespace: Namespace, version: str, code: str, home: Path, **options: Any
) -> subprocess.CompletedProcess[str]:
    """`tests.clients.run.run_client` inside the namespace."""
    home.mkdir(parents=True, exist_ok=True)
    env = environment(version, home=home, **options)
    command = namespace.command("env", "-i", *(f"{k}={v}" for k, v in env.items()))
    return subprocess.run(
        [*command, packages.PYTHON, "-c", PREAMBLE + code],
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def run_guide(hub: Hub, namespace: Namespace, home: Path) -> Path:
    """The guide's script, unchanged, as its reader runs it beside the kind cluster; the file it got."""
    _wait_for_proxy(namespace)
    done = run_client(
        namespace,
        guide_recipe.HUB_VERSIONS[0],
        guide_recipe.script(),
        home,
        endpoint=hub.hub_url,
        extras=(guide_recipe.REQUESTS,),
        ca_file=hub.ca_file,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return guide_recipe.downloaded(home)


def _wait_for_proxy(namespace: Namespace, patience_s: float = 20.0) -> None:
    """The way to the node port is there a moment after the service."""
    deadline = time.monotonic() + patience_s
    url = f"http://{network.node_address(1)}:30950/"
    while namespace.try_run("curl", "--silent", "--output", "/dev/null", url).returncode:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{url} does not answer")
        time.sleep(0.2)
