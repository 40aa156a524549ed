"""When the Hub has told us to wait, nobody of the cluster asks before. Pure.

The Hub counts requests per user (or address) and class, and says so in ``RateLimit`` (an IETF
draft: ``"resolvers";r=0;t=55``) and ``Retry-After`` (huggingface/hub-docs, rate-limits). Used by
``origin``, the one place of the cluster that asks the Hub.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from dfcore.lru import Lru
from dfdaemon.hub.facts import header
from dfdaemon.task.service import HubAnswer

_STATE = re.compile(r'"?([\w-]+)"?\s*;\s*r=(\d+)\s*;\s*t=(\d+)')
_MAX_GATES = 10_000
_DEFAULT_WAIT_S = 5.0
# A wrong or hostile value must not stop the cluster for good.
_MAX_WAIT_S = 600.0


class RateGates:
    """One gate per (credential, request class), closed until the time the Hub named."""

    def __init__(self) -> None:
        self._closed: Lru[tuple[str, str], tuple[float, HubAnswer]] = Lru()

    def note(self, credential: str, kind: str, answer: HubAnswer, now_s: float) -> None:
        """Close the gate if this answer says that the next request would be refused."""
        wait_s = _wait_s(answer.status, answer.headers)
        if wait_s is None:
            return
        self._closed.put((credential, kind), (now_s + min(wait_s, _MAX_WAIT_S), answer))
        for victim in self._closed.victims(len(self._closed) - _MAX_GATES):
            self._closed.pop(victim)

    def refusal(self, credential: str, kind: str, now_s: float) -> HubAnswer | None:
        """What to answer instead of asking; None if the gate is open."""
        closed = self._closed.get((credential, kind))
        if closed is None:
            return None
        until_s, answer = closed
        left_s = math.ceil(until_s - now_s)
        if left_s <= 0:
            self._closed.pop((credential, kind))
            return None
        if answer.status != 429:
            body = b'{"error":"the rate limit of the Hub is used up"}'
            answer = HubAnswer(429, [("Content-Type", "application/json")], body)
        dropped = ("retry-after", "ratelimit")
        pairs = [(k, v) for k, v in answer.headers if k.lower() not in dropped]
        pairs += [("Retry-After", str(left_s)), ("RateLimit", f'"{kind}";r=0;t={left_s}')]
        return HubAnswer(429, pairs, answer.body)


def _wait_s(status: int, pairs: Iterable[tuple[str, str]]) -> float | None:
    pairs = tuple(pairs)
    state = _STATE.search(header(pairs, "ratelimit") or "")
    if status != 429:
        used_up = state is not None and int(state[2]) == 0
        return float(state[3]) if state and used_up else None
    retry_after = header(pairs, "retry-after") or ""
    if retry_after.isdigit():
        return float(retry_after)
    return float(state[3]) if state else _DEFAULT_WAIT_S
