"""Pods of the product's image that do something small, and what they said."""

from __future__ import annotations

import json
import time
from typing import Any

import yaml

from tests.kube.archives import IMAGE
from tests.kube.cluster.cluster import READY_S, Cluster

Object = dict[str, Any]


def pod(name: str, command: str, namespace: str = "default", **spec: Any) -> Object:
    """A pod whose one container `c` runs a shell command. ``mounts`` and ``env`` are the container's."""
    container: Object = {
        "name": "c",
        "image": IMAGE,
        "command": ["sh", "-c", command],
        "volumeMounts": spec.pop("mounts", []),
        "env": spec.pop("env", []),
    }
    about = {"name": name, "namespace": namespace, "labels": spec.pop("labels", {})}
    about["annotations"] = spec.pop("annotations", {})
    whole = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": whole | spec}


def model(reference: str, name: str = "model", volume: str = "models") -> Object:
    """A volume of a pod: the model, by the driver."""
    attributes = {"volume": volume, "model": reference}
    return {"name": name, "csi": {"driver": "csi.meganeura.io", "volumeAttributes": attributes}}


def claimed(claim: str, name: str = "claim") -> Object:
    """A volume of a pod: a claim."""
    return {"name": name, "persistentVolumeClaim": {"claimName": claim}}


def make(cluster: Cluster, *objects: Object) -> None:
    cluster.apply(yaml.safe_dump_all(objects))


def start(cluster: Cluster, wanted: Object) -> str:
    """Make the pod and wait until it runs; its name."""
    make(cluster, wanted)
    name, namespace = wanted["metadata"]["name"], wanted["metadata"]["namespace"]
    cluster.wait("pod", name, f"--namespace={namespace}", "condition=Ready")
    return str(name)


def run(cluster: Cluster, wanted: Object, timeout_s: float = READY_S) -> str:
    """Make the pod, wait until it has ended well, and take it away; what it printed."""
    make(cluster, wanted)
    name = wanted["metadata"]["name"]
    where = f"--namespace={wanted['metadata']['namespace']}"
    phase, deadline = "", time.monotonic() + timeout_s
    while phase not in ("Succeeded", "Failed") and time.monotonic() < deadline:
        phase = cluster.kubectl("get", "pod", name, where, "--output=jsonpath={.status.phase}")
        time.sleep(0.2)
    if phase != "Succeeded":
        told = cluster.kubectl("logs", name, where, "--all-containers", "--ignore-errors")
        raise RuntimeError(f"{name}: {phase}\n{told[-3000:]}\n{cluster.story()}")
    told = cluster.kubectl("logs", name, where)
    remove(cluster, wanted)
    return told


def remove(cluster: Cluster, wanted: Object) -> None:
    """Take a pod away and wait until it is gone."""
    where = f"--namespace={wanted['metadata']['namespace']}"
    cluster.kubectl("delete", "pod", wanted["metadata"]["name"], where)


def complaints(cluster: Cluster, name: str, namespace: str = "default") -> str:
    """What the cluster warns of about an object."""
    found = cluster.get("events", f"--namespace={namespace}")
    return "\n".join(e["message"] for e in found if e["involvedObject"]["name"] == name)


def values(**given: Any) -> list[str]:
    """Words for helm; `__` in a key stands for a dot."""
    return [f"--set-json={k.replace('__', '.')}={json.dumps(v)}" for k, v in given.items()]
