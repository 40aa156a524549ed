"""The shell of one download: performs what ``task/machine`` commands and feeds back what happened.

One per running task, made by ``task/registry``. It lives on the loop; bytes move in the threads of
the fetch pools, which write verified units straight into the store. Everything between two awaits is
atomic, and ``post`` is synchronous: it decides and starts jobs, and never waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Protocol

from blobstore.blob import Blob
from blobstore.model import BlobMeta
from dfcore.bitmap import lowest
from dfcore.digest import Digest
from dfcore.errors import MeganeuraError, NoSpace
from dfcore.pieces import Geometry
from dfcore.ranges import ByteRange
from dfdaemon.task import commands as do
from dfdaemon.task import events as it
from dfdaemon.task.checker import ContentChecker
from dfdaemon.task.machine import Download
from dfdaemon.task.outcome import Outcome
from dfdaemon.task.parents import ParentDesk
from dfdaemon.task.parts import EngineParts
from dfdaemon.task.service import Traffic
from dfdaemon.task.spec import TaskSpec
from dfdaemon.task.transfers import Transfers
from dfinfra.jobs import JobGroup
from dfinfra.tracing import Span, begin

TICK_S = 0.5
KEPT_HEADERS = ("content-type", "etag", "last-modified", "content-disposition", "content-language")


class Child(Protocol):
    """Somebody on another host who is told of every unit. ``is_client``: it is not a seed."""

    is_client: bool
    host_id: str

    def described(self, conductor: Conductor) -> None: ...

    def held(self, units: dict[int, bytes], *, urgent: bool) -> None: ...

    def completed(self) -> None: ...

    def failed(self, error: MeganeuraError) -> None: ...


class Conductor:
    """One download on this host and everybody who waits for it.

    ``trace`` is its span, a child of what opened it, here or (``traceparent``) on another host.
    ``generation`` counts how often the bytes had to be thrown away, and ``doubtful_end`` is how far
    readers have seen such bytes. ``on_end`` is called once, when the download is over or was given up.
    """

    def __init__(
        self,
        spec: TaskSpec,
        parts: EngineParts,
        on_end: Callable[[Conductor], None],
        traceparent: str = "",
    ) -> None:
        self.spec = spec
        self.parts = parts
        self.peer_id = parts.new_peer_id()
        self.trace: Span = begin("download", traceparent, task=spec.task_id, peer=self.peer_id)
        self.generation = 0
        self.doubtful_end = 0
        self.quiet = asyncio.Event()
        """Set when nothing of this download touches its blob any more."""
        self.error: MeganeuraError | None = None
        self._on_end = on_end
        self._machine = Download(
            parts.policy,
            parts.rng,
            digest=spec.digest,
            validator=spec.validator,
            disable_back_to_source=spec.disable_back_to_source,
        )
        self._jobs = JobGroup(f"task {spec.task_id[:12]}")
        self._desk = ParentDesk(self, self._jobs)
        self._transfers = Transfers(self, self._jobs)
        may_not = spec.disable_back_to_source or not parts.policy.origin.allowed
        told = replace(spec, disable_back_to_source=may_not)
        self._session = parts.scheduler.session(told, self.peer_id, self.post)
        self._outcome = Outcome(self)
        self._blob: Blob | None = None
        self._pin = ExitStack()
        self._checker: ContentChecker | None = None
        self._hashing: asyncio.Task[None] | None = None
        self._starting_over = False
        self._sealing = False
        self._shown_end = 0
        self._described = asyncio.Event()
        self._changed = asyncio.Event()
        self._interests: dict[object, ByteRange | None] = {}
        self._children: dict[object, Child] = {}
        self._told_ranges: tuple[ByteRange, ...] = ()
        self._linger: asyncio.TimerHandle | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at: float | None = None
        self._verified = False
        self._ended = False
        self._validator = spec.validator

    @property
    def restricted(self) -> bool:
        """The bytes may leave this host over mutual TLS only."""
        return self.spec.restricted or (self._blob is not None and self._blob.meta.restricted)

    # For transfers and parents

    def parent_address(self, peer_id: str) -> it.ParentAddress:
        return self._desk.address(peer_id)

    def piece_address(self, peer_id: str, piece: int) -> tuple[str, int]:
        return self._desk.piece_address(peer_id, piece)

    def expected_digest(self, unit: int) -> bytes | None:
        return self._machine.expected_digest(unit)

    def promised_digest(self, unit: int) -> bytes | None:
        return self._machine.promised_digest(unit)

    def claim(self, transfer: int, unit: int) -> bool:
        return not self._ended and self._machine.claim(transfer, unit)

    @property
    def origin_validator(self) -> str | None:
        """What every answer of the origin must carry: the validator of the first one.

        Where the digest is known it decides alone: mirrors of the same bytes differ in ETags.
        """
        return None if self.spec.digest else self._validator

    def has_version(self, validator: str | None) -> bool:
        """This download is of the version of the content that somebody asks for."""
        return not validator or self._validator in (None, validator)

    def learn_validator(self, validator: str | None) -> None:
        if self._validator is None:
            self._validator = validator

    @property
    def wanted_ranges(self) -> tuple[ByteRange, ...]:
        """The byte ranges that readers and children want, or wanted last; empty for the whole blob."""
        if not self._interests:
            return self._told_ranges
        ranges = tuple(self._interests.values())
        known = tuple(r for r in ranges if r is not None)
        return known if len(known) == len(ranges) else ()

    def look_for_units(self, transfer: int) -> None:
        """A transfer was cancelled, and may have brought its unit in its last moment."""
        if self._ended or self._starting_over or self._blob is None:
            return
        unknown = self._machine.unknown_of(self._blob.held.bits)
        for unit in range(unknown.bit_length()):
            digest = self._blob.digests(unit) if unknown >> unit & 1 else None
            if digest is not None:
                length = self.geometry.unit_range(unit).size
                self.post(it.UnitArrived(transfer, unit, length, digest, 0.0))

    # For readers

    @property
    def blob(self) -> Blob:
        """The blob in the store; there once the task is described."""
        assert self._blob is not None
        return self._blob

    @property
    def blob_or_none(self) -> Blob | None:
        return self._blob

    @property
    def geometry(self) -> Geometry:
        assert self._machine.offer is not None
        return self._machine.offer.geometry

    @property
    def more_to_come(self) -> bool:
        """Units that are not here yet will be, or their children will be told of the failure."""
        return not self._machine.over

    @property
    def ended(self) -> bool:
        return self._ended

    def raise_if_failed(self) -> None:
        if self.error is not None:
            raise self.error

    async def described(self) -> None:
        """Wait until it is known what the blob is and the store has room for it."""
        await self._described.wait()
        self.raise_if_failed()

    def visible_end(self, offset: int) -> int:
        """The end of the verified bytes that follow ``offset`` without a gap.

        Where all units will be here, the last one is shown only when the whole content was verified,
        so that no client ever holds a complete file that is wrong.
        """
        if self._verified:
            return self.geometry.size_bytes
        if self._starting_over:
            return offset
        unit = offset // self.geometry.unit_length
        held = self.blob.held.bits >> unit
        until = unit + lowest(~held)
        if self.spec.digest is not None and self._machine.will_be_whole:
            until = min(until, self.geometry.unit_count - 1)
        return min(until * self.geometry.unit_length, self.geometry.size_bytes)

    def shown(self, end: int) -> None:
        """A reader has got the bytes up to ``end``."""
        self._shown_end = max(self._shown_end, end)

    async def wait_for_bytes(self, offset: int) -> None:
        """Wait until something changed; tells the planner which bytes are waited for."""
        self.post(it.ReaderWaited(offset))
        if self._ended:
            return
        await self._changed.wait()

    async def wanted_fetched(self) -> Traffic:
        """Wait until everything wanted is here and verified."""
        while True:
            self.raise_if_failed()
            if self._verified or self._machine.state == "satisfied":
                return self._outcome.traffic
            await self._changed.wait()

    def add_interest(self, who: object, wanted: ByteRange | None) -> None:
        """Count ``who`` among those who want this task; ``None`` wants the whole blob."""
        if self._linger:
            self._linger.cancel()
            self._linger = None
        self._interests[who] = wanted
        self._wanted_changed()

    def change_wish(self, child: Child, wanted: ByteRange | None) -> None:
        """A child wants another part now."""
        if child in self._interests:
            self.add_interest(child, wanted)

    def remove_child(self, child: Child) -> None:
        self._children.pop(child, None)
        self.remove_interest(child)

    def remove_interest(self, who: object) -> None:
        if who not in self._interests:
            return
        del self._interests[who]
        if self._interests:
            self._wanted_changed()
        elif not self._ended:
            loop = asyncio.get_running_loop()
            self._linger = loop.call_later(self.parts.linger_s, self._give_up)

    def add_child(self, child: Child, wanted: ByteRange | None) -> None:
        """Tell ``child`` what the blob is, and of every unit from now on.

        A seed works for its children; a node does not: two nodes that join each other must not keep
        each other at work.
        """
        self._children[child] = child
        if child.is_client and self.parts.host.seed:
            self.add_interest(child, wanted)
        if self.error is not None:
            child.failed(self.error)
        elif self._described.is_set():
            child.described(self)

    def _wanted_changed(self) -> None:
        ranges = self.wanted_ranges
        if ranges != self._told_ranges:
            self._told_ranges = ranges
            self.post(it.WantedChanged(ranges or None))
            self._desk.want()
            # What is shown depends on whether all of it is wanted.
            self._wake()

    # Life

    def start(self, blob: Blob | None) -> None:
        """Begin, with the units that an earlier run left in ``blob``."""
        if self._ended:
            return
        self._jobs.spawn(self._tick(), name="tick")
        offer = self._known_offer(blob)
        if blob is not None:
            self.learn_validator(blob.meta.validator)
            self._outcome.adopted(blob.held_bytes)
            self._adopt(blob)
        self.post(it.Started(blob.held.bits if blob else 0, offer))

    def _known_offer(self, blob: Blob | None) -> it.Offer | None:
        spec = self.spec
        if blob is not None:
            return it.Offer(
                blob.geometry, dict(blob.meta.response_headers), spec.digest, blob.meta.validator
            )
        if spec.size_bytes is None:
            return None
        geometry = Geometry.for_size(spec.size_bytes, spec.piece_length)
        return it.Offer(geometry, {}, spec.digest, spec.validator)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.post(it.Ticked())

    def post(self, event: it.Event) -> None:
        """Let the machine decide on ``event`` and start what it commands. Never waits."""
        if self._ended:
            return
        if isinstance(event, it.UnitArrived):
            self._count(event)
        now = self.parts.clock.monotonic()
        for command in self._machine.handle(event, now):
            self._perform(command)
        self._set_alarm(now)
        if isinstance(event, it.UnitArrived):
            self._tell_units({event.unit: event.digest})
        elif isinstance(event, it.OriginRunEnded):
            self.parts.changed(self.spec.task_id)

    def _set_alarm(self, now: float) -> None:
        """Have the machine asked again when a back-off of its is over."""
        moment = None if self._ended else self._machine.wake_at(now)
        if self._alarm:
            if moment == self._alarm_at:
                return
            self._alarm.cancel()
            self._alarm = None
        if moment is not None:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(moment - now + 0.001, self._alarmed)
            self._alarm_at = moment

    def _alarmed(self) -> None:
        self._alarm = None
        self.post(it.Ticked())

    def _perform(self, command: do.Command) -> None:
        if isinstance(command, do.OpenOrigin | do.FetchRun) and not self.parts.host.seed:
            self._outcome.goes_alone()
        match command:
            case do.Register():
                self._register()
            case do.Reschedule(bad=bad, reason=reason):
                self._session.reschedule([self._desk.address(parent) for parent in bad], reason)
            case do.JoinParent(parent=parent):
                self._desk.join(parent)
            case do.LeaveParent(parent=parent):
                self._desk.leave(parent)
            case do.ReportBadParent(parent=parent, unit=unit):
                self.parts.metrics.bad_units.inc()
                self._session.bad_parent(parent, self.geometry.piece_of_unit(unit))
            case do.CreateBlob(offer=offer):
                if self._blob is None:
                    self._jobs.spawn(self._create(offer), name="create")
            case do.CheckContent():
                self._jobs.spawn(self._check(), name="check")
            case do.ForgetUnits(why=why):
                self._forget(why)
            case do.Succeed(whole=whole):
                self._succeed(whole)
            case do.Fail(error=error):
                self._fail(error)
            case _:
                self._transfers.perform(command)

    def _register(self) -> None:
        if self.spec.restricted and not self.parts.secure:
            # Without a cluster certificate nobody may give us these bytes, nor we anybody.
            asyncio.get_running_loop().call_soon(self.post, it.OriginGranted("restricted"))
            asyncio.get_running_loop().call_soon(self.post, it.CandidatesNamed(()))
            return
        self._session.register(need_back_to_source=self.parts.policy.origin.first)

    async def _create(self, offer: it.Offer) -> None:
        meta = BlobMeta(
            url=self.spec.public_url,
            digest=str(self.spec.digest) if self.spec.digest else None,
            response_headers=tuple(
                (name, value)
                for name, value in offer.response_headers.items()
                if name.lower() in KEPT_HEADERS
            ),
            restricted=self.spec.restricted or offer.restricted,
            validator=offer.validator or self.spec.validator,
            tag=self.spec.tag,
            application=self.spec.application,
        )
        try:
            blob = await self.parts.disk.run(
                self.parts.store.create, self.spec.task_id, offer.geometry, meta=meta
            )
        except NoSpace as error:
            self.post(it.StoreFailed(error))
            return
        self._adopt(blob)

    def _adopt(self, blob: Blob) -> None:
        self._pin.enter_context(blob.pin())
        self._blob = blob
        self._hash_from_start(blob)
        self._transfers.store_ready(blob)
        self._described.set()
        for child in list(self._children.values()):
            child.described(self)
        self._session.started()

    def _hash_from_start(self, blob: Blob) -> None:
        algorithm = self.spec.digest.algorithm if self.spec.digest else "sha256"
        self._checker = ContentChecker(blob, algorithm, self._frontier, self.parts.cpu)
        self._hashing = self._jobs.spawn(self._follow(self._checker), name="hash")

    def _frontier(self) -> int:
        held = self.blob.held.bits
        units = lowest(~held)
        return min(units * self.geometry.unit_length, self.geometry.size_bytes)

    async def _follow(self, checker: ContentChecker) -> None:
        while not checker.complete:
            changed = self._changed
            await checker.catch_up()
            if not checker.complete:
                await changed.wait()
        self._wake()

    async def _check(self) -> None:
        # An empty blob is complete before its file is made.
        await self._described.wait()
        checker = self._checker
        if checker is None:
            return
        while not checker.complete:
            await self._changed.wait()
            if checker is not self._checker:
                return
        actual = checker.digest()
        wanted = self.spec.digest
        matches = wanted is None or actual == wanted
        if matches:
            self._sealing = True
            await self.parts.disk.run(self.blob.seal, self._sealed_digest(actual))
            if self.parts.memory is not None:
                self.parts.memory.sealed(self.spec, self.blob)
        self.post(it.ContentChecked(matches, str(actual)))

    def _sealed_digest(self, actual: Digest) -> Digest:
        return self.spec.digest or actual

    def _forget(self, why: str) -> None:
        self._outcome.thrown_away(why)
        self.generation += 1
        self.doubtful_end = max(self.doubtful_end, self._shown_end)
        if self._blob is None or self._sealing:
            return
        self._starting_over = True
        self._checker = None
        self._transfers.hold()
        if self._hashing is not None:
            self._hashing.cancel()
        self._jobs.spawn(self._start_over(), name="start over")
        self._wake()

    async def _start_over(self) -> None:
        """Empty the blob once nothing that began before writes or reads it any more."""
        generation = self.generation
        await self._transfers.cancelled()
        if self._hashing is not None:
            await asyncio.wait({self._hashing})
        if generation != self.generation:
            return
        self._empty()
        self._hash_from_start(self.blob)
        self._transfers.store_ready(self.blob)
        for child in list(self._children.values()):
            child.described(self)
        self._wake()

    def _empty(self) -> None:
        self.blob.reset()
        self._starting_over = False

    # News

    def _count(self, event: it.UnitArrived) -> None:
        source = self._transfers.source_of(event.transfer)
        self._outcome.count(event, source)
        held = self.blob.held
        piece = self.geometry.piece_of_unit(event.unit)
        if all(unit in held for unit in self.geometry.units_of_piece(piece)):
            parent = self._transfers.parent_of(event.transfer)
            self._session.piece_held(piece, self.geometry, parent, source)

    def _tell_units(self, units: dict[int, bytes]) -> None:
        for child in list(self._children.values()):
            # What it holds already, by its own word, it will hardly ask us for.
            child.held(units, urgent=not self._machine.holds(child.host_id, units))
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def joined_by(self, child: it.ParentAddress, held_bits: int) -> None:
        """A child that lacks units joined us: join it, too, since it may get what we lack.

        A seed does so only if the child has something already: that is how a seed that takes over
        continues from what the swarm holds.
        """
        if self.parts.host.seed and not held_bits:
            return
        if not self._machine.over:
            self.post(it.CandidatesNamed((child,)))

    def supersede(self) -> None:
        """Somebody has seen another version of the content at the origin."""
        self.post(it.Superseded())

    # The end

    def _succeed(self, whole: bool) -> None:
        if not whole:
            self._wake()
            return
        self._verified = True
        self._outcome.succeeded()
        for child in list(self._children.values()):
            child.completed()
        self._end()

    def _fail(self, error: MeganeuraError) -> None:
        self.error = error
        self._outcome.failed(error)
        self._described.set()
        for child in list(self._children.values()):
            child.failed(error)
        self._end()

    def _give_up(self) -> None:
        if not self._interests and not self._ended:
            self._outcome.given_up()
            self._end()

    def _end(self) -> None:
        self._ended = True
        for timer in (self._linger, self._alarm):
            if timer:
                timer.cancel()
        self._wake()
        self.parts.changed(self.spec.task_id)
        self._on_end(self)

    async def aclose(self) -> None:
        """End every job of the task and let go of its blob."""
        self._ended = True
        await self._jobs.cancel_all()
        if self._starting_over:
            self._empty()
        self.quiet.set()
        self._desk.leave_all()
        await self._session.aclose(self._outcome.word, self.error)
        self._pin.close()
        # The collector may be long in finding the cycles that a download is made of; the file of an
        # evicted blob must not take its room until then.
        self._blob = self._checker = None
        self._transfers.let_go()
        self._wake()
