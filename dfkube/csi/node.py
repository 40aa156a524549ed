"""The Node service: what the kubelet calls when a pod comes and goes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from dfcore.errors import BadInput, NotFound
from dfinfra.offload import Pool
from dfinfra.pb import csi_pb2 as csi
from dfinfra.pb import csi_pb2_grpc as rpc
from dfkube.csi import binds, checks, wish
from dfkube.csi.access import Access
from dfkube.csi.publisher import Publisher


class Node(rpc.NodeServicer):
    """Of the node ``node_id``; blocking work goes to ``pool``."""

    def __init__(self, node_id: str, access: Access, publisher: Publisher, pool: Pool) -> None:
        self._node_id = node_id
        self._access = access
        self._publisher = publisher
        self._pool = pool

    async def NodePublishVolume(  # noqa: N802
        self, request: csi.NodePublishVolumeRequest, context: Any
    ) -> csi.NodePublishVolumeResponse:
        checks.required(request, "volume_id", "target_path", "volume_capability")
        checks.mountable([request.volume_capability])
        wanted = wish.read(request.volume_context)
        key = await self._access.key(wanted, request.secrets)
        read_only = request.readonly or checks.reads_only(request.volume_capability)
        await self._pool.run(
            self._publisher.publish,
            request.volume_id,
            _target(request.target_path),
            wanted,
            key,
            read_only,
        )
        return csi.NodePublishVolumeResponse()

    async def NodeUnpublishVolume(  # noqa: N802
        self, request: csi.NodeUnpublishVolumeRequest, context: Any
    ) -> csi.NodeUnpublishVolumeResponse:
        checks.required(request, "volume_id", "target_path")
        await self._pool.run(self._publisher.unpublish, _target(request.target_path))
        return csi.NodeUnpublishVolumeResponse()

    async def NodeGetVolumeStats(  # noqa: N802
        self, request: csi.NodeGetVolumeStatsRequest, context: Any
    ) -> csi.NodeGetVolumeStatsResponse:
        checks.required(request, "volume_id", "volume_path")
        usage = await self._pool.run(_usage, Path(request.volume_path))
        return csi.NodeGetVolumeStatsResponse(usage=usage)

    async def NodeGetCapabilities(  # noqa: N802
        self, _: csi.NodeGetCapabilitiesRequest, context: Any
    ) -> csi.NodeGetCapabilitiesResponse:
        kind = csi.NodeServiceCapability.RPC
        stats = csi.NodeServiceCapability(rpc=kind(type=kind.GET_VOLUME_STATS))
        return csi.NodeGetCapabilitiesResponse(capabilities=[stats])

    async def NodeGetInfo(  # noqa: N802
        self, _: csi.NodeGetInfoRequest, context: Any
    ) -> csi.NodeGetInfoResponse:
        return csi.NodeGetInfoResponse(node_id=self._node_id)


def _target(text: str) -> str:
    if not Path(text).is_absolute() or os.path.normpath(text) != text.rstrip("/"):
        raise BadInput(f"target_path: {text!r} must be an absolute path without detours")
    return text.rstrip("/")


def _usage(path: Path) -> list[csi.VolumeUsage]:
    if not path.exists() or not binds.is_bound(path):
        raise NotFound(f"volume_path: nothing is published at {path}")
    found = os.statvfs(path)
    unit = found.f_frsize
    return [
        csi.VolumeUsage(
            unit=csi.VolumeUsage.BYTES,
            total=found.f_blocks * unit,
            available=found.f_bavail * unit,
            used=(found.f_blocks - found.f_bfree) * unit,
        ),
        csi.VolumeUsage(
            unit=csi.VolumeUsage.INODES,
            total=found.f_files,
            available=found.f_ffree,
            used=found.f_files - found.f_ffree,
        ),
    ]
