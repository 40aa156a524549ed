"""Writes charts/meganeura/values.schema.json: ``python -m tests.kube.values_schema``; a test compares.

The shape follows values.yaml: every key that is there may be given and no other, so that a typo fails
with the key's name. What may stand below a service's `config` comes from the service's own classes.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from dfdaemon.config import DaemonConfig
from manager.config import ManagerConfig
from scheduler.config import SchedulerConfig
from seedpeer.config import SeedConfig
from tests.architecture.sources import ROOT
from tests.kube.config_schema import Schema, of_class

CHART = ROOT / "charts" / "meganeura"
TARGET = CHART / "values.schema.json"

TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}
ANY_OBJECT: Schema = {"type": "object"}
LABELS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
QUANTITY: Schema = {"type": ["string", "number"]}
COUNT: Schema = {"type": "integer", "minimum": 1}
RESOURCES: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        part: {"type": "object", "additionalProperties": QUANTITY}
        for part in ("requests", "limits")
    },
}
UPDATE: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "type": {"enum": ["RollingUpdate", "OnDelete"]},
        "rollingUpdate": ANY_OBJECT,
    },
}

MOUNT: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "path"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$"},
        "path": {"type": "string", "pattern": "^/."},
        "readOnly": {"type": "boolean"},
        "subdir": {"type": "string"},
        "args": TEXTS,
    },
}

CSI_VOLUME: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {"name": MOUNT["properties"]["name"], "open": {"type": "boolean"}},
}
STORAGE_CLASS: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "volume"],
    "properties": {
        "name": {"type": "string"},
        "volume": MOUNT["properties"]["name"],
        "reclaimPolicy": {"enum": ["Delete", "Retain"]},
        "isDefault": {"type": "boolean"},
    },
}

# What a key takes, wherever it stands; the rest is told by the default's kind.
BY_NAME: dict[str, Schema] = {
    "podLabels": LABELS,
    "podAnnotations": LABELS,
    "annotations": LABELS,
    "labels": LABELS,
    "nodeSelector": LABELS,
    "affinity": ANY_OBJECT,
    "tolerations": OBJECTS,
    "extraEnv": OBJECTS,
    "extraVolumes": OBJECTS,
    "extraVolumeMounts": OBJECTS,
    "pullSecrets": OBJECTS,
    "monitoring": OBJECTS,
    "resources": RESOURCES,
    "updateStrategy": UPDATE,
    "replicas": COUNT,
    "pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "size": QUANTITY,
    "nodePort": {"type": ["integer", "null"], "minimum": 0, "maximum": 65535},
    "externalTrafficPolicy": {"enum": ["Cluster", "Local"]},
}
BY_PATH: dict[str, Schema] = {
    "scheduler.config": of_class(SchedulerConfig),
    "seedPeer.config": of_class(SeedConfig),
    "dfdaemon.config": of_class(DaemonConfig),
    "manager.config": of_class(ManagerConfig),
    "dffs.mounts": {"type": "array", "items": MOUNT},
    "csi.volumes": {"type": "array", "items": CSI_VOLUME},
    "csi.storageClasses": {"type": "array", "items": STORAGE_CLASS},
    "injector.mode": {"enum": ["endpoint", "proxy"]},
    "manager.database.type": {"enum": ["embedded", "postgresql", "mysql", "external"]},
    "manager.storage.type": {"enum": ["pvc", "emptyDir"]},
    "manager.service.type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
    **{
        f"{name}.storage.type": {"enum": ["pvc", "emptyDir"]}
        for name in ("postgresql", "mysql", "redis")
    },
    "seedPeer.cache.type": {"enum": ["pvc", "emptyDir"]},
    "dfdaemon.cache.type": {"enum": ["hostPath", "pvc", "emptyDir"]},
    "dfdaemon.logs.type": {"enum": ["hostPath", "emptyDir"]},
    "scheduler.service.type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
    "peerService.type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
}


def schema() -> Schema:
    """The whole schema."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    # Helm puts `global` beside the values of every chart.
    made = _of(values, "")
    made["properties"]["global"] = ANY_OBJECT
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values"} | made


def text() -> str:
    """The file's content."""
    return json.dumps(schema(), indent=1) + "\n"


def _of(value: Any, path: str) -> Schema:
    name = path.rpartition(".")[2]
    if path in BY_PATH:
        return BY_PATH[path]
    if name in BY_NAME:
        return BY_NAME[name]
    if isinstance(value, dict):
        properties = {key: _of(inner, f"{path}.{key}".lstrip(".")) for key, inner in value.items()}
        return {"type": "object", "additionalProperties": False, "properties": properties}
    if isinstance(value, list):
        return TEXTS
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        return {"type": "integer", "minimum": 0}
    return {"type": "string"}


if __name__ == "__main__":
    TARGET.write_text(text())
