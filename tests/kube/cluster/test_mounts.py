"""A volume mounted on a node by the chart: pods see its files, and nothing stays when it is removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kube import tools
from tests.kube.archives import IMAGE
from tests.kube.chart import NAMESPACE
from tests.kube.cluster.cluster import Cluster

pytestmark = pytest.mark.timeout(600)

META = "sqlite:////var/lib/meganeura/volume/meta.db"
POD = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {{component: {name}}}}}
spec:
  nodeName: node1
  restartPolicy: Never
  securityContext: {{runAsUser: {user}}}
  containers:
    - name: c
      image: {image}
      command: [sh, -c, {command!r}]
      volumeMounts: [{{name: v, mountPath: {path}, mountPropagation: HostToContainer}}]
  volumes: [{{name: v, hostPath: {{path: {path}, type: DirectoryOrCreate}}}}]
"""
FOLDER = "/var/lib/meganeura/volume"
FORMAT = f"mkdir -p {FOLDER} && dffs format --bucket {FOLDER} {META} models"


def run_pod(cluster: Cluster, name: str, command: str, path: str, user: int) -> None:
    values = {"name": name, "namespace": NAMESPACE, "image": IMAGE, "user": user}
    cluster.apply(POD.format(**values, command=command, path=path))


def test_a_pod_reads_what_is_in_a_volume(cluster: Cluster, tmp_path: Path) -> None:
    if NAMESPACE not in cluster.kubectl("get", "namespaces", "--output=name"):
        cluster.kubectl("create", "namespace", NAMESPACE)
    run_pod(cluster, "format", FORMAT, "/var/lib/meganeura", 0)
    cluster.wait("pod", "format", f"--namespace={NAMESPACE}", "jsonpath={.status.phase}=Succeeded")
    volumes = tmp_path / "volumes.yaml"
    volumes.write_text(f"models: {META}\n")
    secret = ["create", "secret", "generic", "volumes", f"--from-file={volumes}"]
    cluster.kubectl(*secret, f"--namespace={NAMESPACE}")
    mounts = '[{"name": "models", "path": "/mnt/volumes/models"}]'
    cluster.helm(
        tools.HELM3,
        "install",
        "--set=dffs.volumesSecret=volumes",
        f"--set-json=dffs.mounts={mounts}",
        "--set=dffs.nodeSelector.kubernetes\\.io/hostname=node1",
        "--wait",
        "--timeout=120s",
        chart=True,
    )
    which = [f"--namespace={NAMESPACE}", "--selector=component=mount-models"]
    cluster.wait("pod", *which, "condition=Ready")
    (mount,) = cluster.pods("mount-models")
    cluster.exec(mount, "sh", "-c", "echo weights > /mnt/volumes/models/model.bin")
    run_pod(cluster, "reader", "sleep 600", "/mnt/volumes", 1000)
    cluster.wait("pod", "reader", f"--namespace={NAMESPACE}", "condition=Ready")
    assert cluster.exec("reader", "cat", "/mnt/volumes/models/model.bin") == "weights"


def test_a_pod_that_comes_later_keeps_its_view_when_the_mount_comes_back(cluster: Cluster) -> None:
    (mount,) = cluster.pods("mount-models")
    cluster.kubectl("delete", "pod", mount, f"--namespace={NAMESPACE}")
    cluster.wait(
        "pod", f"--namespace={NAMESPACE}", "--selector=component=mount-models", "condition=Ready"
    )
    assert cluster.exec("reader", "cat", "/mnt/volumes/models/model.bin") == "weights"


def test_an_uninstall_takes_the_mount_away(cluster: Cluster) -> None:
    force = ["--grace-period=0", "--force"]
    cluster.kubectl("delete", "pod", "reader", "format", f"--namespace={NAMESPACE}", *force)
    cluster.helm(tools.HELM3, "uninstall", "--wait", "--timeout=120s")
    cluster.wait("pod", f"--namespace={NAMESPACE}", "--all", "delete")
    assert cluster.nodes[0].mounts_of_volumes() == []
