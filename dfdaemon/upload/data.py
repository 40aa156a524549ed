"""Data connections: read a request, decide, send, and so on until the child goes.

One coroutine per connection, one transfer at a time. Which unit and whether now is for `slots`; the
bytes leave by `sendfile`. Used by `server` alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from dfcore.bitmap import lowest
from dfcore.errors import BadInput, NotFound
from dfcore.ranges import ByteRange
from dfdaemon.fetch.limiter import Limiter, together
from dfdaemon.peerlink.conn import Conn, Packet, PlainConn
from dfdaemon.upload.config import UploadConfig
from dfdaemon.upload.plain import PlainPieces
from dfdaemon.upload.seeding import Seeding, Ticket
from dfdaemon.upload.sendfile import Patience, Sender
from dfdaemon.upload.served import ServedTask, TaskHost, UnitSource
from dfdaemon.upload.slots import Budget, Grant, ParentSlots
from dfdaemon.vortex.pieces import DownloadPiece, ErrorCode, PieceError
from dfdaemon.vortex.units import Absent, AbsentCode, GetAny, GetUnit, UnitContent, pack_busy
from dfdaemon.vortex.wire import Tag


@dataclass(frozen=True, slots=True)
class UnitSent:
    """Bytes left this host for a child (``child_host_id`` is empty for a plain Dragonfly peer)."""

    task_id: str
    child_host_id: str
    size_bytes: int
    cost_s: float


OnSent = Callable[[UnitSent], None]


class _RefusedError(Exception):
    """The request is answered by this packet and nothing else."""

    def __init__(self, packet: bytes) -> None:
        super().__init__("refused")
        self.packet = packet


class DataService:
    """Answers requests on data connections."""

    def __init__(
        self,
        config: UploadConfig,
        host: TaskHost,
        sender: Sender,
        limiter: Limiter,
        on_sent: OnSent | None,
    ) -> None:
        budget = Budget(config.max_transfers)
        self._config = config
        self._host = host
        self._sender = sender
        self._limiter = limiter
        self._on_sent = on_sent
        self._patience = Patience(config.stall_timeout_s, config.min_rate_bytes_s)
        self._slots = ParentSlots(config.slots, budget)
        self.seeding = Seeding(config.seed_slots, budget, host)
        self.plain = PlainPieces(config.plain_slots)

    async def serve(self, conn: Conn, packet: Packet | None) -> None:
        """Answer ``packet`` and all that follow it on the connection."""
        while packet is not None:
            try:
                await self._answer(conn, packet)
            except _RefusedError as refused:
                await conn.write(refused.packet)
            async with asyncio.timeout(self._config.idle_timeout_s):
                packet = await conn.read_packet()

    def close(self) -> None:
        self.seeding.close()
        self.plain.close()

    async def _answer(self, conn: Conn, packet: Packet) -> None:
        match packet.tag:
            case Tag.GET_UNIT:
                await self._answer_unit(conn, GetUnit.parse(packet.value))
            case Tag.GET_ANY:
                await self._answer_any(conn, GetAny.parse(packet.value))
            case Tag.DOWNLOAD_PIECE:
                await self._answer_piece(conn, packet)
            case Tag.CLOSE:
                raise ConnectionResetError("the peer closes")
            case _:
                raise BadInput(f"a packet with tag {packet.tag} on a data connection")

    async def _answer_unit(self, conn: Conn, request: GetUnit) -> None:
        served = self._served(conn, request.task_id)
        if request.unit not in served.blob.held:
            raise _absent(AbsentCode.NOT_HELD, f"unit {request.unit} is not here")
        if not self._slots.try_take(request.task_id, request.child_host_id):
            raise _RefusedError(pack_busy())
        try:
            await self._send_unit(
                conn, served, request.task_id, request.unit, request.child_host_id
            )
        finally:
            self._slots.release(request.task_id, request.child_host_id)

    async def _answer_any(self, conn: Conn, request: GetAny) -> None:
        served = self._served(conn, request.task_id)
        wanted = request.bitmap(served.blob.geometry.unit_count).bits
        if not served.seed:
            here = wanted & served.blob.held.bits
            if not here:
                raise _absent(AbsentCode.NOTHING_WANTED, "nothing of what is wanted is here")
            unit = lowest(here)
            await self._answer_unit(conn, GetUnit(request.task_id, unit, request.child_host_id))
            return
        ticket = self.seeding.ask(request.task_id, served, request.child_host_id, wanted)
        delivered = False
        try:
            grant = await self._decision(conn, ticket)
            # Looked up again: the wait may have been long.
            served = self._served(conn, request.task_id)
            await self._send_unit(conn, served, request.task_id, grant.unit, request.child_host_id)
            delivered = True
        finally:
            self.seeding.finish(ticket, delivered=delivered)

    async def _decision(self, conn: Conn, ticket: Ticket) -> Grant:
        """Wait for the seed's choice; the wait ends when the child goes, or has lasted too long."""
        changed = asyncio.Event()
        ticket.decision.add_done_callback(lambda _: changed.set())
        try:
            async with asyncio.timeout(self._config.any_of_hold_s), conn.watching(changed.set):
                await changed.wait()
        except TimeoutError:
            raise _RefusedError(pack_busy()) from None
        if not ticket.decision.done():
            raise ConnectionResetError("the child has gone")
        match ticket.decision.result():
            case Grant() as grant:
                return grant
            case _:
                raise _absent(AbsentCode.NOTHING_WANTED, "nothing of what is wanted is here")

    async def _answer_piece(self, conn: Conn, packet: Packet) -> None:
        request = DownloadPiece.parse(packet.value)
        served = self._host.lookup(request.task_id)
        # A plain peer cannot prove that it belongs to the cluster, whatever it connects with.
        if served is None or served.restricted or not PlainPieces.holds(served, request.piece):
            error = PieceError(ErrorCode.NOT_FOUND, f"piece {request.piece} is not here")
            raise _RefusedError(error.pack(packet_id=packet.packet_id))
        blob = served.blob
        async with self.plain.places:
            with self._pinned(blob):
                content = await self.plain.content(request.task_id, blob, request.piece)
                head = content.pack(packet_id=packet.packet_id)
                place = blob.geometry.piece_range(request.piece)
                await self._send(conn, served, head, place, request.task_id, "")

    def _served(self, conn: Conn, task_id: str) -> ServedTask:
        served = self._host.lookup(task_id)
        if served is None:
            raise _absent(AbsentCode.UNKNOWN_TASK, "the task is not here")
        if served.restricted and not conn.secure:
            raise _absent(AbsentCode.RESTRICTED, "the blob is restricted: ask over TLS")
        if served.failed:
            raise _absent(AbsentCode.TASK_FAILED, "the task has failed here")
        return served

    async def _send_unit(
        self, conn: Conn, served: ServedTask, task_id: str, unit: int, child: str
    ) -> None:
        blob = served.blob
        with self._pinned(blob):
            digest = blob.digests(unit)
            if digest is None:
                raise _absent(AbsentCode.NOT_HELD, f"unit {unit} is not here")
            place = blob.geometry.unit_range(unit)
            head = UnitContent(unit, place.start, place.size, digest).pack()
            await self._send(conn, served, head, place, task_id, child)

    async def _send(
        self,
        conn: Conn,
        served: ServedTask,
        head: bytes,
        place: ByteRange,
        task_id: str,
        child: str,
    ) -> None:
        started = monotonic()
        limiter = together(self._limiter, served.limiter)
        if isinstance(conn, PlainConn):
            await self._sender.send_socket(
                conn.sock,
                served.blob.fileno(),
                place.start,
                place.size,
                prefix=head,
                limiter=limiter,
                patience=self._patience,
            )
        else:
            await self._sender.send_stream(
                conn,
                served.blob.fileno(),
                place.start,
                place.size,
                prefix=head,
                limiter=limiter,
                patience=self._patience,
            )
        if self._on_sent is not None:
            self._on_sent(UnitSent(task_id, child, place.size, monotonic() - started))

    @contextmanager
    def _pinned(self, blob: UnitSource) -> Iterator[None]:
        """Keep the blob from being evicted while its bytes leave."""
        try:
            pin = blob.pin()
        except NotFound:
            raise _absent(AbsentCode.UNKNOWN_TASK, "the blob has gone") from None
        with pin:
            yield


def _absent(code: AbsentCode, reason: str) -> _RefusedError:
    return _RefusedError(Absent(code, reason).pack())
