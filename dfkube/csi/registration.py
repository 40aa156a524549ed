"""Makes the kubelet know of the driver: it looks into its folder for sockets, connects, and asks.

In place of the usual sidecar; the protocol is that of k8s.io/kubelet's plugin registration.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dfinfra.logs import get_logger
from dfinfra.pb import pluginregistration_pb2 as pb
from dfinfra.pb import pluginregistration_pb2_grpc as rpc

_log = get_logger("csi")


def socket_path(registry_dir: Path, name: str) -> Path:
    """Where the kubelet looks."""
    return registry_dir / f"{name}-reg.sock"


class Registration(rpc.RegistrationServicer):
    """Tells of the driver ``name`` whose CSI socket the kubelet finds at ``endpoint``."""

    def __init__(self, name: str, endpoint: Path) -> None:
        self._name = name
        self._endpoint = endpoint

    async def GetInfo(self, _: pb.InfoRequest, context: Any) -> pb.PluginInfo:  # noqa: N802
        return pb.PluginInfo(
            type="CSIPlugin",
            name=self._name,
            endpoint=str(self._endpoint),
            supported_versions=["1.0.0"],
        )

    async def NotifyRegistrationStatus(  # noqa: N802
        self, status: pb.RegistrationStatus, context: Any
    ) -> pb.RegistrationStatusResponse:
        if status.plugin_registered:
            _log.info("registered with the kubelet")
        else:
            _log.error("the kubelet refused the driver", reason=status.error)
        return pb.RegistrationStatusResponse()
