"""What a plain Dragonfly parent holds, learnt over its SyncPieces stream, and where it serves it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc

from dfcore.errors import BadInput
from dfcore.hosts import host_port
from dfcore.pieces import Geometry
from dfdaemon.task import events as it
from dfinfra.pb import dfdaemon_pb2 as pb
from dfinfra.pb import dfdaemon_pb2_grpc
from dfinfra.rpc.channels import Channels

Post = Callable[[it.Event], None]
CALL_TIMEOUT_S = 5.0
DEFAULT_VORTEX_PORT = 4005
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0
# 2,000,000 pieces of 4 MiB are 8 TiB; a scheduler that does not know a length says 2^64 - 1.
_MOST_PIECES = 2_000_000


class PieceWatch:
    """One plain parent of one task. ``run`` is a job of the conductor.

    ``geometry`` is what the conductor knows of the content; None: the parent is asked.
    ``piece_length`` is the one that the requester chose, if any.
    """

    def __init__(
        self,
        parent: it.ParentAddress,
        task_id: str,
        host_id: str,
        *,
        geometry: Geometry | None,
        piece_length: int | None,
        channels: Channels,
        post: Post,
    ) -> None:
        self._parent = parent
        self._task_id = task_id
        self._host_id = host_id
        self._geometry = geometry
        self._piece_length = piece_length
        self._post = post
        self._addresses: dict[int, tuple[str, int]] = {}
        address = host_port(parent.ip, parent.rpc_port)
        self._stub = dfdaemon_pb2_grpc.DfdaemonUploadStub(channels.get(address))

    def address_of(self, piece: int) -> tuple[str, int]:
        """Where the parent said that it serves the piece."""
        return self._addresses[piece]

    async def run(self) -> None:
        """Report what the parent holds, until it holds everything or is lost."""
        try:
            geometry = self._geometry or await self._ask_geometry()
            self._post(it.ParentJoined(self._parent.peer_id, it.Offer(geometry), 0, {}))
            await self._follow(geometry)
        except grpc.aio.AioRpcError as error:
            self._post(it.ParentLost(self._parent.peer_id, error.code().name))
        except BadInput as error:
            self._post(it.ParentLost(self._parent.peer_id, f"speaks nonsense: {error}"))

    async def _follow(self, geometry: Geometry) -> None:
        """Ask for what is missing, again and again.

        A stream may end early, since a peer that fetches has pieces that it has not begun.
        """
        pause_s = FIRST_PAUSE_S
        while missing := [n for n in range(geometry.piece_count) if n not in self._addresses]:
            request = pb.SyncPiecesRequest(
                host_id=self._host_id, task_id=self._task_id, interested_piece_numbers=missing
            )
            async for response in self._stub.SyncPieces(request):
                self._held(geometry, response)
                pause_s = FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _held(self, geometry: Geometry, response: pb.SyncPiecesResponse) -> None:
        span = geometry.piece_range(response.number)
        if (response.offset, response.length) != (span.start, span.size):
            raise BadInput(f"cuts the content into other pieces than of {geometry.piece_length}")
        port = response.tcp_port or DEFAULT_VORTEX_PORT
        self._addresses[response.number] = (response.ip or self._parent.ip, port)
        bits = 0
        for unit in geometry.units_of_piece(response.number):
            bits |= 1 << unit
        self._post(it.ParentHeld(self._parent.peer_id, {}, bits=bits))

    async def _ask_geometry(self) -> Geometry:
        """What the parent itself has, else what it, or its scheduler, knows of the task."""
        try:
            local = await self._stub.StatLocalTask(
                pb.StatLocalTaskRequest(task_id=self._task_id), timeout=CALL_TIMEOUT_S
            )
        except grpc.aio.AioRpcError:
            task = await self._stub.StatTask(
                pb.StatTaskRequest(task_id=self._task_id), timeout=CALL_TIMEOUT_S
            )
            return self._geometry_of(task.content_length)
        return self._geometry_of(local.content_length, local.piece_length)

    def _geometry_of(self, size_bytes: int, piece_length: int = 0) -> Geometry:
        if not 0 < size_bytes < 1 << 63:
            raise BadInput("does not know how long the content is")
        geometry = Geometry.for_size(size_bytes, self._piece_length or piece_length or None)
        if geometry.piece_count > _MOST_PIECES:
            raise BadInput(f"the content would have {geometry.piece_count} pieces")
        return geometry
