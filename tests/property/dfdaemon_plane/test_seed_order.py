"""A seed's queue decides as one that is sorted anew at every decision."""

from __future__ import annotations

from collections import Counter, deque

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from dfdaemon.upload.slots import Budget, Decision, Grant, Refusal, SeedTask, Waiting

UNITS = 6
SLOTS = 3
RECENT = 8
BITS = st.integers(0, 2**UNITS - 1)
CHILDREN = st.sampled_from("abcde")


class Sorted:
    """The rule as it reads: sort all that wait, take the first of which something can be said."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.held, self.fetching = 0, True
        self.queue: list[tuple[int, str, set[int]]] = []
        self.active: dict[int, Grant] = {}
        self.had: dict[str, set[int]] = {}
        self.recent: dict[str, deque[int]] = {}

    def decide(self) -> list[Decision]:
        decisions: list[Decision] = []
        while (decision := self._next()) is not None:
            decisions.append(decision)
        return decisions

    def _next(self) -> Decision | None:
        busy = Counter(grant.child for grant in self.active.values())
        held = {unit for unit in range(UNITS) if self.held >> unit & 1}
        for request in sorted(self.queue, key=lambda waiting: busy[waiting[1]]):
            number, child, wanted = request
            if not wanted or (not self.fetching and not wanted & held):
                self.queue.remove(request)
                return Refusal(number)
            if len(self.active) >= SLOTS or not self.budget.free:
                continue
            coming = {grant.unit for grant in self.active.values() if grant.child == child}
            lacking = (wanted & held) - coming
            lacking = lacking - set(self.recent.get(child, ())) or lacking
            copies = Counter(unit for units in self.had.values() for unit in units)
            unit = min(sorted(lacking), key=lambda unit: copies[unit], default=None)
            if unit is None or (copies[unit] and self.fetching):
                continue
            self.queue.remove(request)
            return self._start(Grant(number, child, unit))
        return None

    def _start(self, grant: Grant) -> Grant:
        self.active[grant.number] = grant
        self.budget.take()
        self.recent.setdefault(grant.child, deque(maxlen=RECENT)).append(grant.unit)
        self.had.setdefault(grant.child, set()).add(grant.unit)
        for _, child, wanted in self.queue:
            if child == grant.child:
                wanted.discard(grant.unit)
        return grant


class SameOrder(RuleBasedStateMachine):
    """Whatever happens, both say the same in the same order."""

    def __init__(self) -> None:
        super().__init__()
        # What other tasks take of the host's budget comes and goes.
        self.budgets = (Budget(4), Budget(4))
        self.task = SeedTask(SLOTS, self.budgets[0], held=0, fetching=True)
        self.rule = Sorted(self.budgets[1])
        self.elsewhere = 0
        self.number = 0

    @rule(wishes=st.lists(st.tuples(CHILDREN, BITS), min_size=1, max_size=6))
    def ask(self, wishes: list[tuple[str, int]]) -> None:
        for child, wanted in wishes:
            self.number += 1
            self.task.ask(Waiting(self.number, child, wanted))
            units = {unit for unit in range(UNITS) if wanted >> unit & 1}
            self.rule.queue.append((self.number, child, units))

    @rule(held=BITS, fetching=st.booleans())
    def origin(self, held: int, fetching: bool) -> None:
        """Units arrive, or all begins anew; the last one has come, or more are to come."""
        self.task.held = self.rule.held = held
        self.task.fetching = self.rule.fetching = fetching

    @precondition(lambda self: self.rule.active)
    @rule(data=st.data(), delivered=st.booleans())
    def transfer_ends(self, data: st.DataObject, delivered: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.rule.active)))
        grant = self.rule.active.pop(number)
        self.rule.budget.give_back()
        if not delivered:
            self.rule.had.get(grant.child, set()).discard(grant.unit)
        self.task.ended(number, delivered=delivered)

    @precondition(lambda self: self.rule.queue)
    @rule(data=st.data())
    def child_gives_up(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(self.rule.queue))
        self.rule.queue.remove(request)
        self.task.withdraw(request[0])

    @rule(child=CHILDREN)
    def child_leaves(self, child: str) -> None:
        self.rule.had.pop(child, None)
        self.rule.recent.pop(child, None)
        self.task.child_left(child)

    @precondition(lambda self: all(budget.free for budget in self.budgets))
    @rule()
    def another_task_sends(self) -> None:
        self.elsewhere += 1
        for budget in self.budgets:
            budget.take()

    @precondition(lambda self: self.elsewhere)
    @rule()
    def another_task_has_sent(self) -> None:
        self.elsewhere -= 1
        for budget in self.budgets:
            budget.give_back()

    @rule()
    def decide(self) -> None:
        assert self.task.decide() == self.rule.decide()


TestSameOrder = SameOrder.TestCase
