"""The parent's side of a simulated host: who is served now, who waits, who is refused.

The decisions are those of the real ``dfdaemon.upload.slots``; this keeps the transfers that belong to
them. Used by `node` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dfdaemon.upload.config import UploadConfig
from dfdaemon.upload.slots import Budget, Grant, ParentSlots, SeedTask, Waiting

if TYPE_CHECKING:
    from bench.simulate.node import Node, Transfer

TASK = "f" * 64


class Upload:
    """What a host gives to others.

    ``source`` tells which units are here and whether more come from the origin; ``again`` has
    `refresh` called a moment later.
    """

    def __init__(
        self,
        slots: int,
        seed_slots: int,
        source: Callable[[], tuple[int, bool]],
        again: Callable[[Callable[[], None]], None],
    ) -> None:
        budget = Budget(UploadConfig().max_transfers)
        self._slots = ParentSlots(slots, budget)
        self._seeding = SeedTask(seed_slots, budget)
        self._source = source
        self._again = again
        self._waiting: dict[int, tuple[Node, int]] = {}
        self._next_ticket = 0

    def try_take(self, child: Node) -> bool:
        """A slot for a named unit, or a refusal."""
        return self._slots.try_take(TASK, child.host_id)

    def queue(self, child: Node, number: int, transfer: Transfer, wanted: int) -> None:
        """An any-of request waits until the seed chooses."""
        transfer.ticket = ticket = self._next_ticket
        self._next_ticket += 1
        self._waiting[ticket] = (child, number)
        self._seeding.ask(Waiting(ticket, child.host_id, wanted))
        self.refresh()

    def withdraw(self, ticket: int) -> None:
        if self._waiting.pop(ticket, None) is not None:
            self._seeding.withdraw(ticket)

    def ended(self, transfer: Transfer, child: Node, *, delivered: bool) -> None:
        """A transfer from here is over."""
        if transfer.ticket is None:
            self._slots.release(TASK, child.host_id)
        else:
            self._seeding.ended(transfer.ticket, delivered=delivered)
            self.refresh()

    def child_left(self, child: Node) -> None:
        for ticket, (waiter, _) in list(self._waiting.items()):
            if waiter is child:
                self.withdraw(ticket)
        self._seeding.child_left(child.host_id)
        self.refresh()

    def refresh(self) -> None:
        """Something changed: decide what can be decided."""
        task = self._seeding
        if task.idle:
            return
        task.held, task.fetching = self._source()
        for decision in task.decide():
            child, number = self._waiting.pop(decision.number)
            if not isinstance(decision, Grant):
                child.hopeless(number)
            elif not child.granted(number, decision.unit):
                task.ended(decision.number, delivered=False)
                self._again(self.refresh)
