"""Models and volumes in pods by the CSI driver: a kubelet mounts them, and pods read what they may.

The volume's metadata are in the chart's Redis, its objects in a real S3 server. The tests are one story
and run in this order.
"""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from tests.kube import tools
from tests.kube.archives import DATABASES
from tests.kube.chart import GUIDE, NAMESPACE
from tests.kube.cluster import pods
from tests.kube.cluster.cluster import Cluster
from tests.kube.cluster.store import Store
from tests.kube.figures import tell

pytestmark = pytest.mark.timeout(600)

SIZE_MIB = 128
REVISION = ".versions/4f0c1a7be2d09c11"
WRITE = f"""
set -e; cd /volume; mkdir -p models/org/bert/{REVISION} models/org/other
python3 -c 'import os; f = open("model.safetensors", "wb")
for _ in range({SIZE_MIB}): f.write(os.urandom(1 << 20))'
mv model.safetensors models/org/bert/{REVISION}/
ln -sfn {REVISION} models/org/bert/prod
echo secret > models/org/other/secret; sha256sum models/org/bert/prod/model.safetensors
"""
# Not readOnly: that the pod cannot write is the driver's doing.
MODEL = {"name": "model", "mountPath": "/model"}
# What a pod prints: when it had the first byte, how long the rest took, and the same for a plain file.
MEASURE = """
import json, os, shutil, time
first = open("/model/model.safetensors", "rb", buffering=0)
first.read(1)
told = {"first_byte": time.time()}
def seconds(path):
    begun, buffer = time.monotonic(), bytearray(1 << 20)
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return time.monotonic() - begun
shutil.copyfile("/model/model.safetensors", "/disk/plain")
for path in ("/model/model.safetensors", "/disk/plain"):
    seconds(path)
rounds = [(seconds("/model/model.safetensors"), seconds("/disk/plain")) for _ in range(7)]
told["ratio"] = sorted(plain / model for model, plain in rounds)[3]
os.unlink("/disk/plain")
print(json.dumps(told))
"""


def csi_values() -> list[str]:
    return pods.values(
        redis__enable=True,
        redis__image=DATABASES,
        csi__enable=True,
        csi__volumesSecret="volumes",
        csi__volumes=[{"name": "models", "open": True}, {"name": "closed"}],
        csi__storageClasses=[{"name": "folders", "volume": "models"}],
    )


def prepare_volume(cluster: Cluster, bucket: str, store: Store) -> None:
    """Format a volume in the release's Redis and tell the driver of it by a Secret."""
    cluster.wait("pod", f"--namespace={NAMESPACE}", "--selector=component=redis", "condition=Ready")
    (secret,) = cluster.get("secret", "dragonfly-redis", f"--namespace={NAMESPACE}")
    url = base64.b64decode(secret["data"]["url"]).decode()
    keys = f"--access-key={store.access_key} --secret-key={store.secret_key}"
    command = f"dffs format --storage s3 --bucket {bucket} {keys} {url} models"
    pods.run(cluster, pods.pod("format", command))
    given = {name: base64.b64encode(url.encode()).decode() for name in ("models", "closed")}
    about = {"name": "volumes", "namespace": NAMESPACE}
    pods.make(cluster, {"apiVersion": "v1", "kind": "Secret", "metadata": about, "data": given})


