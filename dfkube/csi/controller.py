"""The Controller service: folders of a volume as persistent volumes, each with a quota."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from dfcore.errors import BadInput, MeganeuraError
from dfinfra.offload import Pool
from dfinfra.pb import csi_pb2 as csi
from dfinfra.pb import csi_pb2_grpc as rpc
from dfkube.csi import checks
from dfkube.csi.access import PASSPHRASE_SECRET, URL_SECRET, Key
from dfkube.csi.claims import FOLDER
from dfkube.csi.commands import VOLUME, CommandFailed, dffs

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")
_TIMEOUT_S = 60.0


class SizeTakenError(MeganeuraError):
    """There is a volume of that name, of another size."""

    code = "size_taken"
    grpc_code = "ALREADY_EXISTS"


class Controller(rpc.ControllerServicer):
    """Blocking work goes to ``pool``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def CreateVolume(  # noqa: N802
        self, request: csi.CreateVolumeRequest, context: Any
    ) -> csi.CreateVolumeResponse:
        checks.required(request, "name", "volume_capabilities")
        checks.mountable(request.volume_capabilities)
        name, volume = _name(request.name), request.parameters.get("volume", "")
        wanted = request.capacity_range.required_bytes or request.capacity_range.limit_bytes
        key = _key(request.secrets)
        size_bytes = await self._pool.run(make_folder, key, f"/{FOLDER}/{name}", wanted)
        most = request.capacity_range.limit_bytes
        if size_bytes < request.capacity_range.required_bytes or 0 < most < size_bytes:
            raise SizeTakenError(f"{name}: is there with {size_bytes} bytes")
        where = {"subPath": f"{FOLDER}/{name}"} | ({"volume": volume} if volume else {})
        return csi.CreateVolumeResponse(
            volume=csi.Volume(volume_id=name, capacity_bytes=size_bytes, volume_context=where)
        )

    async def DeleteVolume(  # noqa: N802
        self, request: csi.DeleteVolumeRequest, context: Any
    ) -> csi.DeleteVolumeResponse:
        checks.required(request, "volume_id")
        if _NAME.fullmatch(request.volume_id):
            key = _key(request.secrets)
            await self._pool.run(remove_folder, key, f"/{FOLDER}/{request.volume_id}")
        return csi.DeleteVolumeResponse()

    async def ValidateVolumeCapabilities(  # noqa: N802
        self, request: csi.ValidateVolumeCapabilitiesRequest, context: Any
    ) -> csi.ValidateVolumeCapabilitiesResponse:
        checks.required(request, "volume_id", "volume_capabilities")
        try:
            checks.mountable(request.volume_capabilities)
        except BadInput as error:
            return csi.ValidateVolumeCapabilitiesResponse(message=str(error))
        confirmed = csi.ValidateVolumeCapabilitiesResponse.Confirmed(
            volume_context=request.volume_context,
            volume_capabilities=request.volume_capabilities,
            parameters=request.parameters,
        )
        return csi.ValidateVolumeCapabilitiesResponse(confirmed=confirmed)

    async def ControllerGetCapabilities(  # noqa: N802
        self, _: csi.ControllerGetCapabilitiesRequest, context: Any
    ) -> csi.ControllerGetCapabilitiesResponse:
        kind = csi.ControllerServiceCapability.RPC
        make = csi.ControllerServiceCapability(rpc=kind(type=kind.CREATE_DELETE_VOLUME))
        return csi.ControllerGetCapabilitiesResponse(capabilities=[make])


def _name(text: str) -> str:
    if _NAME.fullmatch(text) is None:
        raise BadInput(f"name: {text!r} cannot be the name of a folder")
    return text


def _key(secrets: Mapping[str, str]) -> Key:
    if not secrets.get(URL_SECRET):
        raise BadInput(f"secrets.{URL_SECRET}: is missing; it is the volume's metadata URL")
    return Key(secrets[URL_SECRET], secrets.get(PASSPHRASE_SECRET, ""))


def make_folder(key: Key, path: str, size_bytes: int) -> int:
    """Make the folder with its quota; returns the quota that it has, 0 for none. Blocking."""
    arguments = ["quota", "set", VOLUME, "--path", path, "--create"]
    known = _quota(key, path)
    if known is None:
        _run(key, [*arguments, "--capacity", str(size_bytes)])
        return size_bytes
    return known


def _quota(key: Key, path: str) -> int | None:
    """The limit of a folder that is there already; None if it has none, or is not there."""
    try:
        told = _run(key, ["quota", "get", VOLUME, "--path", path, "--json"])
    except CommandFailed as error:
        if str(error).endswith(("No such file or directory", "no quota is set")):
            return None
        raise
    return int(json.loads(told)["max_bytes"])


def remove_folder(key: Key, path: str) -> None:
    """Take the folder away, and its quota with it; one that is not there is no error.

    Blocking. Raises CommandFailed.
    """
    try:
        _run(key, ["rmr", f"{VOLUME}{path}"])
    except CommandFailed as error:
        if not str(error).endswith("No such file or directory"):
            raise


def _run(key: Key, arguments: list[str]) -> str:
    return dffs(arguments, key.url, key.passphrase, timeout_s=_TIMEOUT_S)
