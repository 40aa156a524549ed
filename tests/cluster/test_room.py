"""What the cache gives up, the disk gets back."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.standin.process import StandInProcess
from tests.swarm.swarm import Host, Swarm

pytestmark = pytest.mark.cluster
MIB = 1 << 20
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def deleted_files(pid: int) -> list[str]:
    """Files that are gone and whose room the process still holds."""
    links = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            links.append(str(fd.readlink()))
        except FileNotFoundError:
            continue
    return [link for link in links if link.endswith("(deleted)") and "/blobs/" in link]


def task_ids(host: Host) -> list[str]:
    return [path.name.split("~")[0] for path in host.store.rglob("*~*") if path.is_file()]


def dfctl(host: Host, *arguments: str) -> None:
    command = [sys.executable, "-m", "dfdaemon.cli.dfctl", *arguments]
    command += ["--endpoint", host.socket.removeprefix("unix:")]
    subprocess.run(command, check=True, capture_output=True)


def test_a_deleted_blob_takes_no_room_after_its_download(tmp_path: Path) -> None:
    with StandInProcess(tmp_path / "hub") as hub:
        hub.create("org/m", {"model.safetensors": {"generated": 8 * MIB, "seed": 3}})
        with Swarm(tmp_path / "swarm", hub=hub.hub_url, nodes=1) as swarm:
            node = swarm.nodes[0]
            url = f"{node.proxy_url}/org/m/resolve/main/model.safetensors"
            with _opener.open(url, timeout=60) as answer:
                assert len(answer.read()) == 8 * MIB
            for host in (node, swarm.seed):
                (task_id,) = set(task_ids(host))
                dfctl(host, "task", "rm", task_id)
                deadline = time.monotonic() + 10
                while deleted_files(host.pid) and time.monotonic() < deadline:
                    time.sleep(0.05)
                assert not deleted_files(host.pid)
