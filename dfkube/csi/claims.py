"""Which claims are to get a volume, what that volume is, and which volumes are to go. Pure.

A claim waits for us once the cluster has noted our name on it: the controller of persistent volumes does
so when it is time, after a node was chosen where the class says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dfcore.errors import BadInput

Json = dict[str, Any]

FOLDER = "pvc"
"""Where in the volume the folders of claims are."""
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
FILE_SYSTEM = "dffs"
_WAITS_FOR = (
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
)
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(?:([KMGTPE]i)|([mkMGTPE])|e(\d+))?")
_POWERS = {"m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


@dataclass(frozen=True, slots=True)
class Order:
    """A claim that is to get a volume: of which of ours, and how many bytes."""

    claim: Json
    volume: str
    size_bytes: int
    reclaim: str

    @property
    def name(self) -> str:
        """The name of the persistent volume, and of the folder."""
        return f"pvc-{self.claim['metadata']['uid']}"

    @property
    def folder(self) -> str:
        return f"{FOLDER}/{self.name}"


def waits(claim: Json, driver: str) -> bool:
    """The claim has no volume, and the cluster says that it is ours to make one."""
    notes = claim["metadata"].get("annotations") or {}
    ours = any(notes.get(key) == driver for key in _WAITS_FOR)
    going = "deletionTimestamp" in claim["metadata"]
    return ours and not going and not claim["spec"].get("volumeName")


def order(claim: Json, classes: Mapping[str, Json]) -> Order:
    """What a waiting claim gets. Raises BadInput, in words for who made the claim."""
    name = claim["spec"].get("storageClassName") or ""
    if (known := classes.get(name)) is None:
        raise BadInput(f"the class {name!r} is not there any more")
    parameters = known.get("parameters") or {}
    for unknown in parameters.keys() - {"volume"}:
        raise BadInput(f"parameters.{unknown} of the class {name}: unknown; allowed is volume")
    if not parameters.get("volume"):
        raise BadInput(f"parameters.volume of the class {name}: is missing")
    if claim["spec"].get("volumeMode", "Filesystem") != "Filesystem":
        raise BadInput("volumeMode: only mounted file systems can be had")
    asked = claim["spec"].get("resources", {}).get("requests", {}).get("storage", "0")
    reclaim = known.get("reclaimPolicy") or "Delete"
    return Order(claim, parameters["volume"], quantity(asked), reclaim)


def volume(order: Order, driver: str) -> Json:
    """The persistent volume of an order, bound to its claim."""
    claim = order.claim
    about = {key: claim["metadata"][key] for key in ("name", "namespace", "uid")}
    spec = claim["spec"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": order.name, "annotations": {PROVISIONED_BY: driver}},
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **about},
            "csi": {
                "driver": driver,
                "volumeHandle": order.name,
                # With a type named, the kubelet gives the folder to the pod's fsGroup.
                "fsType": FILE_SYSTEM,
                "volumeAttributes": {"volume": order.volume, "subPath": order.folder},
            },
            "persistentVolumeReclaimPolicy": order.reclaim,
            "storageClassName": spec["storageClassName"],
            "volumeMode": "Filesystem",
        },
    }


def is_to_go(volume: Json, driver: str) -> bool:
    """Made by us, its claim is gone, and its class says that it goes as well."""
    notes = volume["metadata"].get("annotations") or {}
    return (
        notes.get(PROVISIONED_BY) == driver
        and volume["spec"].get("csi", {}).get("driver") == driver
        and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
        and volume.get("status", {}).get("phase") == "Released"
        and "deletionTimestamp" not in volume["metadata"]
    )


def quantity(text: str) -> int:
    """Bytes of a quantity as Kubernetes writes it, rounded up. Raises BadInput."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise BadInput(f"{text!r} is no size")
    number, binary, decimal, exponent = found.groups()
    if binary:
        exact = Decimal(number) * 1024 ** ("KMGTPE".index(binary[0]) + 1)
    else:
        exact = Decimal(number).scaleb(int(exponent or 0) + _POWERS[decimal or ""])
    return int(exact.to_integral_value(rounding="ROUND_CEILING"))
