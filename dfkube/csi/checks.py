"""What every CSI request must bring. Raises BadInput, which the server tells as INVALID_ARGUMENT."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dfcore.errors import BadInput
from dfinfra.pb import csi_pb2 as csi


def required(request: Any, *names: str) -> None:
    """The fields are there and not empty."""
    for name in names:
        value = getattr(request, name)
        present = request.HasField(name) if hasattr(value, "DESCRIPTOR") else bool(value)
        if not present:
            raise BadInput(f"{name}: is missing")


def mountable(capabilities: Iterable[csi.VolumeCapability]) -> None:
    """Each is for a mounted file system: there are no block devices here."""
    for capability in capabilities:
        if capability.WhichOneof("access_type") != "mount":
            raise BadInput("volume_capability: only mounted file systems can be had")
        if not capability.HasField("access_mode"):
            raise BadInput("volume_capability.access_mode: is missing")


def reads_only(capability: csi.VolumeCapability) -> bool:
    """The access mode allows no writing."""
    mode = csi.VolumeCapability.AccessMode
    return capability.access_mode.mode in (
        mode.SINGLE_NODE_READER_ONLY,
        mode.MULTI_NODE_READER_ONLY,
    )