@pytest.fixture(scope="module")
def digest(cluster: Cluster, store: Store) -> str:
    """The release with a volume that holds models; the sha256 of one."""
    words = ["--create-namespace", f"--values={GUIDE / 'charts-config.yaml'}", *csi_values()]
    cluster.helm(tools.HELM3, "install", *words, chart=True)
    prepare_volume(cluster, store.create_bucket("models"), store)
    for component in ("csi", "csi-provisioner"):
        which = [f"--namespace={NAMESPACE}", f"--selector=component={component}"]
        cluster.wait("pod", *which, "condition=Ready")
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "all-models"},
        "spec": {
            "capacity": {"storage": "1Ti"},
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "none",
            "csi": {
                "driver": "csi.meganeura.io",
                "volumeHandle": "all-models",
                "volumeAttributes": {"volume": "closed"},
            },
        },
    }
    pods.make(cluster, volume, claim("all-models", "none", "1Ti"))
    mounts = [{"name": "claim", "mountPath": "/volume"}]
    spec: dict[str, Any] = {"mounts": mounts, "volumes": [pods.claimed("all-models")]}
    writer = pods.pod("writer", WRITE, securityContext={"runAsUser": 0}, **spec)
    return pods.run(cluster, writer).split()[0]


def claim(name: str, storage_class: str, size: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "storageClassName": storage_class,
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": size}},
        },
    }


def reader(name: str, command: str = "sleep 600", node: str = "node1") -> dict[str, Any]:
    """A pod on a node that has the model at /model, and knows nothing else of the product."""
    return pods.pod(
        name,
        command,
        nodeName=node,
        securityContext={"runAsUser": 1000},
        mounts=[MODEL | {"mountPropagation": "HostToContainer"}],
        volumes=[pods.model("org/bert@prod")],
    )


def test_a_pod_reads_its_model_and_cannot_write_or_see_others(
    cluster: Cluster, digest: str
) -> None:
    for node in ("node1", "node2"):
        name = pods.start(cluster, reader(f"reader-{node}", node=node))
        said = cluster.exec(name, "sha256sum", "/model/model.safetensors", namespace="default")
        assert said.split()[0] == digest
        look = "(ls -A /model; touch /model/x; ls -d /model/../org) 2>&1 || true"
        seen = cluster.kubectl("exec", name, "--", "sh", "-c", look)
        assert seen.splitlines()[0] == "model.safetensors"
        assert "Read-only file system" in seen
        assert "cannot access '/model/../org'" in seen
        mounts = cluster.exec(name, "grep", "/model", "/proc/self/mountinfo", namespace="default")
        assert len(mounts.splitlines()) == 1


def test_a_pod_that_may_not_is_told_why(cluster: Cluster, digest: str) -> None:
    refused = {
        "closed": {"volume": "closed", "model": "org/bert@prod"},
        "whole": {"volume": "models"},
        "forged": {"volume": "models", "csi.storage.k8s.io/ephemeral": "false"},
    }
    for name, attributes in refused.items():
        volume = {"name": "model", "csi": {"driver": "csi.meganeura.io"}}
        volume["csi"] |= {"volumeAttributes": attributes}  # type: ignore[operator]
        pods.make(cluster, pods.pod(name, "true", mounts=[MODEL], volumes=[volume]))
    for name in refused:
        deadline = time.monotonic() + 60
        while "in a secret" not in (told := pods.complaints(cluster, name)):
            assert time.monotonic() < deadline, told
            time.sleep(0.5)
        cluster.kubectl("delete", "pod", name, "--grace-period=0", "--force")


def test_a_claim_gets_a_folder_with_its_size_as_quota(cluster: Cluster, digest: str) -> None:
    pods.make(cluster, claim("work", "folders", "8Mi"))
    mounts = [{"name": "claim", "mountPath": "/work"}]
    spec: dict[str, Any] = {"mounts": mounts, "volumes": [pods.claimed("work")]}
    spec["securityContext"] = {"runAsUser": 0}
    command = "echo kept > /work/notes; head -c 16M /dev/zero > /work/large; ls /work"
    told = pods.run(cluster, pods.pod("claimant", command + " | tr '\\n' ' '", **spec))
    assert "notes" in told
    fits = "cat /work/notes; test $(stat -c %s /work/large) -lt 16000000 && echo bounded"
    second = pods.pod("second", fits, nodeName="node2", **spec)
    assert pods.run(cluster, second).split() == ["kept", "bounded"]
    cluster.kubectl("delete", "persistentvolumeclaim", "work")
    deadline = time.monotonic() + 60
    while any(v["spec"].get("storageClassName") == "folders" for v in volumes(cluster)):
        assert time.monotonic() < deadline
        time.sleep(0.3)


