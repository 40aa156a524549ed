"""A bucket for the cluster: a real S3 server at an address that pods reach, in place of a cloud's."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.kube.cluster import network
from tests.kube.namespace import Namespace
from tests.servers.processes import SeaweedFS

PORT = 8333
READY_S = 60.0


class Store:
    """Started in the control plane's namespace; ended with it."""

    url = f"http://{network.CONTROL}:{PORT}"
    access_key = SeaweedFS.access_key
    secret_key = SeaweedFS.secret_key

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self._namespace = namespace
        self._folder = folder
        self._server = SeaweedFS(folder)

    def start(self) -> None:
        """Start it and wait until it keeps files."""
        self._folder.mkdir(parents=True)
        self._server.prepare()
        self._namespace.start(self._server.command(), self._folder / "output")
        deadline = time.monotonic() + READY_S
        while self._put("/ready/probe"):
            if time.monotonic() > deadline:
                raise RuntimeError((self._folder / "output").read_text()[-3000:])
            time.sleep(0.3)
        listen = f"TCP-LISTEN:{PORT},bind={network.CONTROL},fork,reuseaddr"
        words = ["socat", listen, f"TCP:127.0.0.1:{self._server.port}"]
        self._namespace.start(words, self._folder / "lead")

    def create_bucket(self, name: str) -> str:
        """Make a bucket whose name begins so; its address."""
        name = f"{name}-{os.urandom(4).hex()}"
        if code := self._put(f"/buckets/{name}/"):
            raise RuntimeError(f"no bucket was made: curl ended with {code}")
        return f"{self.url}/{name}"

    def _put(self, path: str) -> int:
        words = ["curl", "--silent", "--fail", "--request", "PUT", "--data", "x"]
        return self._namespace.try_run(*words, f"{self._server.filer_url}{path}").returncode

    def clean_up(self) -> None:
        """Its sockets in /tmp."""
        self._server.clean_up()
