"""What a plain Dragonfly parent holds, learnt over its SyncPieces stream, and where it serves it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc

from dfcore.pieces import Geometry
from dfdaemon.task import events as it
from dfinfra.pb import dfdaemon_pb2 as pb
from dfinfra.pb import dfdaemon_pb2_grpc
from dfinfra.rpc.channels import Channels

Post = Callable[[it.Event], None]
CALL_TIMEOUT_S = 5.0
DEFAULT_VORTEX_PORT = 4005


class PieceWatch:
    """One plain parent of one task. ``run`` is a job of the conductor."""

    def __init__(
        self,
        parent: it.ParentAddress,
        task_id: str,
        host_id: str,
        geometry: Geometry | None,
        channels: Channels,
        post: Post,
    ) -> None:
        self._parent = parent
        self._task_id = task_id
        self._host_id = host_id
        self._geometry = geometry
        self._post = post
        self._addresses: dict[int, tuple[str, int]] = {}
        self._arrived = asyncio.Event()
        self._stub = dfdaemon_pb2_grpc.DfdaemonUploadStub(
            channels.get(f"{parent.ip}:{parent.rpc_port}")
        )

    def address_of(self, piece: int) -> tuple[str, int]:
        """Where the parent said that it serves the piece."""
        return self._addresses[piece]

    async def run(self) -> None:
        """Report what the parent holds until its stream ends."""
        try:
            geometry = self._geometry or await self._ask_geometry()
            self._post(it.ParentJoined(self._parent.peer_id, it.Offer(geometry), 0, {}))
            request = pb.SyncPiecesRequest(
                host_id=self._host_id,
                task_id=self._task_id,
                interested_piece_numbers=range(geometry.piece_count),
            )
            async for response in self._stub.SyncPieces(request):
                self._held(geometry, response)
            if len(self._addresses) < geometry.piece_count:
                self._post(it.ParentLost(self._parent.peer_id, "its list of pieces ended"))
        except grpc.aio.AioRpcError as error:
            self._post(it.ParentLost(self._parent.peer_id, error.code().name))

    def _held(self, geometry: Geometry, response: pb.SyncPiecesResponse) -> None:
        port = response.tcp_port or DEFAULT_VORTEX_PORT
        self._addresses[response.number] = (response.ip or self._parent.ip, port)
        bits = 0
        for unit in geometry.units_of_piece(response.number):
            bits |= 1 << unit
        self._post(it.ParentHeld(self._parent.peer_id, {}, bits=bits))

    async def _ask_geometry(self) -> Geometry:
        task = await self._stub.StatTask(
            pb.StatTaskRequest(task_id=self._task_id), timeout=CALL_TIMEOUT_S
        )
        return Geometry.for_size(task.content_length)
