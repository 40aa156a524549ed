"""The waiting side of a seed: any-of requests until a slot and a unit are there for them.

A thin shell around `slots.SeedTask`: it feeds it what the store and the engine report, and hands its
decisions to the data connections that wait. For the loop's thread; only the store's listeners come
from elsewhere, and hop to the loop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count

from dfdaemon.upload.served import ServedTask, TaskHost, UnitSource
from dfdaemon.upload.slots import Budget, Decision, Grant, SeedTask, Waiting

# Tasks whose count of copies is remembered though nobody waits.
_MAX_TASKS = 1024


@dataclass(frozen=True, slots=True)
class Ticket:
    """A place in the queue; ``decision`` is a Grant or a Refusal when it is done."""

    task_id: str
    number: int
    decision: asyncio.Future[Decision]


@dataclass(slots=True)
class _Listened:
    """A blob whose news wakes a task's queue."""

    blob: UnitSource
    callback: Callable[[int | None], None]


class Seeding:
    """Every task that this host seeds."""

    def __init__(self, slots: int, budget: Budget, host: TaskHost) -> None:
        self._slots = slots
        self._budget = budget
        self._host = host
        self._numbers = count()
        self._tasks: OrderedDict[str, SeedTask] = OrderedDict()
        # Those with requests or transfers; all others only remember, and there are many.
        self._busy: dict[str, SeedTask] = {}
        self._listened: dict[str, _Listened] = {}
        self._tickets: dict[int, Ticket] = {}
        self._refreshing: set[str] = set()

    def ask(self, task_id: str, served: ServedTask, child: str, wanted: int) -> Ticket:
        """Queue a request for any of the ``wanted`` unit bits; it may be decided at once."""
        loop = asyncio.get_running_loop()
        ticket = Ticket(task_id, next(self._numbers), loop.create_future())
        task = self._tasks.get(task_id)
        if task is None:
            task = self._tasks[task_id] = SeedTask(self._slots, self._budget)
        self._tickets[ticket.number] = ticket
        self._busy[task_id] = task
        self._drop_oldest()
        task.ask(Waiting(ticket.number, child, wanted))
        self._listen(task_id, served.blob)
        self.refresh(task_id)
        return ticket

    def finish(self, ticket: Ticket, *, delivered: bool) -> None:
        """The request is over: its unit was sent or not, or it was never decided."""
        decided = self._tickets.pop(ticket.number, None) is None
        task = self._tasks.get(ticket.task_id)
        if task is None:
            return
        if not decided:
            task.withdraw(ticket.number)
            ticket.decision.cancel()
        elif isinstance(ticket.decision.result(), Grant):
            task.ended(ticket.number, delivered=delivered)
            self.refresh(ticket.task_id)
            self._refresh_others(ticket.task_id)
        if task.idle:
            self._busy.pop(ticket.task_id, None)
            self._unlisten(ticket.task_id)

    def child_left(self, task_id: str, child: str) -> None:
        """The child is out of the task's swarm."""
        if task := self._tasks.get(task_id):
            task.child_left(child)
            self.refresh(task_id)

    def refresh(self, task_id: str) -> None:
        """Look at the task again and decide what can be decided."""
        self._refreshing.discard(task_id)
        task = self._tasks.get(task_id)
        if task is None or task.idle:
            return
        served = self._host.lookup(task_id)
        task.held = served.blob.held.bits if served is not None and not served.failed else 0
        task.fetching = served is not None and not served.failed and served.fetching_from_origin
        for decision in task.decide():
            self._tickets.pop(decision.number).decision.set_result(decision)

    def close(self) -> None:
        for task_id in list(self._listened):
            self._unlisten(task_id)
        for ticket in self._tickets.values():
            ticket.decision.cancel()
        self._tickets.clear()

    def _refresh_others(self, task_id: str) -> None:
        """The host's budget has room again, which other tasks may wait for."""
        for other_id in list(self._busy):
            if not self._budget.free:
                return
            if other_id != task_id:
                self.refresh(other_id)

    def _listen(self, task_id: str, blob: UnitSource) -> None:
        known = self._listened.get(task_id)
        if known is not None and known.blob is blob:
            return
        self._unlisten(task_id)
        loop = asyncio.get_running_loop()

        def unit_committed(_: int | None) -> None:
            if task_id in self._refreshing:
                return
            self._refreshing.add(task_id)
            try:
                loop.call_soon_threadsafe(partial(self.refresh, task_id))
            except RuntimeError:
                # The loop is closed: the daemon ends, and nobody waits any more.
                return

        blob.add_listener(unit_committed)
        self._listened[task_id] = _Listened(blob, unit_committed)

    def _unlisten(self, task_id: str) -> None:
        if known := self._listened.pop(task_id, None):
            known.blob.remove_listener(known.callback)

    def _drop_oldest(self) -> None:
        """Forget tasks that nobody asks for: the oldest, but for those that are busy."""
        for _ in range(len(self._busy) + 1):
            if len(self._tasks) <= _MAX_TASKS:
                return
            task_id, task = self._tasks.popitem(last=False)
            if task_id in self._busy:
                self._tasks[task_id] = task
