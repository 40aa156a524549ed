"""The planners of very many hosts at once, in arrays.

100,000 hosts with 128 units make 13 million transfers, and a planner object each would take an hour
for them. `Fleet` holds the state of all planners side by side and decides for all of one moment
together. Each decision is the one that ``dfdaemon.task.planner.Planner`` takes from the same state
and the same chance; ``tests/unit/bench/test_fleet.py`` runs whole swarms with a real planner beside
every host and compares every request.

Sets of units are rows of 64-bit words. Parents of a host stand in a row in the order in which it met
them. Requests to the seed are few: they are made one by one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dfdaemon.task.planner import BUSY_BACKOFF_LIMITS_S, RECENT_UNITS, PlanPolicy

Numbers = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

_ONE = np.uint64(1)
_NOBODY = -1
_UNHELD = 255


class Pairs(NamedTuple):
    """Units of which a child has something to do with a parent: columns of one length.

    ``slot`` is where the parent stood with the child when the unit was asked for.
    """

    child: Numbers
    parent: Numbers
    unit: Numbers
    slot: Numbers

    def where(self, chosen: Flags | Numbers) -> Pairs:
        return Pairs(*(column[chosen] for column in self))


class AnyOf(NamedTuple):
    """An open request to the seed."""

    child: int
    wanted: int


class Fleet:
    """Hosts, and therefore children and parents, are numbers."""

    def __init__(self, hosts: int, units: int, policy: PlanPolicy, rng: np.random.Generator):
        words, room = -(-units // 64), policy.downloads * 4
        self.policy = policy
        self.units = units
        self._rng = rng
        self._words = words
        self._all = self.row((1 << units) - 1)
        self.held: Words = np.zeros((hosts, words), np.uint64)
        self._named: Words = np.zeros((hosts, words), np.uint64)
        self._vouched: Words = np.zeros((hosts, words), np.uint64)
        self.seed_known: Flags = np.zeros(hosts, np.bool_)
        self._open_any = np.zeros(hosts, np.int32)
        self._seed_ready: Floats = np.zeros(hosts)
        self._wants: Flags = np.zeros(hosts, np.bool_)
        """It has begun and lacks something."""
        self.fetching = np.zeros(hosts, np.int32)
        self._holders = np.zeros((hosts, units), np.uint8)
        """How many of its parents hold a unit, by child."""
        # What a child knows of its parents, in the order in which it met them.
        self._met = np.zeros(hosts, np.intp)
        self._parents = np.full((hosts, room), _NOBODY, np.int32)
        self._seen: Words = np.zeros((hosts, room, words), np.uint64)
        self._ready: Floats = np.zeros((hosts, room))
        self._flying: Flags = np.zeros((hosts, room), np.bool_)
        self._giving: Flags = np.zeros((hosts, room), np.bool_)
        self._asked_at: Floats = np.zeros((hosts, room))
        self._usual_s: Floats = np.zeros(hosts)
        # Who hears of a host's units.
        self._listening = np.zeros(hosts, np.intp)
        self._listeners = np.full((hosts, room), _NOBODY, np.int32)

    def row(self, bits: int) -> Words:
        """A set of units as words."""
        return np.frombuffer(bits.to_bytes(self._words * 8, "little"), np.uint64)

    def bits(self, row: Words) -> int:
        """A row of words as one integer."""
        return int.from_bytes(row.tobytes(), "little")

    def _flags(self, rows: Words) -> npt.NDArray[np.uint8]:
        """One column per unit."""
        return np.unpackbits(rows.view(np.uint8), axis=1, bitorder="little")[:, : self.units]

    def needed(self, children: Numbers) -> Words:
        """Wanted units that are neither held nor named in a transfer."""
        return self._all & ~(self.held[children] | self._named[children])

    # Who knows whom

    def begin(self, child: int) -> None:
        """It wants everything from now on."""
        self._wants[child] = True

    def finish(self, child: int) -> list[int]:
        """It plans no more; what it holds it serves. Returns the parents it had."""
        self._wants[child] = False
        known: list[int] = self._parents[child, : self._met[child]].tolist()
        return known

    def whole(self, children: Numbers) -> Flags:
        """Who of them holds everything."""
        complete: Flags = (self.held[children] == self._all).all(axis=1)
        return complete

    def join(self, children: Numbers, parents: Numbers) -> None:
        """Each child meets a parent that it does not know, and hears what that one holds."""
        places, by = ranks(children)
        children, parents = children[by], parents[by]
        slots = self._met[children] + places
        self._make_room(int(slots.max(initial=0)) + 1)
        self._parents[children, slots] = parents
        self._seen[children, slots] = self.held[parents]
        self._ready[children, slots] = 0.0
        self._flying[children, slots] = False
        self._giving[children, slots] = False
        np.add.at(self._met, children, 1)
        some = np.flatnonzero(self.held[parents].any(axis=1))
        np.add.at(self._holders, children[some], self._flags(self.held[parents[some]]))
        places, by = ranks(parents)
        children, parents = children[by], parents[by]
        slots = self._listening[parents] + places
        self._make_room(int(slots.max(initial=0)) + 1)
        self._listeners[parents, slots] = children
        np.add.at(self._listening, parents, 1)

    def drop(self, child: int, parent: int) -> None:
        """Forget the parent and what it holds."""
        slot = int(np.flatnonzero(self._parents[child] == parent)[0])
        self._holders[child] -= self._flags(self._seen[child, slot : slot + 1])[0]
        tables = (
            self._parents,
            self._seen,
            self._ready,
            self._flying,
            self._giving,
            self._asked_at,
        )
        for table in tables:
            table[child, slot:-1] = table[child, slot + 1 :]
        self._parents[child, -1] = _NOBODY
        self._met[child] -= 1
        last = self._listening[parent] - 1
        place = int(np.flatnonzero(self._listeners[parent, : last + 1] == child)[0])
        self._listeners[parent, place] = self._listeners[parent, last]
        self._listening[parent] = last

    def join_seed(self, child: int, held: int) -> None:
        """The child meets the seed, which vouches for what it holds."""
        self.seed_known[child] = True
        self._vouched[child] |= self.row(held)

    def vouch(self, children: Numbers, bits: int) -> None:
        """The seed holds further units."""
        self._vouched[children] |= self.row(bits)

    def hear(self, news: Pairs) -> Numbers:
        """Listeners learn of units that came to (the children of) these pairs; whom that may help."""
        parents, units = news.child, news.unit
        counts = self._listening[parents]
        which = np.repeat(np.arange(len(parents)), counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        child = self._listeners[parents[which], np.arange(len(which)) - first].astype(np.intp)
        some = self._wants[child]
        child, which = child[some], which[some]
        unit = units[which]
        slot, known = self._slots(child, parents[which])
        word, bit = unit >> 6, _ONE << (unit & 63).astype(np.uint64)
        new = known & (self._seen[child, slot, word] & bit == 0)
        child, unit, slot, word, bit = (column[new] for column in (child, unit, slot, word, bit))
        # What was not there is added: the same as "or", and quick.
        places = (child * self._parents.shape[1] + slot) * self._words + word
        np.add.at(self._seen.reshape(-1), places, bit)
        np.add.at(self._holders.reshape(-1), child * self.units + unit, np.uint8(1))
        missing = (self.held[child, word] | self._named[child, word]) & bit == 0
        helped: Numbers = child[missing & (self.fetching[child] < self.policy.downloads)]
        return helped

    def _slots(self, child: Numbers, parent: Numbers) -> tuple[Numbers, Flags]:
        """Where the parent stands with the child, and whether it does."""
        at = self._parents[child] == parent[:, None]
        slot = at.argmax(axis=1)
        return slot, at[np.arange(len(child)), slot]

    # Plans

    def plan(self, children: Numbers, now: float) -> tuple[Pairs, list[AnyOf]]:
        """The requests that these children make now."""
        children = children[self._wants[children]]
        anyof = [
            AnyOf(child, wanted)
            for child in children[self.seed_known[children]].tolist()
            for wanted in self._plan_any(child, now)
        ]
        rounds: list[Pairs] = []
        while len(children):
            children = children[self.fetching[children] < self.policy.downloads]
            made = self._next(children, now)
            rounds.append(made)
            children = made.child
        if not rounds:
            return Pairs(*np.empty((4, 0), np.intp)), anyof
        return Pairs(*(np.concatenate(columns) for columns in zip(*rounds, strict=True))), anyof

    def _plan_any(self, child: int, now: float) -> list[int]:
        policy = self.policy
        needed = self.bits(self.needed(np.array([child]))[0])
        peers = int(self._met[child])
        allowed = max(1, min(policy.any_of, policy.seed_slots // (peers + 1)))
        more = min(allowed, needed.bit_count()) - int(self._open_any[child])
        if more <= 0 or self._seed_ready[child] > now:
            return []
        self._open_any[child] += more
        return [needed] * more

    def _next(self, children: Numbers, now: float) -> Pairs:
        """One request of each child that can make one: its rarest unit, from any who has it."""
        row, slot, useful = self._offers(children, now)
        fresh = np.flatnonzero(np.diff(row, prepend=-1))
        children, row = children[row[fresh]], np.cumsum(np.diff(row, prepend=-1) > 0) - 1
        obtainable = np.bitwise_or.reduceat(useful, fresh, axis=0) if len(fresh) else useful
        chance = self._draw(children, 2)
        unit = self._choose_units(children, obtainable, chance[:, 0])
        word, bit = unit >> 6, (unit & 63).astype(np.uint64)
        has = useful[np.arange(len(row)), word[row]] >> bit[row] & _ONE != 0
        row, slot = row[has], slot[has]
        count = np.bincount(row, minlength=len(unit))
        place = (chance[:, 1] * count).astype(np.intp)
        slot = slot[np.cumsum(count) - count + place]
        self._named[children, word] |= _ONE << bit
        self.fetching[children] += 1
        self._flying[children, slot] = True
        self._asked_at[children, slot] = now
        return Pairs(children, self._parents[children, slot].astype(np.intp), unit, slot)

    def _offers(self, children: Numbers, now: float) -> tuple[Numbers, Numbers, Words]:
        """What each child (by its place here) needs of each parent that may be asked now."""
        room = int(self._met[children].max(initial=1))
        needed = self.needed(children)
        wary = self.seed_known[children]
        needed[wary] &= self._vouched[children[wary]]
        free = ~self._flying[children, :room] & (self._ready[children, :room] <= now)
        free &= np.arange(room) < self._met[children][:, None]
        row, slot = np.nonzero(free)
        useful = self._seen[children[row], slot] & needed[row]
        some = useful.any(axis=1)
        row, slot, useful = row[some], slot[some], useful[some]
        # Of those who have just given something, if there are any, else of all.
        giving = self._giving[children[row], slot]
        any_gives = np.zeros(len(children), np.bool_)
        any_gives[row[giving]] = True
        some = giving | ~any_gives[row]
        return row[some], slot[some], useful[some]

    def _choose_units(self, children: Numbers, among: Words, chance: Floats) -> Numbers:
        """The rarest unit, from a random place onwards."""
        holders = np.where(self._flags(among) != 0, self._holders[children], _UNHELD)
        rare = holders == holders.min(axis=1, initial=_UNHELD)[:, None]
        length = self.units - rare[:, ::-1].argmax(axis=1)
        start = (chance * length).astype(np.intp)
        unit: Numbers = (rare & (np.arange(self.units) >= start[:, None])).argmax(axis=1)
        return unit

    def _draw(self, children: Numbers, count: int) -> Floats:
        """Chance for each child, from 0 to 1: here so that a test can see it."""
        return self._rng.random((len(children), count))

    # What became of requests

    def deliver(self, pairs: Pairs, now: float) -> None:
        """The units came from peers."""
        slot, known = self._land(pairs)
        self._giving[pairs.child[known], slot[known]] = True
        self._hold(pairs.child, pairs.unit)
        took_s = now - self._asked_at[pairs.child, slot]
        # One after the other, where a child has got several.
        places, by = ranks(pairs.child)
        for turn in range(int(places.max(initial=-1)) + 1):
            these = by[places == turn]
            child, took = pairs.child[these], took_s[these]
            usual = self._usual_s[child]
            self._usual_s[child] = np.where(usual > 0, usual + (took - usual) / RECENT_UNITS, took)

    def refuse(self, pairs: Pairs, now: float) -> tuple[Numbers, Floats]:
        """The parents were busy: the children leave them alone for a while; who until when."""
        slot, known = self._land(pairs)
        child, slot = pairs.child[known], slot[known]
        chance = self._draw(child, 1)[:, 0]
        usual = self._usual_s[child]
        delay_s = np.clip(usual * self.policy.busy_share, *BUSY_BACKOFF_LIMITS_S)
        delay_s = np.where(usual > 0, delay_s, self.policy.busy_backoff_s)
        until = now + delay_s * (0.5 + chance)
        self._ready[child, slot] = until
        self._giving[child, slot] = False
        return child, until

    def abandon(self, pairs: Pairs) -> None:
        """The transfers broke with their parents."""
        self._land(pairs)

    def _land(self, pairs: Pairs) -> tuple[Numbers, Flags]:
        child, parent, unit, slot = pairs
        known = self._parents[child, slot] == parent
        if not known.all():
            # A parent was dropped, and those behind it moved up.
            slot, known = self._slots(child, parent)
        self._flying[child[known], slot[known]] = False
        np.subtract.at(self.fetching, child, 1)
        self._unname(child, unit)
        return slot, known

    def _unname(self, child: Numbers, unit: Numbers) -> None:
        places = child * self._words + (unit >> 6)
        np.subtract.at(self._named.reshape(-1), places, _ONE << (unit & 63).astype(np.uint64))

    def _hold(self, child: Numbers, unit: Numbers) -> None:
        places = child * self._words + (unit >> 6)
        np.add.at(self.held.reshape(-1), places, _ONE << (unit & 63).astype(np.uint64))

    # The seed's answers

    def claim(self, child: int, unit: int) -> bool:
        """The seed is about to send the unit; False if it is here or on its way already."""
        word, bit = unit >> 6, _ONE << np.uint64(unit & 63)
        if (self.held[child, word] | self._named[child, word]) & bit:
            return False
        self._named[child, word] |= bit
        return True

    def seed_had_nothing(self, child: int, now: float) -> float:
        """An open request was in vain: not again until then."""
        self._open_any[child] -= 1
        chance = self._draw(np.array([child]), 1)[0, 0]
        self._seed_ready[child] = until = now + self.policy.busy_backoff_s * (0.5 + float(chance))
        return until

    def deliver_from_seed(self, child: Numbers, unit: Numbers) -> None:
        """Claimed units came."""
        np.subtract.at(self._open_any, child, 1)
        self._unname(child, unit)
        self._hold(child, unit)

    def abandon_from_seed(self, child: Numbers, unit: Numbers) -> None:
        """Claimed units will not come."""
        np.subtract.at(self._open_any, child, 1)
        self._unname(child, unit)

    def _make_room(self, room: int) -> None:
        before = self._parents.shape[1]
        if room < before:
            return
        more = ((0, 0), (0, max(room - before + 1, before // 2)))
        self._parents = np.pad(self._parents, more, constant_values=_NOBODY)
        self._listeners = np.pad(self._listeners, more, constant_values=_NOBODY)
        self._ready = np.pad(self._ready, more)
        self._flying = np.pad(self._flying, more)
        self._giving = np.pad(self._giving, more)
        self._asked_at = np.pad(self._asked_at, more)
        self._seen = np.pad(self._seen, (*more, (0, 0)))


def ranks(keys: Numbers) -> tuple[Numbers, Numbers]:
    """How many equal keys stand before each, and the stable order by key in which that is told."""
    by = np.argsort(keys, kind="stable")
    ordered = keys[by]
    fresh = np.ones(len(by), np.bool_)
    fresh[1:] = ordered[1:] != ordered[:-1]
    first = np.flatnonzero(fresh)
    return np.arange(len(by)) - np.repeat(first, np.diff([*first, len(by)])), by
