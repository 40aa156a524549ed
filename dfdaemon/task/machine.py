"""One download as a state machine: events in, commands out, no I/O, no clock of its own.

``conductor`` holds one, feeds it what happened and performs what it answers. Who decides what:
``planner`` picks units and parents, ``origin_runs`` the requests to the origin, and this module when
to register, to join and leave parents, to go to the origin, to check, to succeed and to give up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

from dfcore.digest import Digest
from dfcore.errors import (
    ContentChanged,
    DigestMismatch,
    MeganeuraError,
    NoSpace,
    OriginRefused,
    TimedOut,
    Unavailable,
)
from dfcore.fsm import Machine
from dfcore.ranges import ByteRange
from dfdaemon.task import commands as do
from dfdaemon.task import events as it
from dfdaemon.task.digests import DigestBook
from dfdaemon.task.origin_runs import OriginSide
from dfdaemon.task.planner import UNRELIABLE, Planner
from dfdaemon.task.policy import STATES, TaskPolicy

FINAL = (OriginRefused, ContentChanged, DigestMismatch)
"""What a seed says after it has done what it could: other hosts would fare no better."""


class Download:
    """The decisions of one download.

    ``handle`` is the only entry: it never blocks, and it may be called with events in any order;
    those that come too late are ignored.
    """

    def __init__(
        self,
        policy: TaskPolicy,
        rng: Random,
        *,
        digest: Digest | None = None,
        validator: str | None = None,
        disable_back_to_source: bool = False,
    ) -> None:
        self.policy = policy
        self.planner: Planner | None = None
        self.offer: it.Offer | None = None
        self._states = Machine(STATES, "new", "download")
        self._rng = rng
        self._digest = digest
        self._validator = validator
        self._origin = OriginSide(policy.origin, rng, allowed=not disable_back_to_source)
        self._parents: dict[str, it.ParentAddress] = {}
        self._banned: set[str] = set()
        self._unmet: tuple[it.ParentAddress, ...] = ()
        self._digests = DigestBook()
        self._wanted: tuple[ByteRange, ...] | None = None
        self._waited_offset: int | None = None
        self._progress_at = 0.0
        self._ticked_at = 0.0
        self._rescheduled_at = 0.0
        self._seed_failures = 0
        self._mismatches = 0
        self._next_transfer = 1
        self._first_transfer = 1

    @property
    def state(self) -> str:
        return self._states.state

    @property
    def over(self) -> bool:
        return self.state in ("succeeded", "failed")

    @property
    def will_be_whole(self) -> bool:
        """Every unit is here or wanted, so that the content will be verified as a whole."""
        planner = self.planner
        return planner is not None and planner.held | planner.wanted == self._all_units

    def unknown_of(self, bits: int) -> int:
        """Those of the units that this machine does not know to be here."""
        return bits & ~self.planner.held if self.planner is not None else 0

    def holds(self, host_id: str, units: Iterable[int]) -> bool:
        """The host is a parent of ours and has told us of all these units."""
        return self.planner is not None and self.planner.holds(host_id, units)

    def expected_digest(self, unit: int) -> bytes | None:
        """The digest that the unit must have, as a seed told it, else as the first parent did."""
        return self._digests.expected(unit)

    def promised_digest(self, unit: int) -> bytes | None:
        """The digest that the unit must have if it comes from a seed."""
        return self._digests.promised(unit)

    def claim(self, transfer: int, unit: int) -> bool:
        """May an any-of transfer bring this unit, or is it here or on its way already?"""
        return self.planner is not None and self.planner.claim(transfer, unit)

    def wake_at(self, now: float) -> float | None:
        """The moment at which a Ticked would bring something on; None if only events can."""
        if self.over:
            return None
        moments = [self._origin.next_due(now)]
        if self.planner is not None:
            moments.append(self.planner.next_ready(now))
        return min((moment for moment in moments if moment is not None), default=None)

    def handle(self, event: it.Event, now: float) -> list[do.Command]:
        """Take in what happened at ``now`` (monotonic seconds) and say what to do."""
        if self.over:
            return self._late(event)
        commands = self._react(event, now)
        if not self.over:
            commands += self._proceed(now)
        return commands

    def _late(self, event: it.Event) -> list[do.Command]:
        if isinstance(event, it.ParentJoined):
            return [do.LeaveParent(event.parent)]
        return []

    def _react(self, event: it.Event, now: float) -> list[do.Command]:
        match event:
            case it.Started():
                return self._start(event, now)
            case it.CandidatesNamed(parents=parents):
                return self._meet(parents, now)
            case it.OriginGranted():
                self._origin.grant()
                return []
            case it.DownloadForbidden(error=error):
                return [] if self._parents else self._fail(error)
            case it.SchedulerLost():
                return self._without_scheduler(event, now)
            case it.ParentJoined():
                return self._parent_joined(event, now)
            case it.ParentHeld():
                return self._parent_held(event, now)
            case it.ParentLost(parent=parent, reason=reason):
                return self._lose(parent, reason, now)
            case it.ParentRefused(parent=parent, error=error):
                return self._parent_refused(parent, error, now)
            case it.UnitArrived():
                return self._unit_arrived(event, now)
            case it.TransferEbbed(transfer=number):
                if self.planner is not None:
                    self.planner.ebb(number)
                return []
            case it.TransferRefused(transfer=number):
                return self._refused(number, now)
            case it.TransferEmpty(transfer=number):
                return self._land(number, now, self.policy.plan.busy_backoff_s)
            case it.TransferBroken(transfer=number):
                return self._broken(number, now)
            case it.TransferCorrupt(transfer=number):
                return self._corrupt(number, now)
            case it.OriginOpened(offer=offer, accepts_ranges=accepts_ranges):
                return self._origin_opened(offer, accepts_ranges, now)
            case it.WholeSent(transfer=number):
                return self._whole_sent(number)
            case it.OriginRunEnded(transfer=number, error=error):
                return self._run_ended(number, error, now)
            case it.WantedChanged(ranges=ranges):
                self._wanted = ranges
                self._apply_wanted()
                return []
            case it.ReaderWaited(offset=offset):
                self._waited_offset = offset
                return []
            case it.ContentChecked(matches=matches, actual=actual):
                return self._checked(matches, actual, now)
            case it.StoreFailed(error=error):
                return self._fail(error)
            case it.Superseded():
                return self._fail(ContentChanged("the content at the origin has changed"))
            case it.Ticked():
                return self._tick(now)

    # Start, scheduler, parents

    def _start(self, event: it.Started, now: float) -> list[do.Command]:
        self._states.fire("start")
        self._progress_at = self._ticked_at = now
        commands: list[do.Command] = [do.Register()]
        if event.offer is not None:
            commands += self._describe(event.offer)
            assert self.planner is not None
            self.planner.held = event.held_bits
        return commands

    def _meet(self, parents: tuple[it.ParentAddress, ...], now: float) -> list[do.Command]:
        start = now + (self.policy.introduction_s if parents else 0.0)
        if self.state in ("satisfied", "checking"):
            # A seed that is joined begins to work, and there is nothing for it to do.
            self._unmet += parents
            self._origin.hold_until(start)
            return []
        commands: list[do.Command] = []
        for address in parents:
            # A host may be named under several peer ids (a seed before and after it begins); there is
            # one channel to it, whose end is told once.
            known = {parent.host_id for parent in self._parents.values()} | self._banned
            if address.peer_id in self._parents or address.host_id in known:
                continue
            self._parents[address.peer_id] = address
            if self.planner:
                self.planner.add_parent(address)
            commands.append(do.JoinParent(address))
        if commands:
            self._origin.parents_found()
        self._origin.hold_until(start)
        return commands

    def _without_scheduler(self, event: it.SchedulerLost, now: float) -> list[do.Command]:
        """With no scheduler a host that has no parent goes by itself, if it may, but not at once:
        a scheduler that restarts must not send every host to the origin."""
        if self._parents:
            return []
        if self._origin.allowed:
            at_once = self.policy.origin.first or not event.configured
            expected_s = self.policy.scheduler_return_s - event.away_s
            grace_s = 0.0 if at_once else max(self.policy.scheduler_grace_s, expected_s)
            self._origin.grant_itself(now + grace_s)
        elif now - self._progress_at > self.policy.patience_s:
            return self._fail(event.error)
        return []

    def _parent_joined(self, event: it.ParentJoined, now: float) -> list[do.Command]:
        address = self._parents.get(event.parent)
        if address is None:
            return [do.LeaveParent(event.parent)]
        commands: list[do.Command] = []
        if not self._same_content(event.offer):
            if address.seed and not self._digest:
                return self._fail(ContentChanged("the content at the origin has changed"))
            return self._ban(event.parent, now)
        if self.planner is None:
            commands += self._describe(event.offer)
        elif self.planner.parents[event.parent].held & ~event.held_bits:
            if address.seed:
                return self._start_over("the seed has thrown away what it gave us")
            commands += self._cancel(self.planner.parent_forgot(event.parent))
            self._digests.forget_hearsay(self.planner.held)
        assert self.planner is not None
        if distrust := self._learn(event.digests, address, now):
            return commands + distrust
        if event.complete or self.planner.parents[event.parent].forgotten & ~event.held_bits:
            self.planner.parents[event.parent].not_before = now
        self.planner.parent_joined(event.parent, event.held_bits, event.complete)
        return commands

    def _parent_held(self, event: it.ParentHeld, now: float) -> list[do.Command]:
        address = self._parents.get(event.parent)
        if address is None or self.planner is None or event.parent not in self.planner.parents:
            return []
        if distrust := self._learn(event.digests, address, now):
            return distrust
        bits = self._all_units if event.complete else event.bits
        for unit in event.digests:
            bits |= 1 << unit
        self.planner.parent_holds(event.parent, bits)
        return []

    def _learn(
        self, digests: Mapping[int, bytes], address: it.ParentAddress, now: float
    ) -> list[do.Command]:
        assert self.planner is not None
        contradicted = self._digests.learn(digests, from_seed=address.seed)
        self.planner.vouched = self._digests.vouched
        if not contradicted & self.planner.held:
            return []
        return self._distrust("units of peers are not those that the seed has", now)

    def _lose(self, parent: str, reason: str, now: float) -> list[do.Command]:
        address = self._parents.pop(parent, None)
        if address is None:
            return []
        commands = self._drop(parent, now)
        self._rescheduled_at = now
        return [*commands, do.Reschedule((parent,), reason)]

    def _ban(self, parent: str, now: float) -> list[do.Command]:
        address = self._parents[parent]
        self._banned.add(address.host_id)
        return [do.LeaveParent(parent), *self._lose(parent, "delivers wrong bytes", now)]

    def _drop(self, parent: str, now: float) -> list[do.Command]:
        return self._cancel(self.planner.drop_parent(parent)) if self.planner else []

    def _cancel(self, numbers: list[int]) -> list[do.Command]:
        assert self.planner is not None
        for number in numbers:
            self.planner.land(number)
            self._origin.dropped(number)
        return [do.CancelTransfer(number) for number in numbers]

    def _parent_refused(self, parent: str, error: MeganeuraError, now: float) -> list[do.Command]:
        address = self._parents.get(parent)
        if address is None:
            return []
        if address.seed:
            self._seed_failures += 1
            elsewhere = error.retryable or isinstance(error, NoSpace)
            final = isinstance(error, FINAL) or not elsewhere
            if final or self._seed_failures >= self.policy.seed_failures:
                return self._fail(error)
        return [do.LeaveParent(parent), *self._lose(parent, str(error), now)]

    # What the blob is

    def _same_content(self, offer: it.Offer) -> bool:
        mine = self.offer
        validator = (mine and mine.validator) or self._validator
        if validator and offer.validator and validator != offer.validator:
            return False
        return mine is None or (
            mine.geometry.size_bytes == offer.geometry.size_bytes
            and mine.geometry.unit_length == offer.geometry.unit_length
        )

    def _describe(self, offer: it.Offer) -> list[do.Command]:
        self.offer = offer
        self.planner = Planner(offer.geometry, self.policy.plan, self._rng)
        for address in self._parents.values():
            self.planner.add_parent(address)
        self._states.fire("describe")
        self._apply_wanted()
        return [do.CreateBlob(offer)]

    @property
    def _all_units(self) -> int:
        assert self.offer is not None
        return (1 << self.offer.geometry.unit_count) - 1

    def _apply_wanted(self) -> None:
        if self.planner is None or self.offer is None:
            return
        if self._wanted is None:
            self.planner.wanted = self._all_units
            return
        bits = 0
        for wanted in self._wanted:
            for unit in self.offer.geometry.units_of(wanted):
                bits |= 1 << unit
        self.planner.wanted = bits & self._all_units

    # Transfers

    def _unit_arrived(self, event: it.UnitArrived, now: float) -> list[do.Command]:
        if self.planner is None or event.transfer < self._first_transfer:
            return []
        self._progress_at = now
        self._origin.progressed()
        self.planner.unit_held(event.unit)
        self._digests.has_arrived(event.unit, event.digest)
        flight = self.planner.flights.get(event.transfer)
        if flight is None or self._origin.runs(event.transfer):
            return []
        if flight.bits & ~self.planner.held:
            return []  # the other units of a plain peer's piece follow
        self.planner.delivered(event.transfer, now)
        if view := self.planner.parents.get(flight.parent):
            view.broken = 0
        return []

    def _refused(self, number: int, now: float) -> list[do.Command]:
        if self.planner is not None and (flight := self.planner.land(number)):
            self.planner.was_busy(flight.parent, now)
        return []

    def _land(self, number: int, now: float, backoff_s: float) -> list[do.Command]:
        if self.planner is None:
            return []
        flight = self.planner.land(number)
        if flight:
            self.planner.back_off(flight.parent, now, backoff_s)
        return []

    def _broken(self, number: int, now: float) -> list[do.Command]:
        flight = self.planner.flights.get(number) if self.planner else None
        view = self.planner.parents.get(flight.parent) if self.planner and flight else None
        commands = self._land(number, now, self.policy.plan.broken_backoff_s)
        if view is not None:
            view.broken += 1
            if view.broken >= UNRELIABLE and not view.address.ours:
                # No channel would tell that it is gone.
                parent = view.address.peer_id
                lost = self._lose(parent, "its pieces cannot be had", now)
                return [*commands, do.LeaveParent(parent), *lost]
        return commands

    def _corrupt(self, number: int, now: float) -> list[do.Command]:
        if self.planner is None:
            return []
        flight = self.planner.land(number)
        view = self.planner.parents.get(flight.parent) if flight else None
        if flight is None or view is None:
            return []
        view.corrupt += 1
        if view.address.seed and view.corrupt < self.policy.corrupt_seed_units:
            # It may have begun anew while the unit was on its way.
            self.planner.back_off(flight.parent, now, self.policy.plan.broken_backoff_s)
            return []
        unit = max(flight.bits.bit_length() - 1, 0)
        return [do.ReportBadParent(flight.parent, unit), *self._ban(flight.parent, now)]

    # Origin

    def _origin_opened(self, offer: it.Offer, accepts_ranges: bool, now: float) -> list[do.Command]:
        self._progress_at = now
        self._origin.accepts_ranges = accepts_ranges
        if self.planner is not None:
            if self._same_content(offer):
                return []
            return self._fail(ContentChanged("the content at the origin has changed"))
        commands = self._describe(offer)
        if self.planner is not None:
            self._origin.opened(self.planner, now)
        return commands

    def _whole_sent(self, number: int) -> list[do.Command]:
        if self.planner is None or not self._origin.runs(number):
            return []
        others = self._origin.goes_to_the_end(self.planner, number)
        return [do.CancelTransfer(other) for other in others]

    def _run_ended(self, number: int, error: MeganeuraError | None, now: float) -> list[do.Command]:
        self._origin.dropped(number)
        if self.planner:
            self.planner.land(number)
        if error is not None and not self._origin.broke(error, now):
            return self._fail(error)
        return []

    def _plan_origin(self, now: float) -> list[do.Command]:
        commands = self._origin.plan(self.planner, now, self._next_transfer)
        self._next_transfer += len(commands)
        return commands

    # The end

    def _proceed(self, now: float) -> list[do.Command]:
        """What follows from the state after any event: more requests, or the end."""
        if self.state == "searching":
            return self._plan_origin(now)
        if self.planner is None:
            return []
        if self.state == "satisfied" and self.planner.missing:
            self._states.fire("want_more")
            self._progress_at = now
        if self.state == "fetching" and not self.planner.missing:
            return self._complete()
        if self.state == "satisfied" and self.planner.held == self._all_units:
            return self._complete()
        if self.state != "fetching":
            return []
        unmet, self._unmet = self._unmet, ()
        joins = self._meet(unmet, now) if unmet else []
        commands = self.planner.plan(now, self._next_transfer, self._waited_unit())
        self._next_transfer += len(commands)
        return joins + commands + self._plan_origin(now)

    def _complete(self) -> list[do.Command]:
        assert self.planner is not None
        commands = self._land_all()
        if self.planner.held == self._all_units:
            self._states.fire("complete")
            return [*commands, do.CheckContent()]
        self._states.fire("satisfy")
        return [*commands, do.Succeed(whole=False)]

    def _land_all(self) -> list[do.Command]:
        """Cancel what is still under way: open any-of requests, late duplicates."""
        assert self.planner is not None
        return self._cancel(list(self.planner.flights))

    def _checked(self, matches: bool, actual: str, now: float) -> list[do.Command]:
        if self.planner is None or self.state not in ("checking", "fetching"):
            return []
        if matches:
            return self._succeed()
        if self.state != "checking":
            return []
        return self._distrust(f"the content has digest {actual}, expected {self._digest}", now)

    def _distrust(self, why: str, now: float) -> list[do.Command]:
        """What is here is wrong: begin anew, without those whose word alone it was taken on."""
        assert self.planner is not None
        self._mismatches += 1
        on_their_word = self.planner.vouched != self._all_units
        commands = self._start_over(why)
        for parent, address in self._parents.items():
            if address.seed:
                # It will find out by itself, or say that it is complete: it is given the time.
                self.planner.back_off(parent, now, self.policy.starving_s)
        if on_their_word:
            self.planner.wary_until = now + self.policy.starving_s
            for parent in [p for p, address in self._parents.items() if not address.seed]:
                commands += self._ban(parent, now)
        asked = len(commands) > 1 or (self._origin.granted and self._mismatches == 1)
        if self._mismatches < self.policy.mismatches and asked:
            return commands
        return commands + self._fail(DigestMismatch(why))

    def _succeed(self) -> list[do.Command]:
        """The content is right, whatever a seed may say of its own meanwhile."""
        commands = self._land_all()
        if self.state == "fetching":
            self._states.fire("complete")
        self._states.fire("confirm")
        leave = [do.LeaveParent(parent) for parent in self._parents]
        return [*commands, *leave, do.Succeed(whole=True)]

    def _start_over(self, why: str) -> list[do.Command]:
        """Throw everything away, and hear from every seed anew what it holds.

        The content was wrong, or a seed has found that what it gave us was.
        """
        assert self.planner is not None
        commands = [*self._land_all(), do.ForgetUnits(why)]
        self._first_transfer = self._next_transfer
        self.planner.forget_units()
        self._digests.clear()
        self.planner.vouched = 0
        for parent, address in self._parents.items():
            self.planner.parent_forgot(parent, rejoined=address.seed and address.ours)
            if address.seed and address.ours:
                commands += [do.LeaveParent(parent), do.JoinParent(address)]
        if self.state == "checking":
            self._states.fire("deny")
        return commands

    def _fail(self, error: MeganeuraError) -> list[do.Command]:
        self._states.fire("give_up")
        commands = self._land_all() if self.planner else []
        if self._origin.opening is not None:
            commands.append(do.CancelTransfer(self._origin.opening))
        leave = [do.LeaveParent(parent) for parent in self._parents]
        return [*commands, *leave, do.Fail(error)]

    def _tick(self, now: float) -> list[do.Command]:
        since_s, self._ticked_at = now - self._ticked_at, now
        if since_s > self.policy.stood_still_s:
            # This host stood still, not the others: a frozen process, a suspended machine.
            self._progress_at += since_s
        if self.state not in ("searching", "fetching"):
            return []
        idle_s = now - self._progress_at
        if idle_s > self.policy.patience_s:
            if self._parents or self._origin.granted:
                return self._fail(TimedOut(f"no byte arrived for {idle_s:.0f} s"))
            return self._fail(
                Unavailable("no parent has the content and the origin is not allowed")
            )
        if (
            idle_s > self.policy.starving_s
            and now - self._rescheduled_at > self.policy.starving_s
            and not self._origin.granted
        ):
            self._rescheduled_at = now
            return [do.Reschedule((), f"no byte for {idle_s:.0f} s")]
        return []

    def _waited_unit(self) -> int | None:
        if self._waited_offset is None or self.offer is None:
            return None
        return self._waited_offset // self.offer.geometry.unit_length
