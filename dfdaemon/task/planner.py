"""Which unit from which parent next: the child's half of the swarm algorithm, pure.

Used by ``task/machine`` only. Sets of units are integers (bit ``i`` is unit ``i``), because a plan
is made at every completion and big-integer arithmetic keeps it cheap for many units and parents.

The rules and their figures come from the project's simulation study of whole-unit pull swarms: as
many downloads as a parent has upload slots, refusal instead of queues, rarest first among peers, and
"any of these" requests to a seed, which chooses late and in index order. A parent that has just given
something is asked for more before others are. A request takes its time on
a loaded link, so the next one goes out while the last bytes of a unit are still to come.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from dfcore.bitmap import lowest
from dfcore.pieces import Geometry
from dfdaemon.task.commands import Command, FetchAny, FetchPiece, FetchUnit
from dfdaemon.task.events import ParentAddress
from dfdaemon.task.rarity import Rarity, pick

UNRELIABLE = 3
"""So many broken transfers in a row, and the origin is asked for what the parent holds."""
BUSY_BACKOFF_LIMITS_S = (0.002, 1.0)
RECENT_UNITS = 8
"""Of how many units, about, the usual time is."""


@dataclass(frozen=True, slots=True)
class PlanPolicy:
    """The parameters of the swarm algorithm on the child's side.

    ``downloads`` is the number of transfers from peers at once and should equal a parent's upload
    slots; ``seed_slots`` is what a seed is assumed to have, of which a lone child may use ``any_of``
    at once; back-offs are in seconds; ``window_units`` is how far ahead of a waiting reader units are
    taken in order. A busy parent is asked again after about ``busy_share`` of the time that a unit
    from a peer usually takes, that is when a slot may have come free, and before one came after
    ``busy_backoff_s``.
    """

    downloads: int = 4
    seed_slots: int = 6
    any_of: int = 4
    busy_backoff_s: float = 0.05
    busy_share: float = 1 / 3
    broken_backoff_s: float = 1.0
    window_units: int = 16


@dataclass(slots=True)
class ParentView:
    """What is known of one parent. ``forgotten`` are the units it held before it, or we, began anew.
    ``giving``: what it last said to us was a unit, and not that it has no slot."""

    address: ParentAddress
    held: int = 0
    forgotten: int = 0
    joined: bool = False
    complete: bool = False
    flying: int = 0
    not_before: float = 0.0
    giving: bool = False
    corrupt: int = 0
    broken: int = 0


@dataclass(slots=True)
class Flight:
    """A transfer under way; ``bits`` are the named units, none for an any-of request. ``ebbing``:
    it is as good as over, and its successor may be asked for."""

    parent: str
    bits: int
    any_of: bool = False
    started: float = 0.0
    ebbing: bool = False


@dataclass(slots=True)
class Planner:
    """Units held, wanted and in flight, and what each parent has; makes the next requests."""

    geometry: Geometry
    policy: PlanPolicy
    rng: Random
    held: int = 0
    wanted: int = 0
    vouched: int = 0
    wary_until: float = 0.0
    usual_s: float = 0.0
    """How long a unit from a peer has taken of late, from the request on; 0 before the first."""
    parents: dict[str, ParentView] = field(default_factory=dict)
    flights: dict[int, Flight] = field(default_factory=dict)
    _rarity: Rarity = field(init=False, default_factory=Rarity)
    _named: int = field(init=False, default=0)
    # Counted as they change, because a plan is made for every event.
    _seeds: list[ParentView] = field(init=False, default_factory=list)
    _by_host: dict[str, ParentView] = field(init=False, default_factory=dict)
    _joined_peers: int = field(init=False, default=0)
    _open_any: int = field(init=False, default=0)
    _fetching: int = field(init=False, default=0)

    @property
    def missing(self) -> int:
        """Wanted units that are not held."""
        return self.wanted & ~self.held

    @property
    def needed(self) -> int:
        """Wanted units that are neither held nor named in a transfer."""
        return self.missing & ~self._named

    @property
    def elsewhere(self) -> int:
        """Units that a parent holds which has not failed us time and again."""
        bits = 0
        for view in self.parents.values():
            if view.joined and view.broken < UNRELIABLE:
                bits |= view.held
        return bits

    def add_parent(self, address: ParentAddress) -> None:
        if address.peer_id not in self.parents:
            view = self.parents[address.peer_id] = ParentView(address)
            self._by_host[address.host_id] = view
            if address.seed and address.ours:
                self._seeds.append(view)

    def drop_parent(self, peer_id: str) -> list[int]:
        """Forget the parent; returns its transfers, which the caller cancels."""
        view = self.parents.pop(peer_id, None)
        if view is None:
            return []
        if self._by_host.get(view.address.host_id) is view:
            del self._by_host[view.address.host_id]
        if view.address.seed and view.address.ours:
            self._seeds.remove(view)
        if not view.address.seed:
            self._rarity.remove(view.held)
            self._joined_peers -= view.joined
        return self._flights_from(peer_id)

    def _flights_from(self, peer_id: str) -> list[int]:
        return [number for number, flight in self.flights.items() if flight.parent == peer_id]

    def parent_forgot(self, peer_id: str, *, rejoined: bool = False) -> list[int]:
        """The parent has thrown away what it held; returns its transfers, which the caller cancels.

        ``rejoined``: it will say anew what it holds, and is not asked for anything before.
        """
        view = self.parents[peer_id]
        if not view.address.seed:
            self._rarity.remove(view.held)
        view.forgotten, view.held, view.complete = view.held, 0, False
        view.not_before = 0.0
        if rejoined and view.joined:
            view.joined = False
            self._joined_peers -= not view.address.seed
        return self._flights_from(peer_id)

    def parent_joined(self, peer_id: str, held: int, complete: bool) -> None:
        view = self.parents[peer_id]
        self._joined_peers += not (view.joined or view.address.seed)
        view.joined, view.complete = True, complete
        self.parent_holds(peer_id, held)

    def parent_holds(self, peer_id: str, bits: int) -> None:
        """The parent has these units, too."""
        view = self.parents[peer_id]
        new = bits & ~view.held
        view.held |= new
        if not view.address.seed:
            self._rarity.add(new)

    def holds(self, host_id: str, units: Iterable[int]) -> bool:
        """A parent on the host holds all these units."""
        view = self._by_host.get(host_id)
        return view is not None and all(view.held >> unit & 1 for unit in units)

    def unit_held(self, unit: int) -> None:
        self.held |= 1 << unit

    def forget_units(self) -> None:
        self.held = 0

    def take_off(self, number: int, flight: Flight) -> None:
        """Note a transfer as under way; also used for runs from the origin."""
        self.flights[number] = flight
        self._named |= flight.bits
        self._count(flight, 1)

    def _count(self, flight: Flight, change: int) -> None:
        """A transfer begins or stops to count."""
        if flight.any_of:
            self._open_any += change
        elif flight.parent:
            self._fetching += change
        if view := self.parents.get(flight.parent):
            view.flying += change

    def claim(self, number: int, unit: int) -> bool:
        """An any-of transfer is about to bring ``unit``; False if that is of no use any more."""
        flight = self.flights.get(number)
        bit = 1 << unit
        if flight is None or (self.held | self._named) & bit:
            return False
        flight.bits |= bit
        self._named |= bit
        return True

    def land(self, number: int) -> Flight | None:
        """Note a transfer as over."""
        flight = self.flights.pop(number, None)
        if flight is None:
            return None
        self._named = 0
        for other in self.flights.values():
            self._named |= other.bits
        if not flight.ebbing:
            self._count(flight, -1)
        return flight

    def delivered(self, number: int, now: float) -> None:
        """Note a transfer as over that has brought what it was to bring."""
        flight = self.land(number)
        if flight is not None and flight.parent and not flight.any_of:
            self._was_given(flight)
            took_s = now - flight.started
            changed_s = (took_s - self.usual_s) / RECENT_UNITS
            self.usual_s = self.usual_s + changed_s if self.usual_s else took_s

    def ebb(self, number: int) -> None:
        """The transfer is nearly over: it does not count any more when the next are planned."""
        flight = self.flights.get(number)
        if flight is not None and not flight.ebbing:
            flight.ebbing = True
            self._count(flight, -1)
            self._was_given(flight)

    def _was_given(self, flight: Flight) -> None:
        if view := self.parents.get(flight.parent):
            view.giving = True

    def back_off(self, peer_id: str, now: float, delay_s: float) -> None:
        """Do not ask the parent again before ``delay_s``, give or take a half."""
        if view := self.parents.get(peer_id):
            view.not_before = now + delay_s * self.rng.uniform(0.5, 1.5)
            view.giving = False

    def was_busy(self, peer_id: str, now: float) -> None:
        """The parent had no free slot: leave it alone until one may have come free."""
        delay_s = self.policy.busy_backoff_s
        if self.usual_s:
            least_s, most_s = BUSY_BACKOFF_LIMITS_S
            delay_s = min(max(self.usual_s * self.policy.busy_share, least_s), most_s)
        self.back_off(peer_id, now, delay_s)

    def next_ready(self, now: float) -> float | None:
        """When the first parent that has something for us may be asked again."""
        waits = [
            view.not_before
            for view in self.parents.values()
            if view.joined
            and view.not_before > now
            and (view.address.seed or self._useful(view, now))
        ]
        if self.wary_until > now:
            waits.append(self.wary_until)
        return min(waits, default=None) if self.needed else None

    def plan(self, now: float, number: int, waited_unit: int | None) -> list[Command]:
        """The requests to make now, numbered from ``number``; each is noted as under way."""
        commands: list[Command] = []
        if self.needed:
            if self._seeds:
                self._plan_any(now, number, commands)
            if self._fetching < self.policy.downloads:
                self._plan_peers(now, number, waited_unit, commands)
        return commands

    def _plan_any(self, now: float, number: int, commands: list[Command]) -> None:
        """Keep requests open at a seed, which do not count as downloads."""
        allowed = max(
            1, min(self.policy.any_of, self.policy.seed_slots // (self._joined_peers + 1))
        )
        for _ in range(min(allowed, self.needed.bit_count()) - self._open_any):
            ready = [view for view in self._seeds if view.joined and view.not_before <= now]
            if not ready:
                return
            seed = min(ready, key=lambda view: view.flying)
            command = FetchAny(number + len(commands), seed.address.peer_id, self.needed)
            self._depart(command, now)
            commands.append(command)

    def _plan_peers(
        self, now: float, number: int, waited_unit: int | None, commands: list[Command]
    ) -> None:
        offers = [
            (view, useful)
            for view in self.parents.values()
            if view.joined
            and view.not_before <= now
            and self._is_free(view)
            and not (view.address.seed and view.address.ours)
            and (useful := self._useful(view, now))
        ]
        while offers and self._fetching < self.policy.downloads:
            among = self._who_gives(offers, waited_unit) or offers
            command = self._next_from_peers(among, number + len(commands), waited_unit)
            self._depart(command, now)
            commands.append(command)
            needed = self.needed
            offers = [
                (view, left)
                for view, useful in offers
                if self._is_free(view) and (left := useful & needed)
            ]

    def _who_gives(
        self, offers: list[tuple[ParentView, int]], waited_unit: int | None
    ) -> list[tuple[ParentView, int]]:
        """Offers of parents whose slot we have, or had a moment ago: most others are full and would
        refuse. None of them where a reader waits for what only others have."""
        giving = [offer for offer in offers if offer[0].giving]
        if waited_unit is not None and giving:
            window = self._window(waited_unit)
            if not any(useful & window for _, useful in giving):
                return [] if any(useful & window for _, useful in offers) else giving
        return giving

    def _window(self, waited_unit: int) -> int:
        return ((1 << self.policy.window_units) - 1) << waited_unit

    def _is_free(self, view: ParentView) -> bool:
        """One transfer at a time from a peer of ours; a plain one gives each piece on its own
        connection, and takes as many as it gets."""
        return view.flying < (1 if view.address.ours else self.policy.downloads)

    def _next_from_peers(
        self, offers: list[tuple[ParentView, int]], number: int, waited_unit: int | None
    ) -> FetchUnit | FetchPiece:
        """The rarest unit on offer, from any of those that have it."""
        obtainable = 0
        for _, useful in offers:
            obtainable |= useful
        unit = self._choose_unit(obtainable, waited_unit)
        holders = [view for view, useful in offers if useful >> unit & 1]
        view = holders[int(self.rng.random() * len(holders))]
        if view.address.ours:
            return FetchUnit(number, view.address.peer_id, unit)
        return FetchPiece(number, view.address.peer_id, self.geometry.piece_of_unit(unit))

    def _useful(self, view: ParentView, now: float) -> int:
        """What we need of the parent. A peer's unit only once a seed vouched for its digest, where
        there is a seed to do so; and where peers have given wrong content, not for a while."""
        useful = view.held & self.needed
        if view.address.ours and (self._seeds or now < self.wary_until):
            useful &= self.vouched
        return useful

    def _choose_unit(self, obtainable: int, waited_unit: int | None) -> int:
        if waited_unit is not None and (soon := obtainable & self._window(waited_unit)):
            return lowest(soon)
        return pick(self._rarity.rarest(obtainable) or obtainable, self.rng)

    def _depart(self, command: FetchUnit | FetchAny | FetchPiece, now: float) -> None:
        match command:
            case FetchUnit(unit=unit):
                bits = 1 << unit
            case FetchPiece(piece=piece):
                bits = 0
                for unit in self.geometry.units_of_piece(piece):
                    bits |= 1 << unit
            case FetchAny():
                bits = 0
        any_of = isinstance(command, FetchAny)
        self.take_off(command.transfer, Flight(command.parent, bits, any_of, now))
