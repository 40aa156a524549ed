"""A seed's shell around its queues: many tasks at once."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, cast

import pytest

from dfcore.bitmap import Bitmap
from dfdaemon.upload import seeding as upload_seeding
from dfdaemon.upload.seeding import Seeding
from dfdaemon.upload.served import ServedTask
from dfdaemon.upload.slots import Budget, Grant


class Source:
    """A blob of eight units."""

    def __init__(self) -> None:
        self.held = Bitmap(8)

    def add_listener(self, _: object) -> None: ...

    def remove_listener(self, _: object) -> None: ...

    def pin(self) -> Any:
        return nullcontext()


class Host:
    """Every task is fetched from the origin at the moment; counts how often it is asked."""

    def __init__(self) -> None:
        self.tasks: dict[str, Source] = {}
        self.lookups = 0

    def lookup(self, task_id: str) -> ServedTask:
        self.lookups += 1
        source = cast(Any, self.tasks.setdefault(task_id, Source()))
        return ServedTask(source, seed=True, fetching_from_origin=True)


async def test_a_task_beside_very_many_that_wait_is_answered_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upload_seeding, "_MAX_TASKS", 2)
    host = Host()
    seeding = Seeding(2, Budget(99), host)
    tickets = [seeding.ask(name, host.lookup(name), "child", 0xFF) for name in "abcd"]
    assert not any(ticket.decision.done() for ticket in tickets)
    for ticket in tickets:
        host.tasks[ticket.task_id].held.add(3)
        seeding.refresh(ticket.task_id)
        assert ticket.decision.result() == Grant(ticket.number, "child", 3)


async def test_tasks_that_are_over_are_not_looked_at_again() -> None:
    host = Host()
    seeding = Seeding(2, Budget(99), host)
    for number in range(50):
        name = str(number)
        served = host.lookup(name)
        host.tasks[name].held.add(0)
        ticket = seeding.ask(name, served, "child", 0xFF)
        before = host.lookups
        seeding.finish(ticket, delivered=True)
        assert host.lookups == before
    seeding.close()
