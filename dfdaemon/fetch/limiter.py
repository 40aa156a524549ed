"""Bandwidth limits: one small thread-safe object that every mover of bytes asks before it goes on.

A mover calls ``reserve`` for bytes that it is about to move (or has just moved) and waits the
seconds it gets back, in its own way: a thread on its cancel event, a coroutine by
``asyncio.sleep``. The reservation is made at once, so that movers that share a limiter queue
fairly without a lock held over the wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from dfcore.tokenbucket import TokenBucket


class Limiter(Protocol):
    """A limit on bytes per second, or several of them together."""

    @property
    def unlimited(self) -> bool:
        """Nothing is ever to be waited for: the mover may use its fastest path."""
        ...

    def reserve(self, size_bytes: int) -> float:
        """Take ``size_bytes`` from the allowance; returns the seconds to wait before moving on."""
        ...


class Unlimited:
    """No limit."""

    unlimited = True

    def reserve(self, size_bytes: int) -> float:
        return 0.0


NO_LIMIT = Unlimited()


class RateLimiter:
    """At most ``rate_bytes_s``, with a burst of ``burst_bytes`` (by default what 100 ms allow)."""

    unlimited = False

    def __init__(
        self,
        rate_bytes_s: float,
        burst_bytes: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        burst = burst_bytes if burst_bytes is not None else rate_bytes_s / 10
        self._clock = clock
        self._lock = threading.Lock()
        self._bucket = TokenBucket(rate_bytes_s, burst, clock())

    def reserve(self, size_bytes: int) -> float:
        with self._lock:
            return self._bucket.take(size_bytes, self._clock())


class AdjustableLimiter:
    """A limit that a reload of the configuration may change; None is no limit."""

    def __init__(self, rate_bytes_s: float | None = None) -> None:
        self._limiter = limiter_for(rate_bytes_s)

    @property
    def unlimited(self) -> bool:
        return self._limiter.unlimited

    def set_rate(self, rate_bytes_s: float | None) -> None:
        """Keep to this rate from now on; transfers under way notice with their next bytes."""
        self._limiter = limiter_for(rate_bytes_s)

    def reserve(self, size_bytes: int) -> float:
        return self._limiter.reserve(size_bytes)


class _Together:
    unlimited = False

    def __init__(self, limiters: tuple[Limiter, ...]) -> None:
        self._limiters = limiters

    def reserve(self, size_bytes: int) -> float:
        return max(limiter.reserve(size_bytes) for limiter in self._limiters)


def together(*limiters: Limiter | None) -> Limiter:
    """One limiter that keeps all of these: the host's, the task's, the origin's."""
    real = tuple(each for each in limiters if each is not None and not each.unlimited)
    if not real:
        return NO_LIMIT
    return real[0] if len(real) == 1 else _Together(real)


def limiter_for(rate_bytes_s: float | None) -> Limiter:
    """The limiter of a configured rate; None or 0 is no limit."""
    return RateLimiter(rate_bytes_s) if rate_bytes_s else NO_LIMIT
