"""One real cluster for all tests of this folder: `make test-k8s`, or MEGANEURA_K8S=1 with pytest.

Needs root, Debian's etcd, containerd, runc, CNI plugins and docker (installed here if they are not
there), and Kubernetes itself, which build-kubernetes makes once. MEGANEURA_K8S=cached: only if it was
built before.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.kube import archives, figures, needs
from tests.kube.cluster.cluster import BUILD, Cluster
from tests.kube.cluster.hub import Hub
from tests.kube.cluster.store import Store
from tests.kube.docker import CACHE
from tests.servers import programs

WANTED = os.environ.get("MEGANEURA_K8S", "")
# Programs, and the packages that bring them.
PROGRAMS = {
    "etcd": "etcd-server",
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "socat": "socat",
    "dockerd": "docker.io",
    "mmdebstrap": "mmdebstrap",
    "gcc": "gcc",
}
PLUGINS = Path("/usr/lib/cni/bridge")
NODES = 2
# Claims bind to these, as they bind to what a cluster's provisioner makes.
VOLUME = """
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {node}-{number}}}
spec:
  capacity: {{storage: 200Gi}}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  local: {{path: /var/lib/claims/{number}}}
  nodeAffinity:
    required:
      nodeSelectorTerms:
        - matchExpressions: [{{key: kubernetes.io/hostname, operator: In, values: [{node}]}}]
"""


def why_not() -> str:
    """Why the cluster is not raised; empty if it is."""
    if not WANTED:
        return "a real Kubernetes is raised by `make test-k8s` alone"
    if os.geteuid() != 0:
        return "a real Kubernetes needs root"
    if WANTED == "cached" and not any(CACHE.glob("*/kubelet")):
        return "Kubernetes has not been built here: `make test-k8s` builds it"
    return ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = why_not()
    for item in items:
        if reason and "tests/kube/cluster/" in str(item.path):
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    figures.report(terminalreporter)


def install() -> None:
    """Get what is missing."""
    needs.programs(PROGRAMS, [] if PLUGINS.exists() else ["containernetworking-plugins"])
    needs.clients()
    if programs.find("weed") is None:
        subprocess.run([ROOT / "tests" / "servers" / "install"], check=True)


@pytest.fixture(scope="session")
def workdir() -> Iterator[Path]:
    """A folder on a real disk."""
    with tempfile.TemporaryDirectory(prefix="meganeura-kube-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def cluster(workdir: Path) -> Iterator[Cluster]:
    """Two nodes with the images, and volumes for claims."""
    install()
    subprocess.run([BUILD], check=True, stdout=subprocess.DEVNULL)
    images = archives.make(workdir / "images")
    with Cluster(workdir / "cluster", NODES) as raised:
        raised.load(*images)
        for node in raised.nodes:
            for number in range(6):
                node.run("mkdir", "-p", f"/var/lib/claims/{number}")
                raised.apply(VOLUME.format(node=node.name, number=number))
        yield raised


@pytest.fixture(scope="session")
def hub(cluster: Cluster, workdir: Path) -> Iterator[Hub]:
    """The stand-in Hub at its real name."""
    (workdir / "hub").mkdir()
    with Hub(cluster.outside, workdir / "hub") as standin:
        yield standin


@pytest.fixture(scope="session")
def store(cluster: Cluster, workdir: Path) -> Iterator[Store]:
    """An S3 server that pods reach."""
    started = Store(cluster.outside, workdir / "store")
    started.start()
    yield started
    started.clean_up()


@pytest.fixture(scope="module", autouse=True)
def _a_cluster_without_the_release(cluster: Cluster) -> Iterator[None]:
    """Each module begins with none, whatever the one before it left."""
    cluster.remove_release()
    yield
    cluster.remove_release()


@pytest.fixture(scope="session", autouse=True)
def _up_for_all_modules(hub: Hub, store: Store) -> None:
    """Nothing of the cluster is first started within a module."""
