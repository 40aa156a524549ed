"""Which upload starts now, which is refused, which waits: pure policies of the upload server.

The rules are those of a simulation study of whole-unit swarms: a full parent refuses at once and
never queues; a seed lets "any of these" requests wait and chooses the unit late, least served first
and lowest index next; while it still fetches from the origin it sends no second copies. Sets of units
are integers (bit ``i`` is unit ``i``).

Slots are counted per task, because tasks share the link and each is a swarm of its own; ``Budget``
bounds the transfers of the whole host.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace

TRANSFERS_PER_CHILD = 2
"""The one that ends and the one that begins."""

# So many of a child's last units are not given to it again while there are others.
_RECENT_GRANTS = 8


class Budget:
    """Transfers that the host carries out at once, over all tasks."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0

    @property
    def free(self) -> bool:
        return self._taken < self._limit

    def take(self) -> None:
        self._taken += 1

    def give_back(self) -> None:
        self._taken -= 1


class ParentSlots:
    """Named units: a free slot or a refusal. A slot is a child's: it may ask for its next unit while
    the last bytes of one are on their way to it."""

    def __init__(self, per_task: int, budget: Budget) -> None:
        self._per_task = per_task
        self._budget = budget
        self._children: dict[str, Counter[str]] = {}

    def try_take(self, task_id: str, child: str) -> bool:
        """Take a slot for the child, or refuse: all are taken, or the child has one and its next."""
        children = self._children.get(task_id, Counter())
        full = child not in children and len(children) >= self._per_task
        if full or children[child] >= TRANSFERS_PER_CHILD or not self._budget.free:
            return False
        self._children.setdefault(task_id, children)[child] += 1
        self._budget.take()
        return True

    def release(self, task_id: str, child: str) -> None:
        """Give back what the child took."""
        children = self._children[task_id]
        children[child] -= 1
        if not children[child]:
            del children[child]
        if not children:
            del self._children[task_id]
        self._budget.give_back()


@dataclass(frozen=True, slots=True)
class Waiting:
    """An any-of request that waits: ``number`` tells it from others, ``wanted`` are unit bits."""

    number: int
    child: str
    wanted: int


@dataclass(frozen=True, slots=True)
class Grant:
    """Send this unit in answer to the request ``number``."""

    number: int
    child: str
    unit: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """There is nothing in what the request ``number`` wants, and nothing will come."""

    number: int


Decision = Grant | Refusal


@dataclass(slots=True)
class SeedTask:
    """One task as its seed gives it out. The shell tells what happened, then asks `decide`.

    ``held`` are the units here, ``fetching`` whether more come from the origin. A unit counts as
    served for every child that has it or is getting it from here, until the child leaves.
    """

    slots: int
    budget: Budget
    held: int = 0
    fetching: bool = False
    _queue: list[Waiting] = field(default_factory=list)
    _active: dict[int, Grant] = field(default_factory=dict)
    _given: dict[str, int] = field(default_factory=dict)
    _recent: dict[str, deque[int]] = field(default_factory=dict)
    _copies: Counter[int] = field(default_factory=Counter)

    @property
    def idle(self) -> bool:
        """Nobody waits and nothing is sent."""
        return not self._queue and not self._active

    @property
    def copies(self) -> dict[int, int]:
        """How many children have each unit from here, for diagnosis and tests."""
        return dict(+self._copies)

    def ask(self, request: Waiting) -> None:
        """A child asks for any of its wanted units."""
        self._queue.append(request)

    def withdraw(self, number: int) -> None:
        """The child of a waiting request has gone."""
        self._queue = [request for request in self._queue if request.number != number]

    def ended(self, number: int, *, delivered: bool) -> None:
        """A granted transfer is over; a unit that was not delivered does not count as served."""
        grant = self._active.pop(number)
        self.budget.give_back()
        if not delivered:
            self._take_back(grant.child, 1 << grant.unit)

    def child_left(self, child: str) -> None:
        """What the child had from here is not in the swarm any more."""
        self._take_back(child, self._given.get(child, 0))
        self._given.pop(child, None)
        self._recent.pop(child, None)

    def decide(self) -> list[Decision]:
        """What can start or must be refused now, in the order of the queue.

        Children with fewer transfers under way come first, so that one that asks several times at
        once does not starve the others.
        """
        decisions: list[Decision] = []
        while (decision := self._decide_next()) is not None:
            decisions.append(decision)
        return decisions

    def _decide_next(self) -> Decision | None:
        under_way = Counter(grant.child for grant in self._active.values())
        for request in sorted(self._queue, key=lambda waiting: under_way[waiting.child]):
            hopeless = not self.fetching and not request.wanted & self.held
            if hopeless or not request.wanted:
                self._queue.remove(request)
                return Refusal(request.number)
            if len(self._active) >= self.slots or not self.budget.free:
                continue
            unit = self._choose(request)
            if unit is not None:
                self._queue.remove(request)
                return self._start(Grant(request.number, request.child, unit))
        return None

    def _choose(self, request: Waiting) -> int | None:
        """The least served unit of those the child lacks, the lowest of several."""
        lacking = request.wanted & self.held & ~self._under_way_to(request.child)
        # A child that asks several times at once may not have heard yet what it was just given.
        lacking = lacking & ~self._just_given_to(request.child) or lacking
        best: int | None = None
        while lacking:
            unit = (lacking & -lacking).bit_length() - 1
            lacking &= lacking - 1
            if best is None or self._copies[unit] < self._copies[best]:
                best = unit
            if not self._copies[best]:
                return best
        # Second copies wait while first ones are still to come: the children trade what they have.
        return None if self.fetching else best

    def _under_way_to(self, child: str) -> int:
        bits = 0
        for grant in self._active.values():
            if grant.child == child:
                bits |= 1 << grant.unit
        return bits

    def _just_given_to(self, child: str) -> int:
        bits = 0
        for unit in self._recent.get(child, ()):
            bits |= 1 << unit
        return bits

    def _start(self, grant: Grant) -> Grant:
        self._active[grant.number] = grant
        self.budget.take()
        self._recent.setdefault(grant.child, deque(maxlen=_RECENT_GRANTS)).append(grant.unit)
        bit = 1 << grant.unit
        # Its other requests were made before it knew of this unit.
        self._queue = [
            replace(other, wanted=other.wanted & ~bit) if other.child == grant.child else other
            for other in self._queue
        ]
        given = self._given.get(grant.child, 0)
        if not given & bit:
            self._given[grant.child] = given | bit
            self._copies[grant.unit] += 1
        return grant

    def _take_back(self, child: str, bits: int) -> None:
        bits &= self._given.get(child, 0)
        if not bits:
            return
        self._given[child] &= ~bits
        while bits:
            unit = (bits & -bits).bit_length() - 1
            bits &= bits - 1
            self._copies[unit] -= 1
