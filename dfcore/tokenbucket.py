"""Rate-limit arithmetic: how long must whoever wants n tokens wait?

Tokens may go into debt, so a request larger than the burst is served too, and waiters queue up by
their waits without a list. Time is passed in (seconds of one monotonic clock). The limiters of the
fetchers and of the upload server are built on it.
"""

from __future__ import annotations

from dfcore.errors import BadInput


class TokenBucket:
    """`rate_per_s` tokens a second, up to `burst` saved up; full at the start. Not thread-safe."""

    __slots__ = ("_burst", "_rate_per_s", "_then_s", "_tokens")

    def __init__(self, rate_per_s: float, burst: float, now_s: float) -> None:
        _check(rate_per_s, burst)
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._then_s = now_s

    def take(self, tokens: float, now_s: float) -> float:
        """Take `tokens` and return the seconds to wait before using them (0.0: go)."""
        if tokens < 0:
            raise BadInput(f"{tokens} tokens cannot be taken")
        self._refill(now_s)
        self._tokens -= tokens
        return max(0.0, -self._tokens / self._rate_per_s)

    def set_rate(self, rate_per_s: float, burst: float, now_s: float) -> None:
        """Change the rate from now on; what was saved up or owed stays, up to the new burst."""
        _check(rate_per_s, burst)
        self._refill(now_s)
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = min(self._tokens, burst)

    def _refill(self, now_s: float) -> None:
        elapsed_s = max(0.0, now_s - self._then_s)
        self._then_s = max(self._then_s, now_s)
        self._tokens = min(self._burst, self._tokens + elapsed_s * self._rate_per_s)


def _check(rate_per_s: float, burst: float) -> None:
    if rate_per_s <= 0 or burst < 0:
        raise BadInput(f"a rate of {rate_per_s}/s with a burst of {burst} is impossible")
