"""How long to wait before trying again: exponential, jittered, and never before Retry-After.

Randomness and the clock are passed in. Whoever retries (origin, scheduler, parents) asks here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from random import Random

from dfcore.errors import BadInput

# 2**64 times any base is far beyond any cap; a larger exponent would overflow a float.
_MAX_EXPONENT = 64


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays base, base*factor, … up to cap, each times 1 - jitter to 1 + jitter."""

    base_s: float = 0.2
    cap_s: float = 30.0
    factor: float = 2.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        if self.base_s <= 0 or self.cap_s < self.base_s or self.factor < 1:
            raise BadInput(f"impossible backoff: {self}")
        if not 0 <= self.jitter <= 1:
            raise BadInput(f"the jitter of a backoff lies between 0 and 1: {self}")

    def delay_s(self, attempt: int, random: Random, retry_after_s: float | None = None) -> float:
        """Seconds to wait after failed attempt number `attempt` (from 0).

        With `retry_after_s` the wait starts where the other side allows it, and spreads from there.
        """
        mean_s = min(self.cap_s, self.base_s * self.factor ** min(attempt, _MAX_EXPONENT))
        delay_s = mean_s * random.uniform(1 - self.jitter, 1 + self.jitter)
        return delay_s if retry_after_s is None else retry_after_s + self.jitter * delay_s


def parse_retry_after(value: str, now_unix_s: float) -> float | None:
    """Seconds that a `Retry-After` header asks for (number or HTTP date); None if malformed."""
    text = value.strip()
    if re.fullmatch("[0-9]{1,9}", text):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, when.timestamp() - now_unix_s)
