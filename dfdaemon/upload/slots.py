"""Which upload starts now, which is refused, which waits: pure policies of the upload server.

The rules are those of a simulation study of whole-unit swarms: a full parent refuses at once and
never queues; a seed lets "any of these" requests wait and chooses the unit late, least served first
and lowest index next; while it still fetches from the origin it sends no second copies. Sets of units
are integers (bit ``i`` is unit ``i``).

Slots are counted per task, because tasks share the link and each is a swarm of its own; ``Budget``
bounds the transfers of the whole host.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from dfcore.bitmap import lowest, units_of

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
    """An any-of request that waits: ``number`` tells it from others and grows from one to the next,
    ``wanted`` are unit bits."""

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

    A crowd may wait here, and every unit that arrives asks for a decision: the queue is walked through
    only where there is a place and a unit to give.
    """

    slots: int
    budget: Budget
    held: int = 0
    fetching: bool = False
    _queue: OrderedDict[int, Waiting] = field(default_factory=OrderedDict)
    _of_child: dict[str, set[int]] = field(default_factory=dict)
    _doubtful: set[int] = field(default_factory=set)
    _proven_by: tuple[int, bool] = (0, True)
    _active: dict[int, Grant] = field(default_factory=dict)
    _under_way: Counter[str] = field(default_factory=Counter)
    _given: dict[str, int] = field(default_factory=dict)
    _recent: dict[str, deque[int]] = field(default_factory=dict)
    _copies: Counter[int] = field(default_factory=Counter)
    _served: int = 0

    @property
    def idle(self) -> bool:
        """Nobody waits and nothing is sent."""
        return not self._queue and not self._active

    @property
    def copies(self) -> dict[int, int]:
        """How many children have each unit from here, for diagnosis and tests."""
        return dict(+self._copies)

    def ask(self, request: Waiting) -> None:
        """A child asks for any of its wanted units; its number is above all that wait."""
        self._queue[request.number] = request
        self._of_child.setdefault(request.child, set()).add(request.number)
        self._doubtful.add(request.number)

    def withdraw(self, number: int) -> None:
        """The child of a waiting request has gone."""
        if number in self._queue:
            self._leave_queue(number)

    def ended(self, number: int, *, delivered: bool) -> None:
        """A granted transfer is over; a unit that was not delivered does not count as served."""
        grant = self._active.pop(number)
        self._under_way[grant.child] -= 1
        if not self._under_way[grant.child]:
            del self._under_way[grant.child]
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
        while True:
            hopeless = self._hopeless()
            if self._may_give():
                decided = self._up_to_a_grant(self._all_in_turn(), hopeless)
            else:
                decided = self._up_to_a_grant(self._in_turn(sorted(hopeless)), hopeless)
            if not decided:
                return decisions
            decisions += decided

    def _may_give(self) -> bool:
        """There is a place, and a unit that somebody might be given."""
        if len(self._active) >= self.slots or not self.budget.free:
            return False
        # Second copies wait while first ones are still to come: the children trade what they have.
        return not self.fetching or bool(self.held & ~self._served)

    def _hopeless(self) -> set[int]:
        """Requests for nothing that is here or will come.

        Only those are looked at that may have become so since they were seen not to be.
        """
        held, fetching = self._proven_by
        if held & ~self.held or (fetching and not self.fetching):
            self._doubtful.update(self._queue)
        self._proven_by = (self.held, self.fetching)
        self._doubtful = {number for number in self._doubtful if self._is_hopeless(number)}
        return set(self._doubtful)

    def _is_hopeless(self, number: int) -> bool:
        wanted = self._queue[number].wanted
        return not wanted or (not self.fetching and not wanted & self.held)

    def _all_in_turn(self) -> Iterator[Waiting]:
        """The queue, those with fewer transfers under way first: most have none."""
        busy: list[int] = []
        for number, request in self._queue.items():
            if request.child in self._under_way:
                busy.append(number)
            else:
                yield request
        yield from self._in_turn(busy)

    def _in_turn(self, numbers: list[int]) -> list[Waiting]:
        waiting = [self._queue[number] for number in numbers]
        return sorted(waiting, key=lambda request: self._under_way[request.child])

    def _up_to_a_grant(self, waiting: Iterable[Waiting], hopeless: set[int]) -> list[Decision]:
        decided: list[Decision] = []
        for request in waiting:
            if request.number in hopeless:
                decided.append(Refusal(request.number))
            elif (unit := self._choose(request)) is not None:
                decided.append(Grant(request.number, request.child, unit))
                break
        for decision in decided:
            self._leave_queue(decision.number)
            if isinstance(decision, Grant):
                self._start(decision)
        return decided

    def _leave_queue(self, number: int) -> None:
        child = self._queue.pop(number).child
        self._doubtful.discard(number)
        self._of_child[child].discard(number)
        if not self._of_child[child]:
            del self._of_child[child]

    def _choose(self, request: Waiting) -> int | None:
        """The least served unit of those the child lacks, the lowest of several."""
        lacking = request.wanted & self.held & ~self._under_way_to(request.child)
        # A child that asks several times at once may not have heard yet what it was just given.
        lacking = lacking & ~self._just_given_to(request.child) or lacking
        if first_copies := lacking & ~self._served:
            return lowest(first_copies)
        if self.fetching or not lacking:
            return None
        return min(units_of(lacking), key=lambda unit: self._copies[unit])

    def _under_way_to(self, child: str) -> int:
        if child not in self._under_way:
            return 0
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

    def _start(self, grant: Grant) -> None:
        self._active[grant.number] = grant
        self._under_way[grant.child] += 1
        self.budget.take()
        self._recent.setdefault(grant.child, deque(maxlen=_RECENT_GRANTS)).append(grant.unit)
        bit = 1 << grant.unit
        # Its other requests were made before it knew of this unit.
        for number in self._of_child.get(grant.child, ()):
            other = self._queue[number]
            if other.wanted & bit:
                self._queue[number] = replace(other, wanted=other.wanted & ~bit)
                self._doubtful.add(number)
        given = self._given.get(grant.child, 0)
        if not given & bit:
            self._given[grant.child] = given | bit
            self._copies[grant.unit] += 1
            self._served |= bit

    def _take_back(self, child: str, bits: int) -> None:
        bits &= self._given.get(child, 0)
        if not bits:
            return
        self._given[child] &= ~bits
        for unit in units_of(bits):
            self._copies[unit] -= 1
            if not self._copies[unit]:
                self._served &= ~(1 << unit)
