"""Single flight: many callers of one key share one run of the work.

The work is a job of its own, so the first caller's departure does not cancel it for the
others; it is cancelled when the last waiter leaves. The key is free again as soon as the
work has ended, well or badly, so a failure is never kept. Used for origin metadata,
authorization checks and the like.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dfinfra import jobs

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(slots=True)
class _Flight(Generic[T]):
    job: asyncio.Task[T]
    waiters: int = 0


class SingleFlight(Generic[K, T]):
    """Runs at most one piece of work per key at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._flights: dict[K, _Flight[T]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    async def run(self, key: K, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of the work that is under way for ``key``, or of ``work()``."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._start(key, work)
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.job)
        finally:
            flight.waiters -= 1
            if flight.waiters == 0 and not flight.job.done():
                # Nobody may join a flight that is going down.
                self._forget(key, flight)
                flight.job.cancel()

    def _start(self, key: K, work: Callable[[], Coroutine[Any, Any, T]]) -> _Flight[T]:
        # Each waiter gets the error, so the job itself has nothing to report.
        job = jobs.spawn(work(), name=self._name, on_error=_told_to_waiters)
        flight = _Flight(job)
        self._flights[key] = flight
        job.add_done_callback(lambda _: self._forget(key, flight))
        return flight

    def _forget(self, key: K, flight: _Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


def _told_to_waiters(_: BaseException) -> None:
    """The waiters raise it."""
