"""Bandwidth limits on a clock of the test's own."""

from __future__ import annotations

import threading

import pytest

from dfcore.bitmap import Bitmap
from dfdaemon.fetch.limiter import NO_LIMIT, RateLimiter, limiter_for, together
from dfdaemon.fetch.link import Stalled
from dfdaemon.fetch.receive import Pace
from dfdaemon.fetch.requests import UnitRequest


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    clock = Clock()
    limiter = RateLimiter(1000, 500, clock=clock)
    assert limiter.reserve(500) == 0
    assert limiter.reserve(250) == pytest.approx(0.25)
    assert limiter.reserve(250) == pytest.approx(0.5)
    clock.now += 1
    assert limiter.reserve(0) == 0


def test_together_is_as_slow_as_the_slowest() -> None:
    clock = Clock()
    fast, slow = RateLimiter(1000, 0, clock=clock), RateLimiter(10, 0, clock=clock)
    both = together(fast, None, NO_LIMIT, slow)
    assert not both.unlimited
    assert both.reserve(100) == pytest.approx(10)
    assert fast.reserve(0) == pytest.approx(0.1)


def test_together_of_nothing_is_no_limit() -> None:
    assert together(None, NO_LIMIT) is NO_LIMIT
    only = RateLimiter(1)
    assert together(NO_LIMIT, only) is only


def test_configured_rate() -> None:
    assert limiter_for(None) is NO_LIMIT
    assert limiter_for(0) is NO_LIMIT
    assert limiter_for(5).reserve(10) > 0


def test_waiting_for_the_limiter_is_not_the_parents_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("dfdaemon.fetch.receive.monotonic", clock)
    waits: list[float] = []

    class Waited(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            clock.now += timeout or 0.0
            return False

    pace = Pace(RateLimiter(100, 0, clock=clock), 1000, Waited())
    for _ in range(20):
        pace.moved(100)
    assert sum(waits) == pytest.approx(20)
    clock.now += 10
    with pytest.raises(Stalled):
        pace.moved(100)


def test_a_request_names_a_unit_or_a_set() -> None:
    with pytest.raises(ValueError, match="names"):
        UnitRequest("t", "child")
    with pytest.raises(ValueError, match="names"):
        UnitRequest("t", "child", unit=1, wanted=Bitmap(3))
