"""The Identity service: who the driver is and what it can."""

from __future__ import annotations

from typing import Any

from google.protobuf.wrappers_pb2 import BoolValue

from dfinfra.pb import csi_pb2 as csi
from dfinfra.pb import csi_pb2_grpc as rpc


class Identity(rpc.IdentityServicer):
    """``release`` is the version of the product."""

    def __init__(self, name: str, release: str) -> None:
        self._name = name
        self._release = release

    async def GetPluginInfo(  # noqa: N802
        self, _: csi.GetPluginInfoRequest, context: Any
    ) -> csi.GetPluginInfoResponse:
        return csi.GetPluginInfoResponse(name=self._name, vendor_version=self._release)

    async def GetPluginCapabilities(  # noqa: N802
        self, _: csi.GetPluginCapabilitiesRequest, context: Any
    ) -> csi.GetPluginCapabilitiesResponse:
        service = csi.PluginCapability.Service
        controller = csi.PluginCapability(service=service(type=service.CONTROLLER_SERVICE))
        return csi.GetPluginCapabilitiesResponse(capabilities=[controller])

    async def Probe(self, _: csi.ProbeRequest, context: Any) -> csi.ProbeResponse:  # noqa: N802
        return csi.ProbeResponse(ready=BoolValue(value=True))
