"""The guide, step by step, on a real Kubernetes of two nodes; then a life of the release.

The tests are one story and run in this order: each goes on where the last one stopped.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients import guide_recipe
from tests.kube import tools
from tests.kube.chart import GUIDE, NAMESPACE
from tests.kube.cluster import load, network
from tests.kube.cluster.cluster import Cluster
from tests.kube.cluster.hub import Hub, run_guide
from tests.kube.figures import tell
from tests.kube.namespace import end

pytestmark = pytest.mark.timeout(600)

READY_S = 60.0
SIZE_BYTES = 24 << 20
LOG = "/var/log/dragonfly/daemon/core.log"
VALUES = f"--values={GUIDE / 'charts-config.yaml'}"
NODES_PROXIES = [f"http://{network.node_address(number)}:65001" for number in (1, 2)]
NODE_PORT = f"http://{network.node_address(1)}:30950"


def test_the_guides_values_install_and_all_pods_are_ready(cluster: Cluster) -> None:
    begun = time.monotonic()
    words = ["--create-namespace", VALUES, "--wait", "--timeout=120s"]
    notes = cluster.helm(tools.HELM3, "install", *words, chart=True)
    seconds = time.monotonic() - begun
    pods = cluster.get("pods", f"--namespace={NAMESPACE}")
    control = [pod for pod in pods if pod["metadata"]["labels"]["component"] != "dfdaemon"]
    tell("the guide's values: all pods ready after", f"{seconds:.1f} s")
    tell("pods beside the nodes'", str(len(control)))
    assert seconds <= READY_S
    assert len(cluster.pods("dfdaemon")) == len(cluster.nodes)
    assert len(control) <= 4
    assert 'grep "peer task done"' in notes


def test_the_guides_script_downloads_through_the_node_port(
    cluster: Cluster, hub: Hub, tmp_path: Path
) -> None:
    cluster.apply((GUIDE / "peer-service-config.yaml").read_text())
    made = hub.create(guide_recipe.REPO, {guide_recipe.FILE: {"generated": SIZE_BYTES}})
    for client in ("first", "second"):
        got = run_guide(hub, cluster.outside, tmp_path / client)
        digest = hashlib.sha256(got.read_bytes()).hexdigest()
        assert digest == made["sha256"][guide_recipe.FILE]
    assert hub.bytes_of(digest) <= SIZE_BYTES * 1.01


def test_the_log_of_a_daemon_says_so(cluster: Cluster) -> None:
    found = []
    for pod in cluster.pods("dfdaemon"):
        with_grep = ["sh", "-c", f'grep "peer task done" {LOG} || true']
        found += cluster.exec(pod, *with_grep).splitlines()
    assert found
    told = json.loads(found[0])
    assert told["component"] == "PeerTask"
    assert {"peer", "task", "trace"} <= set(told)


@pytest.mark.parametrize("helm", tools.HELMS, ids=lambda helm: helm.name)
def test_the_charts_own_test_passes(cluster: Cluster, helm: Path) -> None:
    assert "Succeeded" in cluster.helm(helm, "test")


def test_requests_are_true(cluster: Cluster) -> None:
    asked = 0.0
    for pod in cluster.get("pods", f"--namespace={NAMESPACE}"):
        (container,) = pod["spec"]["containers"]
        request = _mebibytes(container["resources"]["requests"]["memory"])
        used = _memory(cluster, pod["metadata"]["name"])
        print(f"{pod['metadata']['name']}: {used:.0f} MiB of {request:.0f} MiB")
        assert used <= request
        if pod["metadata"]["labels"]["component"] != "dfdaemon":
            asked += request
    tell("memory that they ask for", f"{asked:.0f} MiB")
    assert asked <= 1024


def test_nothing_runs_as_root(cluster: Cluster) -> None:
    for pod in cluster.get("pods", f"--namespace={NAMESPACE}"):
        name = pod["metadata"]["name"]
        assert cluster.exec(name, "id", "-u") == "10001"
        keys = cluster.exec(name, "sh", "-c", "find -L /etc/dragonfly -name '*.key' -perm /007")
        assert keys == ""


def test_an_upgrade_keeps_secrets_and_fails_no_download(cluster: Cluster) -> None:
    before = _secrets(cluster)
    with running_load(cluster, [NODE_PORT]) as told:
        words = [
            VALUES,
            "--set=dfdaemon.config.verbose=false",
            "--set=seedPeer.config.verbose=false",
        ]
        more = ["--set=scheduler.config.verbose=false", "--set=manager.config.verbose=false"]
        server_side = "--server-side=false"
        cluster.helm(
            tools.HELM4,
            "upgrade",
            *words,
            *more,
            server_side,
            "--wait",
            "--timeout=180s",
            chart=True,
        )
    tell_load("upgrade of all parts under load", told)
    assert _secrets(cluster) == before
    assert (told["failed"], told["wrong"]) == (0, 0), told


def test_a_rollback_does_not_either(cluster: Cluster) -> None:
    with running_load(cluster, [NODE_PORT]) as told:
        cluster.helm(tools.HELM3, "rollback", "1", "--wait", "--timeout=180s")
    tell_load("rollback under load", told)
    assert (told["failed"], told["wrong"]) == (0, 0), told


def test_killed_pods_cost_no_wrong_byte(cluster: Cluster) -> None:
    # Helm waits for all but as many nodes as may be away at once.
    nodes = ["rollout", "status", "daemonset/dragonfly-dfdaemon", f"--namespace={NAMESPACE}"]
    cluster.kubectl(*nodes, "--timeout=120s")
    with running_load(cluster, NODES_PROXIES) as told:
        for component in ("scheduler", "seed-peer", "manager"):
            (pod, *_) = cluster.pods(component)
            force = ["--grace-period=0", "--force", "--wait=false"]
            cluster.kubectl("delete", "pod", pod, f"--namespace={NAMESPACE}", *force)
            cluster.wait("pod", pod, f"--namespace={NAMESPACE}", "condition=Ready")
            time.sleep(3)
    tell_load("pods killed under load", told)
    assert (told["failed"], told["wrong"]) == (0, 0), told


def test_an_uninstall_leaves_nothing_but_the_claims(cluster: Cluster) -> None:
    cluster.kubectl("delete", "service", "peer", f"--namespace={NAMESPACE}")
    cluster.helm(tools.HELM3, "uninstall", "--wait", "--timeout=120s")
    cluster.wait("pod", f"--namespace={NAMESPACE}", "--all", "delete")
    kinds = "all,configmaps,secrets,serviceaccounts,networkpolicies,poddisruptionbudgets"
    left = {
        f"{one['kind']}/{one['metadata']['name']}"
        for one in cluster.get(kinds, f"--namespace={NAMESPACE}")
        if not one["metadata"]["name"].startswith(("default", "kube-root-ca"))
    }
    assert left == set()
    claims = cluster.get("persistentvolumeclaims", f"--namespace={NAMESPACE}")
    assert {one["metadata"]["labels"]["release"] for one in claims} == {"dragonfly"}


def test_the_default_values_install_by_helm_4_too(cluster: Cluster) -> None:
    cluster.helm(tools.HELM4, "install", "--wait", "--timeout=120s", chart=True)
    assert "Succeeded" in cluster.helm(tools.HELM4, "test")
    cluster.helm(tools.HELM4, "uninstall", "--wait", "--timeout=120s")
    cluster.wait("pod", f"--namespace={NAMESPACE}", "--all", "delete")


@contextmanager
def running_load(cluster: Cluster, proxies: list[str]) -> Iterator[dict[str, Any]]:
    """Downloads go on while the body runs; what they saw is told afterwards."""
    address = f"{network.CONTROL}:8000"
    command = cluster.outside.command(sys.executable, load.__file__, address, *proxies)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = {}
    try:
        time.sleep(2)
        yield told
        time.sleep(2)
    finally:
        process.terminate()
        assert process.stdout is not None
        out = process.stdout.read()
        end(process)
        process.stdout.close()
    told |= json.loads(out)
    assert told["downloads"] > 0


def tell_load(what: str, told: dict[str, Any]) -> None:
    """The figures of a load, and the whole of it for who looks on."""
    print(told)
    counts = f"{told['failed']} failed and {told['wrong']} wrong of {told['downloads']}"
    tell(what, f"{counts}, the longest took {told['longest_s']} s")


def _secrets(cluster: Cluster) -> dict[str, Any]:
    found = cluster.get("secrets", f"--namespace={NAMESPACE}")
    return {s["metadata"]["name"]: s["data"] for s in found if s["type"] == "Opaque"}


def _mebibytes(quantity: str) -> float:
    return float(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]


def _memory(cluster: Cluster, pod: str) -> float:
    """Anonymous and other memory that the pod's first process really holds, in MiB."""
    text = cluster.exec(pod, "sh", "-c", "cat /proc/1/smaps_rollup")
    kilobytes = next(line.split()[1] for line in text.splitlines() if line.startswith("Pss:"))
    return int(kilobytes) / 1024
