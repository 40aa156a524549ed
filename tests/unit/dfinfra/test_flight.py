"""One key, one run; the last waiter to leave cancels it; failures are not kept."""

from __future__ import annotations

import asyncio

import pytest

from dfinfra import jobs
from dfinfra.flight import SingleFlight


class Work:
    """Counts its runs and ends when told."""

    def __init__(self) -> None:
        self.runs = 0
        self.cancelled = 0
        self.finish = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.runs += 1
        try:
            await self.finish.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return self.runs


async def _turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_callers_share_one_run() -> None:
    flight: SingleFlight[str, int] = SingleFlight("t")
    work = Work()
    callers = [jobs.spawn(flight.run("k", work), name="c") for _ in range(3)]
    await _turns()
    work.finish.set()
    assert [await c for c in callers] == [1, 1, 1]
    assert len(flight) == 0


async def test_the_first_callers_departure_harms_nobody() -> None:
    flight: SingleFlight[str, int] = SingleFlight("t")
    work = Work()
    first, second = (jobs.spawn(flight.run("k", work), name="c") for _ in range(2))
    await _turns()
    first.cancel()
    await _turns()
    work.finish.set()
    assert await second == 1
    assert work.cancelled == 0


async def test_the_last_waiter_cancels_and_the_next_starts_anew() -> None:
    flight: SingleFlight[str, int] = SingleFlight("t")
    work = Work()
    only = jobs.spawn(flight.run("k", work), name="c")
    await _turns()
    only.cancel()
    again = jobs.spawn(flight.run("k", work), name="c")
    await _turns()
    work.finish.set()
    assert await again == 2
    assert work.cancelled == 1


async def test_every_waiter_gets_the_error_and_it_is_forgotten() -> None:
    flight: SingleFlight[str, int] = SingleFlight("t")
    work = Work()
    work.error = ValueError("no")
    callers = [jobs.spawn(flight.run("k", work), name="c", on_error=lambda _: None) for _ in "ab"]
    await _turns()
    work.finish.set()
    for caller in callers:
        with pytest.raises(ValueError, match="no"):
            await caller
    work.error = None
    assert await flight.run("k", work) == 2
