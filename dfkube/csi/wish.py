"""What a pod asks for, from the attributes and secrets of a CSI request. Pure.

``model: org/name@tag`` (a colon in place of the @ is fine) is read-only. Without it ``volume`` alone is
the whole volume, ``subPath`` a folder of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from dfcore.errors import BadInput

_MODEL = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)[@:]([A-Za-z0-9][\w.-]*)")
_KNOWN = {"volume", "model", "subPath"}
# What the kubelet adds of the pod begins so.
_KUBELETS = "csi.storage.k8s.io/"
_EPHEMERAL = f"{_KUBELETS}ephemeral"
# The provisioner's own word in the context of volumes that it made.
_PROVISIONERS = "storage.kubernetes.io/"


@dataclass(frozen=True, slots=True)
class Wish:
    """``folder`` is from the root of the volume. ``model`` is empty for folders and whole volumes.

    ``claimed``: a persistent volume asks for it, which pods cannot make. The kubelet says so, and puts
    its word over a pod's (`podInfoOnMount` of the driver).
    """

    volume: str
    folder: str
    model: str = ""
    read_only: bool = False
    claimed: bool = False


def read(attributes: Mapping[str, str]) -> Wish:
    """Raises BadInput, which names the attribute."""
    ours = {
        name: value
        for name, value in attributes.items()
        if not name.startswith((_KUBELETS, _PROVISIONERS))
    }
    for name in ours.keys() - _KNOWN:
        raise BadInput(f"volumeAttributes.{name}: unknown; allowed are {', '.join(sorted(_KNOWN))}")
    volume, model = ours.get("volume", ""), ours.get("model", "")
    claimed = attributes.get(_EPHEMERAL) == "false"
    if not model:
        return Wish(volume, sub_path(ours.get("subPath", "")), claimed=claimed)
    found = _MODEL.fullmatch(model)
    if found is None:
        raise BadInput(f"volumeAttributes.model: {model!r} must be org/name@tag")
    if "subPath" in ours:
        raise BadInput("volumeAttributes.subPath: does not go with model")
    return Wish(volume, f"models/{found[1]}/{found[2]}", found[1], True, claimed)


def sub_path(text: str) -> str:
    """A folder below the root of a volume. Raises BadInput for what would lead out of it."""
    parts = PurePosixPath(text).parts
    if text.startswith("/") or ".." in parts:
        raise BadInput(f"volumeAttributes.subPath: {text!r} must be a path inside the volume")
    return "/".join(parts)
