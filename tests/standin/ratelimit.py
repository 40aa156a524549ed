"""The Hub's quotas: requests per window and caller, apart for API and resolvers.

Off until a test sets a quota. Header forms: facts of hub/rate-limits.md.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

BUCKETS = {"api": "api", "resolve": "resolvers", "resolve-cache": "resolvers"}


@dataclass
class Quota:
    """`limit` requests per `window_s` seconds for each caller; `used` is per caller."""

    limit: int
    window_s: float = 300.0
    retry_after: bool = False
    used: dict[str, tuple[float, int]] = field(default_factory=dict)
    refused: int = 0


class RateLimits:
    """Quotas by bucket name ("api" or "resolvers")."""

    def __init__(self) -> None:
        self.quotas: dict[str, Quota] = {}

    def set(
        self, bucket: str, limit: int, *, window_s: float = 300.0, retry_after: bool = False
    ) -> None:
        """Allow `limit` requests a window; `retry_after` answers with that header instead."""
        if bucket not in BUCKETS.values():
            raise ValueError("a quota is for api or resolvers")
        self.quotas[bucket] = Quota(limit, window_s, retry_after)

    def take(self, kind: str, caller: str) -> tuple[bool, dict[str, str]]:
        """Whether a request may go on, and the headers that tell the caller's quota."""
        bucket = BUCKETS.get(kind)
        quota = self.quotas.get(bucket) if bucket else None
        if quota is None:
            return True, {}
        now = time.monotonic()
        start, used = quota.used.get(caller, (now, 0))
        if now - start >= quota.window_s:
            start, used = now, 0
        allowed = used < quota.limit
        used += allowed
        quota.refused += not allowed
        quota.used[caller] = (start, used)
        wait_s = math.ceil(start + quota.window_s - now)
        if quota.retry_after:
            return allowed, {} if allowed else {"Retry-After": str(wait_s)}
        policy = f'"fixed window";"{bucket}";q={quota.limit};w={int(quota.window_s)}'
        left = f'"{bucket}";r={quota.limit - used};t={wait_s}'
        return allowed, {"RateLimit": left, "RateLimit-Policy": policy}
