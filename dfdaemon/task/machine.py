"""One download as a state machine: events in, commands out, no I/O, no clock of its own.

``conductor`` holds one, feeds it what happened and performs what it answers. Who decides what:
``planner`` picks units and parents, ``origin_runs`` the requests to the origin, and this module when
to register, to join and leave parents, to go to the origin, to check, to succeed and to give up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from dfcore.backoff import Backoff
from dfcore.digest import Digest
from dfcore.errors import (
    ContentChanged,
    DigestMismatch,
    MeganeuraError,
    OriginRefused,
    TimedOut,
    Unavailable,
)
from dfcore.fsm import Machine, Table
from dfcore.ranges import ByteRange
from dfdaemon.task import commands as do
from dfdaemon.task import events as it
from dfdaemon.task.origin_runs import OriginPolicy, OriginRuns
from dfdaemon.task.planner import Flight, ParentView, Planner, PlanPolicy

STATES: Table[str, str] = {
    ("new", "start"): "searching",
    ("searching", "describe"): "fetching",
    ("fetching", "complete"): "checking",
    ("fetching", "satisfy"): "satisfied",
    ("satisfied", "want_more"): "fetching",
    ("satisfied", "complete"): "checking",
    ("checking", "confirm"): "succeeded",
    ("checking", "deny"): "fetching",
    ("searching", "give_up"): "failed",
    ("fetching", "give_up"): "failed",
    ("satisfied", "give_up"): "failed",
    ("checking", "give_up"): "failed",
}


@dataclass(frozen=True, slots=True)
class TaskPolicy:
    """How a download behaves. Times in seconds.

    ``starving_s`` without a byte, other parents are asked for; ``patience_s`` without a byte, the
    task fails. ``introduction_s`` is how long a seed waits for peers that may hold units already
    before it asks the origin for them.
    """

    plan: PlanPolicy = field(default_factory=PlanPolicy)
    origin: OriginPolicy = field(default_factory=OriginPolicy)
    starving_s: float = 2.0
    patience_s: float = 60.0
    introduction_s: float = 1.0
    seed_failures: int = 3
    corrupt_seed_units: int = 3


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
        self._origin_allowed = policy.origin.allowed and not disable_back_to_source
        self._origin_granted = policy.origin.first and self._origin_allowed
        self._origin_from: float | None = None
        self._runs: OriginRuns | None = None
        self._opening: int | None = None
        self._origin_attempts = 0
        self._backoff = Backoff(policy.origin.retry_base_s, policy.origin.retry_cap_s)
        self._parents: dict[str, it.ParentAddress] = {}
        self._banned: set[str] = set()
        self._digests: dict[int, tuple[bytes, bool]] = {}
        self._wanted: tuple[ByteRange, ...] | None = None
        self._waited_offset: int | None = None
        self._progress_at = 0.0
        self._rescheduled_at = 0.0
        self._seed_failures = 0
        self._mismatches = 0
        self._next_transfer = 1

    @property
    def state(self) -> str:
        return self._states.state

    @property
    def over(self) -> bool:
        return self.state in ("succeeded", "failed")

    def expected_digest(self, unit: int) -> bytes | None:
        """The digest that the unit must have, as a seed told it, else as the first parent did."""
        entry = self._digests.get(unit)
        return entry[0] if entry else None

    def claim(self, transfer: int, unit: int) -> bool:
        """May an any-of transfer bring this unit, or is it here or on its way already?"""
        return self.planner is not None and self.planner.claim(transfer, unit)

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
                self._origin_granted = self._origin_allowed
                return []
            case it.SchedulerLost(error=error):
                return self._without_scheduler(error, now)
            case it.ParentJoined():
                return self._parent_joined(event, now)
            case it.ParentHeld():
                return self._parent_held(event)
            case it.ParentLost(parent=parent, reason=reason):
                return self._lose(parent, reason, now)
            case it.ParentRefused(parent=parent, error=error):
                return self._parent_refused(parent, error, now)
            case it.UnitArrived():
                return self._unit_arrived(event, now)
            case it.TransferRefused(transfer=number):
                return self._land(number, now, self.policy.plan.busy_backoff_s)
            case it.TransferEmpty(transfer=number):
                return self._land(number, now, self.policy.plan.busy_backoff_s)
            case it.TransferBroken(transfer=number):
                return self._land(number, now, self.policy.plan.broken_backoff_s)
            case it.TransferCorrupt(transfer=number):
                return self._corrupt(number, now)
            case it.OriginOpened(offer=offer, accepts_ranges=accepts_ranges):
                return self._origin_opened(offer, accepts_ranges, now)
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
            case it.Ticked():
                return self._tick(now)

    # Start, scheduler, parents

    def _start(self, event: it.Started, now: float) -> list[do.Command]:
        self._states.fire("start")
        self._progress_at = now
        commands: list[do.Command] = [do.Register()]
        if event.offer is not None:
            commands += self._describe(event.offer)
            assert self.planner is not None
            self.planner.held = event.held_bits
        return commands

    def _meet(self, parents: tuple[it.ParentAddress, ...], now: float) -> list[do.Command]:
        commands: list[do.Command] = []
        for address in parents:
            if address.peer_id in self._parents or address.host_id in self._banned:
                continue
            self._parents[address.peer_id] = address
            if self.planner:
                self.planner.add_parent(address)
            commands.append(do.JoinParent(address))
        if self._origin_from is None:
            self._origin_from = now + (self.policy.introduction_s if parents else 0.0)
        return commands

    def _without_scheduler(self, error: MeganeuraError, now: float) -> list[do.Command]:
        """With no scheduler a host goes by itself if it may, else waits for one to come back."""
        if self._origin_allowed:
            self._origin_granted = True
            self._origin_from = now if self._origin_from is None else self._origin_from
        elif not self._parents and now - self._progress_at > self.policy.patience_s:
            return self._fail(error)
        return []

    def _parent_joined(self, event: it.ParentJoined, now: float) -> list[do.Command]:
        address = self._parents.get(event.parent)
        if address is None:
            return [do.LeaveParent(event.parent)]
        commands: list[do.Command] = []
        if self.planner is None:
            commands += self._describe(event.offer)
        elif not self._same_content(event.offer):
            if address.seed and not self._digest:
                return self._fail(ContentChanged("the content at the origin has changed"))
            return self._ban(event.parent, now)
        assert self.planner is not None
        self._learn_digests(event.digests, address.seed)
        self.planner.parent_joined(event.parent, event.held_bits, event.complete)
        return commands

    def _parent_held(self, event: it.ParentHeld) -> list[do.Command]:
        address = self._parents.get(event.parent)
        if address is None or self.planner is None or event.parent not in self.planner.parents:
            return []
        self._learn_digests(event.digests, address.seed)
        bits = self._all_units if event.complete else event.bits
        for unit in event.digests:
            bits |= 1 << unit
        self.planner.parent_holds(event.parent, bits)
        return []

    def _learn_digests(self, digests: Mapping[int, bytes], from_seed: bool) -> None:
        for unit, digest in digests.items():
            known = self._digests.get(unit)
            if known is None or (from_seed and not known[1]):
                self._digests[unit] = (digest, from_seed)
            if from_seed and self.planner:
                self.planner.vouched |= 1 << unit

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
        if self.planner is None:
            return []
        commands: list[do.Command] = []
        for number in self.planner.drop_parent(parent):
            self.planner.land(number)
            commands.append(do.CancelTransfer(number))
        return commands

    def _parent_refused(self, parent: str, error: MeganeuraError, now: float) -> list[do.Command]:
        address = self._parents.get(parent)
        if address is None:
            return []
        if address.seed:
            self._seed_failures += 1
            final = isinstance(error, OriginRefused) or not error.retryable
            if final or self._seed_failures >= self.policy.seed_failures:
                return self._fail(error)
        return [do.LeaveParent(parent), *self._lose(parent, str(error), now)]

    # What the blob is

    def _same_content(self, offer: it.Offer) -> bool:
        mine = self.offer
        assert mine is not None
        return (
            mine.geometry.size_bytes == offer.geometry.size_bytes
            and mine.geometry.unit_length == offer.geometry.unit_length
            and (not mine.validator or not offer.validator or mine.validator == offer.validator)
        )

    def _describe(self, offer: it.Offer) -> list[do.Command]:
        self.offer = offer
        self.planner = Planner(offer.geometry, self.policy.plan, self._rng)
        self._runs = OriginRuns(offer.geometry, self.policy.origin)
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
        if self.planner is None:
            return []
        self._progress_at = now
        self._origin_attempts = 0
        self.planner.unit_held(event.unit)
        self._digests.setdefault(event.unit, (event.digest, False))
        flight = self.planner.flights.get(event.transfer)
        if flight is None:
            return []
        if event.transfer == self._opening or (self._runs and event.transfer in self._runs.active):
            return []
        self.planner.land(event.transfer)
        if view := self.planner.parents.get(flight.parent):
            view.broken = 0
        return []

    def _land(self, number: int, now: float, backoff_s: float) -> list[do.Command]:
        if self.planner is None:
            return []
        flight = self.planner.land(number)
        if flight:
            self.planner.back_off(flight.parent, now, backoff_s)
        return []

    def _corrupt(self, number: int, now: float) -> list[do.Command]:
        if self.planner is None:
            return []
        flight = self.planner.land(number)
        view = self.planner.parents.get(flight.parent) if flight else None
        if flight is None or view is None:
            return []
        view.corrupt += 1
        unit = flight.bits.bit_length() - 1 if flight.bits else 0
        commands: list[do.Command] = [do.ReportBadParent(flight.parent, max(unit, 0))]
        if view.address.seed and view.corrupt < self.policy.corrupt_seed_units:
            self.planner.back_off(flight.parent, now, self.policy.plan.broken_backoff_s)
            return commands
        return commands + self._ban(flight.parent, now)

    # Origin

    def _origin_opened(self, offer: it.Offer, accepts_ranges: bool, now: float) -> list[do.Command]:
        commands: list[do.Command] = []
        self._progress_at = now
        if self.planner is None:
            commands += self._describe(offer)
            assert self._runs is not None and self.planner is not None
            if self._opening is not None:
                end = self._first_run_units(offer) if accepts_ranges else None
                self._note_run(self._opening, 0, end or offer.geometry.unit_count, now)
                self._opening = None
        elif not self._same_content(offer):
            return self._fail(ContentChanged("the content at the origin has changed"))
        assert self._runs is not None
        self._runs.accepts_ranges = accepts_ranges
        return commands

    def _first_run_units(self, offer: it.Offer) -> int:
        geometry = offer.geometry
        return min(geometry.unit_count, max(1, FIRST_REQUEST_BYTES // geometry.unit_length))

    def _note_run(self, number: int, first: int, until: int, now: float) -> None:
        assert self._runs is not None and self.planner is not None
        self._runs.active[number] = (first, until)
        bits = ((1 << (until - first)) - 1) << first
        self.planner.take_off(number, Flight("", bits, False, now))

    def _run_ended(self, number: int, error: MeganeuraError | None, now: float) -> list[do.Command]:
        if number == self._opening:
            self._opening = None
        if self._runs:
            self._runs.active.pop(number, None)
        if self.planner:
            self.planner.land(number)
        if error is None:
            return []
        if not error.retryable:
            return self._fail(error)
        self._origin_attempts += 1
        if self._origin_attempts >= self.policy.origin.attempts:
            return self._fail(error)
        told = getattr(error, "retry_after_s", None)
        self._origin_from = now + self._backoff.delay_s(self._origin_attempts, self._rng, told)
        return []

    def _plan_origin(self, now: float) -> list[do.Command]:
        if not self._origin_granted or self._origin_from is None:
            return []
        if now < self._origin_from and not self._introductions_over():
            return []
        if self.planner is None or self._runs is None:
            if self._opening is not None:
                return []
            self._opening = self._number()
            return [do.OpenOrigin(self._opening)]
        commands: list[do.Command] = []
        while run := self._runs.next_run(self.planner.needed & ~self._peers_hold()):
            number = self._number()
            self._note_run(number, *run, now)
            commands.append(do.FetchRun(number, *run))
        return commands

    def _introductions_over(self) -> bool:
        """Every peer that was named has answered, so that nothing it holds is fetched again."""
        if self._origin_attempts or self.planner is None:
            return False
        return all(view.joined for view in self.planner.parents.values())

    def _peers_hold(self) -> int:
        assert self.planner is not None
        usable = [view for view in self.planner.parents.values() if self._usable(view)]
        bits = 0
        for view in usable:
            bits |= view.held
        return bits

    def _usable(self, view: ParentView) -> bool:
        return view.joined and view.broken < 3

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
        commands = self.planner.plan(now, self._next_transfer, self._waited_unit())
        self._next_transfer += len(commands)
        return commands + self._plan_origin(now)

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
        numbers = list(self.planner.flights)
        for number in numbers:
            self.planner.land(number)
            if self._runs:
                self._runs.active.pop(number, None)
        return [do.CancelTransfer(number) for number in numbers]

    def _checked(self, matches: bool, actual: str, now: float) -> list[do.Command]:
        if self.state != "checking" or self.planner is None:
            return []
        if matches:
            self._states.fire("confirm")
            leave = [do.LeaveParent(parent) for parent in self._parents]
            return [*leave, do.Succeed(whole=True)]
        self._mismatches += 1
        commands: list[do.Command] = [do.ForgetUnits()]
        self.planner.forget_units()
        self._digests.clear()
        self.planner.vouched = 0
        for parent in [p for p, address in self._parents.items() if not address.seed]:
            commands += self._ban(parent, now)
        if self._mismatches > 1 or not self._refetchable():
            error = DigestMismatch(f"the content has digest {actual}, expected {self._digest}")
            return commands + self._fail(error)
        self._states.fire("deny")
        return commands

    def _refetchable(self) -> bool:
        """A second try makes sense where the bytes come from the origin itself."""
        return self._origin_granted

    def _fail(self, error: MeganeuraError) -> list[do.Command]:
        self._states.fire("give_up")
        commands = self._land_all() if self.planner else []
        if self._opening is not None:
            commands.append(do.CancelTransfer(self._opening))
        leave = [do.LeaveParent(parent) for parent in self._parents]
        return [*commands, *leave, do.Fail(error)]

    def _tick(self, now: float) -> list[do.Command]:
        if self.state not in ("searching", "fetching"):
            return []
        idle_s = now - self._progress_at
        if idle_s > self.policy.patience_s:
            if self._parents or self._origin_granted:
                return self._fail(TimedOut(f"no byte arrived for {idle_s:.0f} s"))
            return self._fail(
                Unavailable("no parent has the content and the origin is not allowed")
            )
        if (
            idle_s > self.policy.starving_s
            and now - self._rescheduled_at > self.policy.starving_s
            and not self._origin_granted
        ):
            self._rescheduled_at = now
            return [do.Reschedule((), f"no byte for {idle_s:.0f} s")]
        return []

    def _waited_unit(self) -> int | None:
        if self._waited_offset is None or self.offer is None:
            return None
        return self._waited_offset // self.offer.geometry.unit_length

    def _number(self) -> int:
        self._next_transfer += 1
        return self._next_transfer - 1


FIRST_REQUEST_BYTES = 16 << 20
"""How much the request that asks what the blob is takes along: small files need no second one."""
