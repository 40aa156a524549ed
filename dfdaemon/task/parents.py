"""The parents of one download, as the conductor meets them: joins, news, leaves.

Turns frames of the control channels into events. A plain Dragonfly parent has no channel of ours; its
pieces are learnt over gRPC (``control/pieces``).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dfcore.digest import Digest
from dfcore.errors import BadInput
from dfcore.pieces import Geometry
from dfdaemon.control import errors as wire_errors
from dfdaemon.control.links import Address
from dfdaemon.control.pieces import PieceWatch
from dfdaemon.task import events as it
from dfdaemon.task.spec_proto import to_frame
from dfinfra.jobs import JobGroup
from dfinfra.pb import meganeura_pb2 as pb

if TYPE_CHECKING:
    from dfdaemon.task.conductor import Conductor

DIGEST_BYTES = 16


class ParentDesk:
    """Subscriptions of one conductor, by parent."""

    def __init__(self, conductor: Conductor, jobs: JobGroup) -> None:
        self._conductor = conductor
        self._jobs = jobs
        self._links = conductor.parts.links
        self._parents: dict[str, it.ParentAddress] = {}
        self._by_address: dict[Address, str] = {}
        self._watches: dict[str, PieceWatch] = {}
        self._watch_jobs: dict[str, asyncio.Task[None]] = {}

    def address(self, peer_id: str) -> it.ParentAddress:
        return self._parents[peer_id]

    def join(self, parent: it.ParentAddress) -> None:
        """Subscribe to the parent; a seed is told where the origin is, others only the task."""
        self._parents[parent.peer_id] = parent
        if not parent.ours:
            self._watch(parent)
            return
        conductor = self._conductor
        address = (parent.ip, parent.port)
        self._by_address[address] = parent.peer_id
        blob = conductor.blob_or_none
        join = pb.Join(
            task_id=conductor.spec.task_id,
            peer_id=conductor.peer_id,
            spec=to_frame(conductor.spec, with_headers=parent.seed),
            held=blob.held.to_bytes() if blob else b"",
            wanted_ranges=[pb.Span(start=r.start, end=r.end) for r in conductor.wanted_ranges],
            traceparent=conductor.trace.traceparent,
        )
        self._links.subscribe(address, join, self)

    def _watch(self, parent: it.ParentAddress) -> None:
        conductor = self._conductor
        blob = conductor.blob_or_none
        watch = PieceWatch(
            parent,
            conductor.spec.task_id,
            conductor.parts.host.host_id,
            geometry=blob.geometry if blob else None,
            piece_length=conductor.spec.piece_length,
            channels=conductor.parts.channels,
            post=conductor.post,
        )
        self._watches[parent.peer_id] = watch
        work = self._decline(parent) if conductor.restricted else watch.run()
        self._watch_jobs[parent.peer_id] = self._jobs.spawn(work, name=parent.peer_id)

    async def _decline(self, parent: it.ParentAddress) -> None:
        """Restricted bytes travel over mutual TLS, which a plain peer does not speak."""
        self._conductor.post(it.ParentLost(parent.peer_id, "it is no place for restricted content"))

    def piece_address(self, peer_id: str, piece: int) -> Address:
        """Where a plain parent serves the piece."""
        return self._watches[peer_id].address_of(piece)

    def leave(self, peer_id: str) -> None:
        parent = self._parents.get(peer_id)
        if parent is None:
            return
        if not parent.ours:
            if job := self._watch_jobs.pop(peer_id, None):
                job.cancel()
            return
        address = (parent.ip, parent.port)
        if self._by_address.get(address) == peer_id:
            del self._by_address[address]
            self._links.unsubscribe(address, self._conductor.spec.task_id, self)

    def leave_all(self) -> None:
        for peer_id in list(self._parents):
            self.leave(peer_id)

    def want(self) -> None:
        """Tell every parent what is wanted now."""
        spans = [pb.Span(start=r.start, end=r.end) for r in self._conductor.wanted_ranges]
        want = pb.Want(task_id=self._conductor.spec.task_id, ranges=spans)
        for address in self._by_address:
            self._links.to(address).send(pb.Frame(want=want))

    def on_lost(self, address: Address, reason: str) -> None:
        if peer_id := self._by_address.pop(address, None):
            self._conductor.post(it.ParentLost(peer_id, reason))

    def on_frame(self, address: Address, frame: pb.Frame) -> None:
        peer_id = self._by_address.get(address)
        if peer_id is None:
            return
        try:
            event = self._event(peer_id, frame)
        except (BadInput, ValueError) as error:
            event = it.ParentLost(peer_id, f"speaks nonsense: {error}")
        if event is not None:
            self._conductor.post(event)

    def _event(self, peer_id: str, frame: pb.Frame) -> it.Event | None:
        match frame.WhichOneof("frame"):
            case "joined":
                return _joined(peer_id, frame.joined)
            case "have":
                have = frame.have
                return it.ParentHeld(peer_id, _digests(have.units, have.digests), have.complete)
            case "failed":
                return it.ParentRefused(peer_id, wire_errors.from_frame(frame.failed))
            case _:
                return None


def _joined(peer_id: str, joined: pb.Joined) -> it.ParentJoined:
    geometry = Geometry(joined.size_bytes, joined.piece_length, joined.unit_length)
    offer = it.Offer(
        geometry,
        dict(joined.response_headers),
        Digest.parse(joined.digest) if joined.digest else None,
        joined.validator or None,
        joined.restricted,
    )
    held = int.from_bytes(joined.held, "little")
    if held >> geometry.unit_count:
        raise BadInput("holds units past the end of the blob")
    units = [unit for unit in range(geometry.unit_count) if held >> unit & 1]
    return it.ParentJoined(peer_id, offer, held, _digests(units, joined.digests), joined.complete)


def _digests(units: object, digests: bytes) -> dict[int, bytes]:
    numbers = list(units)  # type: ignore[call-overload]
    if len(digests) != DIGEST_BYTES * len(numbers):
        raise BadInput("announces units without their digests")
    return {
        unit: digests[DIGEST_BYTES * i : DIGEST_BYTES * (i + 1)] for i, unit in enumerate(numbers)
    }
