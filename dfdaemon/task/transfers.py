"""The transfers of one download: a job each, from a parent or from the origin.

Performs the fetch commands of the machine for ``conductor`` and posts what came of them. The bytes go
from the socket to the store in the threads of the fetch pools.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from blobstore.blob import Blob
from dfcore.bitmap import Bitmap
from dfcore.errors import (
    DigestMismatch,
    MeganeuraError,
    NoSpace,
    PeerBroken,
    PeerRefused,
    Unsized,
)
from dfcore.pieces import Geometry
from dfcore.ranges import ByteRange
from dfdaemon.fetch.limiter import Limiter, limiter_for, together
from dfdaemon.fetch.origin import OriginRequest, OriginStream
from dfdaemon.fetch.requests import ParentBusy, UnitRequest
from dfdaemon.task import commands as do
from dfdaemon.task import events as it
from dfdaemon.task.origin_runs import FIRST_REQUEST_BYTES
from dfinfra.jobs import JobGroup
from dfinfra.tracing import Span, span

if TYPE_CHECKING:
    from dfdaemon.task.conductor import Conductor

ORIGIN = "origin"
SEED = "seed"
PEER = "peer"


class Transfers:
    """Jobs by transfer number, and what each one's source is."""

    def __init__(self, conductor: Conductor, jobs: JobGroup) -> None:
        self._conductor = conductor
        self._parts = conductor.parts
        self._group = jobs
        self._jobs: dict[int, asyncio.Task[None]] = {}
        self._sources: dict[int, str] = {}
        self._parents: dict[int, str] = {}
        self._dying: set[asyncio.Task[None]] = set()
        self._task_limiter = limiter_for(conductor.parts.limiters.task_rate_bytes_s)
        self._blob: asyncio.Future[Blob] = asyncio.get_running_loop().create_future()

    def source_of(self, transfer: int) -> str:
        return self._sources.get(transfer, PEER)

    def parent_of(self, transfer: int) -> str:
        """The peer id of the parent; empty for the origin."""
        return self._parents.get(transfer, "")

    def _limiter(self) -> Limiter:
        """The host's limit and the task's, as they are now."""
        return together(self._parts.limiters.download, self._task_limiter)

    def store_ready(self, blob: Blob) -> None:
        """The store has room: transfers may write."""
        if not self._blob.done():
            self._blob.set_result(blob)

    def hold(self) -> None:
        """Let transfers that begin from now on wait until the store is ready again."""
        if self._blob.done():
            self._blob = asyncio.get_running_loop().create_future()
        self._dying = {job for job in self._dying | set(self._jobs.values()) if job.cancelling()}

    async def cancelled(self) -> None:
        """Wait until the transfers that were cancelled write nothing more."""
        if self._dying:
            await asyncio.wait(self._dying)
        self._dying.clear()

    def let_go(self) -> None:
        """No transfer will come any more: refer to the blob no longer."""
        self._blob.cancel()
        self._blob = asyncio.get_running_loop().create_future()

    def perform(self, command: do.Command) -> None:
        match command:
            case do.FetchUnit(transfer=number, parent=parent):
                self._start(number, parent, self._fetch_unit(command))
            case do.FetchAny(transfer=number, parent=parent):
                self._start(number, parent, self._fetch_any(command))
            case do.FetchPiece(transfer=number, parent=parent):
                self._start(number, parent, self._fetch_piece(command))
            case do.OpenOrigin(transfer=number):
                self._start(number, "", self._open_origin(number))
            case do.FetchRun(transfer=number):
                self._start(number, "", self._fetch_run(command))
            case do.CancelTransfer(transfer=number):
                if job := self._jobs.get(number):
                    job.cancel()
            case _:
                raise TypeError(f"not a transfer: {command!r}")

    def _source_at(self, parent: str) -> str:
        if not parent:
            return ORIGIN
        return SEED if self._conductor.parent_address(parent).seed else PEER

    def _start(self, number: int, parent: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin a transfer from the parent, or, with none, from the origin."""
        source = self._source_at(parent)
        self._sources[number], self._parents[number] = source, parent
        job = self._group.spawn(work, name=f"{source} {number}")
        self._jobs[number] = job

        def ended(job: asyncio.Task[None]) -> None:
            if job.cancelled():
                self._conductor.look_for_units(number)
            for known in (self._jobs, self._sources, self._parents):
                known.pop(number, None)

        job.add_done_callback(ended)

    # From parents

    async def _fetch_unit(self, command: do.FetchUnit) -> None:
        request = UnitRequest(
            self._conductor.spec.task_id,
            self._parts.host.host_id,
            unit=command.unit,
            tls=self._conductor.restricted,
        )
        await self._fetch(command.transfer, command.parent, request)

    async def _fetch_any(self, command: do.FetchAny) -> None:
        count = self._conductor.geometry.unit_count
        wanted = Bitmap.from_bytes(command.wanted_bits.to_bytes((count + 7) // 8, "little"), count)
        request = UnitRequest(
            self._conductor.spec.task_id,
            self._parts.host.host_id,
            wanted=wanted,
            tls=self._conductor.restricted,
        )
        await self._fetch(command.transfer, command.parent, request)

    async def _fetch(self, number: int, parent: str, request: UnitRequest) -> None:
        conductor = self._conductor
        address = conductor.parent_address(parent)
        blob = await self._blob
        try:
            with self._fetching(address) as trace:
                got = await self._parts.parents.fetch(
                    (address.ip, address.port),
                    request,
                    blob,
                    conductor.promised_digest if address.seed else conductor.expected_digest,
                    self._limiter(),
                    claim=lambda unit: conductor.claim(number, unit),
                    on_ebb=lambda: conductor.post(it.TransferEbbed(number)),
                )
                trace.set(unit=got.unit, size_bytes=got.length)
        except (MeganeuraError, OSError) as error:
            self._answered("busy" if isinstance(error, ParentBusy) else "none")
            conductor.post(_missed(number, error))
        else:
            self._answered("unit")
            conductor.post(it.UnitArrived(number, got.unit, got.length, got.digest, got.cost_s))

    def _answered(self, answer: str) -> None:
        self._parts.metrics.unit_requests.labels(answer=answer).inc()

    async def _fetch_piece(self, command: do.FetchPiece) -> None:
        conductor, number = self._conductor, command.transfer
        blob = await self._blob
        try:
            where = conductor.piece_address(command.parent, command.piece)
            got = await self._parts.parents.fetch_piece(
                where, conductor.spec.task_id, command.piece, blob, self._limiter()
            )
        except PeerRefused as error:
            # It has said that it holds the piece.
            conductor.post(it.TransferBroken(number, str(error)))
        except (MeganeuraError, OSError) as error:
            conductor.post(_missed(number, error))
        else:
            if not got.units:
                conductor.post(it.TransferEmpty(number))  # others brought them meanwhile
            for unit, digest in got.units:
                length = blob.geometry.unit_range(unit).size
                conductor.post(it.UnitArrived(number, unit, length, digest, got.cost_s))

    def _fetching(self, address: it.ParentAddress) -> AbstractContextManager[Span]:
        """The span of one transfer from a parent."""
        from_whom = {"parent": address.peer_id, "parent_ip": address.ip, "seed": address.seed}
        return span("fetch from a peer", self._conductor.trace, **from_whom)

    # From the origin

    def _request(self, wanted: ByteRange | None, blob: Blob | None) -> OriginRequest:
        spec = self._conductor.spec
        return OriginRequest(
            spec.url,
            spec.request_headers,
            wanted,
            validator=self._conductor.origin_validator,
            size_bytes=blob.geometry.size_bytes if blob else spec.size_bytes,
            insecure_skip_verify=spec.insecure_skip_verify,
        )

    async def _ask(self, request: OriginRequest) -> OriginStream:
        """At the origin, or before it where content is kept."""
        memory, origin = self._parts.memory, self._parts.origin
        host = urlsplit(request.url).hostname
        wanted = f"{request.range.start}-{request.range.end}" if request.range else ""
        with span("open at the origin", self._conductor.trace, host=host, range=wanted):
            if memory is None:
                return await origin.open(request)
            return await memory.open(self._conductor.spec, request, origin.open)

    async def _open_origin(self, number: int) -> None:
        conductor = self._conductor
        try:
            stream = await self._ask(self._request(ByteRange(0, FIRST_REQUEST_BYTES), None))
        except MeganeuraError as error:
            conductor.post(it.OriginRunEnded(number, error))
            return
        try:
            if stream.size_bytes is None:
                raise Unsized("the origin does not tell the length of the content")
            geometry = Geometry.for_size(stream.size_bytes, conductor.spec.piece_length)
            conductor.learn_validator(stream.validator)
            offer = it.Offer(
                geometry, dict(stream.headers), conductor.spec.digest, stream.validator
            )
            ranged = stream.accepts_ranges and stream.range is not None
            until = geometry.unit_count
            if ranged and stream.range is not None and stream.range.end < geometry.size_bytes:
                until = stream.range.end // geometry.unit_length
            conductor.post(it.OriginOpened(offer, stream.accepts_ranges))
            await self._receive(number, stream, 0, until)
        except MeganeuraError as error:
            conductor.post(it.OriginRunEnded(number, error))
        finally:
            await stream.aclose()

    async def _fetch_run(self, command: do.FetchRun) -> None:
        conductor = self._conductor
        blob = await self._blob
        geometry = blob.geometry
        wanted = ByteRange(
            command.first * geometry.unit_length,
            min(command.until * geometry.unit_length, geometry.size_bytes),
        )
        try:
            stream = await self._ask(self._request(wanted, blob))
        except MeganeuraError as error:
            conductor.post(it.OriginRunEnded(command.transfer, error))
            return
        try:
            conductor.learn_validator(stream.validator)
            until = command.until
            if stream.range is None or stream.range.end > wanted.end:
                conductor.post(it.WholeSent(command.transfer))
                until = geometry.unit_count
            await self._receive(command.transfer, stream, command.first, until)
        except MeganeuraError as error:
            conductor.post(it.OriginRunEnded(command.transfer, error))
        finally:
            await stream.aclose()

    async def _receive(self, number: int, stream: OriginStream, first: int, until: int) -> None:
        conductor = self._conductor
        loop = asyncio.get_running_loop()
        blob = await self._blob
        geometry = blob.geometry
        units, size_bytes = f"{first}-{until}", 0
        with_the_end: list[it.UnitArrived] = []

        def arrived(unit: int, digest: bytes) -> None:
            nonlocal size_bytes
            length = geometry.unit_range(unit).size
            size_bytes += length
            event = it.UnitArrived(number, unit, length, digest, 0.0)
            if stream.ended:
                # Told before this thread is done it may end the download, which would break this
                # transfer off together with a connection that can be used again.
                with_the_end.append(event)
            else:
                loop.call_soon_threadsafe(conductor.post, event)

        limiter = together(self._limiter(), self._parts.limiters.origin)
        try:
            with span("receive from the origin", conductor.trace, units=units) as trace:
                try:
                    await stream.into(blob, first, until, arrived, limiter)
                finally:
                    trace.set(size_bytes=size_bytes)
                    for event in with_the_end:
                        conductor.post(event)
        except OSError as error:
            conductor.post(it.StoreFailed(_store_error(error)))
            return
        conductor.post(it.OriginRunEnded(number))


def _missed(number: int, error: MeganeuraError | OSError) -> it.Event:
    """What it means to the download that a transfer from a parent did not bring its unit."""
    match error:
        case ParentBusy():
            return it.TransferRefused(number)
        case PeerRefused():
            return it.TransferEmpty(number)
        case DigestMismatch():
            return it.TransferCorrupt(number)
        case PeerBroken():
            return it.TransferBroken(number, str(error))
        case _:
            return it.StoreFailed(_store_error(error))


def _store_error(error: Exception) -> MeganeuraError:
    if isinstance(error, MeganeuraError):
        return error
    return NoSpace(f"the store cannot be written: {error}")