def volumes(cluster: Cluster) -> list[dict[str, Any]]:
    return cluster.get("persistentvolumes")


def test_an_open_file_outlives_the_driver_and_new_ones_open_again(
    cluster: Cluster, digest: str
) -> None:
    """The kernel reads a cached model's file without the mount's process; the driver mounts it anew."""
    hold = """
import hashlib, sys, time
file = open("/model/model.safetensors", "rb")
file.read(1)
print("open", flush=True)
while not __import__("os").path.exists("/tmp/go"):
    time.sleep(0.1)
digest = hashlib.sha256()
file.seek(0)
while data := file.read(1 << 20):
    digest.update(data)
print(digest.hexdigest(), flush=True)
"""
    holder = reader("holder", f"python3 -c '{hold}'")
    pods.make(cluster, holder)
    cluster.wait("pod", "holder", "condition=Ready")
    until(cluster, "holder", "open")
    found = cluster.get("pods", f"--namespace={NAMESPACE}", "--selector=component=csi")
    (driver,) = [p for p in found if p["spec"]["nodeName"] == "node1"]
    words = ["--grace-period=0", "--force", f"--namespace={NAMESPACE}"]
    cluster.kubectl("delete", "pod", driver["metadata"]["name"], *words)
    cluster.exec("holder", "touch", "/tmp/go", namespace="default")
    until(cluster, "holder", digest)
    which = [f"--namespace={NAMESPACE}", "--selector=component=csi", "condition=Ready"]
    cluster.wait("pod", *which)
    again = "for i in $(seq 100); do sha256sum /model/model.safetensors && break; sleep 0.3; done"
    said = cluster.kubectl("exec", "reader-node1", "--", "sh", "-c", again)
    assert said.split()[0] == digest


def until(cluster: Cluster, pod: str, word: str, patience_s: float = 60.0) -> None:
    deadline = time.monotonic() + patience_s
    while word not in (told := cluster.kubectl("logs", pod)):
        assert time.monotonic() < deadline, told
        time.sleep(0.2)


def test_figures_of_a_pod_whose_model_is_in_the_nodes_cache(cluster: Cluster, digest: str) -> None:
    """Printed, not asserted: they are of the machine. The plain file lies on the same disk."""
    plain = pods.pod("plain", "date +%s.%N", nodeName="node1")
    begun = time.time()
    beside = float(pods.run(cluster, plain)) - begun
    measure = reader("measure", f"python3 -c '{MEASURE}'")
    measure["spec"]["containers"][0]["volumeMounts"].append({"name": "disk", "mountPath": "/disk"})
    measure["spec"]["volumes"].append({"name": "disk", "emptyDir": {}})
    begun = time.time()
    told = json.loads(pods.run(cluster, measure))
    first = told["first_byte"] - begun
    beside_text = f"a pod that mounts nothing starts in {beside:.2f} s"
    tell("model by CSI: pod to first byte", f"{first:.2f} s; {beside_text}")
    ratio = f"{told['ratio']:.2f} of a file on the node's disk, both in memory"
    tell("model by CSI: reads", ratio)


def test_nothing_stays_of_pods_that_went(cluster: Cluster, digest: str) -> None:
    names = ["reader-node1", "reader-node2", "holder"]
    cluster.kubectl("delete", "pod", *names, "--grace-period=0", "--force")
    cluster.kubectl("delete", "persistentvolumeclaim", "all-models")
    cluster.kubectl("delete", "persistentvolume", "all-models")
    for node in cluster.nodes:
        deadline = time.monotonic() + 60
        while mounts := node.mounts_of_volumes():
            assert time.monotonic() < deadline, mounts
            time.sleep(0.5)
