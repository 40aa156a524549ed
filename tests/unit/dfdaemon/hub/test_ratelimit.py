from __future__ import annotations

import pytest

from dfdaemon.hub.ratelimit import RateGates
from dfdaemon.task.service import HubAnswer


@pytest.mark.parametrize("headers", [[("RateLimit", '"api";r=0;t=55')], [("Retry-After", "55")]])
def test_after_a_429_nobody_with_the_same_quota_asks(headers: list[tuple[str, str]]) -> None:
    gates = RateGates()
    gates.note("me", "api", HubAnswer(429, headers, b"slow"), 100.0)
    refusal = gates.refusal("me", "api", 110.0)
    assert refusal is not None
    assert (refusal.status, refusal.body) == (429, b"slow")
    assert ("Retry-After", "45") in refusal.headers
    assert gates.refusal("you", "api", 110.0) is None
    assert gates.refusal("me", "resolvers", 110.0) is None
    assert gates.refusal("me", "api", 155.0) is None


def test_the_last_allowed_request_closes_the_gate_too() -> None:
    gates = RateGates()
    gates.note("me", "api", HubAnswer(200, [("ratelimit", '"api";r=0;t=9')], b"ok"), 0.0)
    refusal = gates.refusal("me", "api", 1.0)
    assert refusal is not None
    assert refusal.status == 429
    assert b"ok" not in refusal.body


def test_quota_left_leaves_the_gate_open() -> None:
    gates = RateGates()
    gates.note("me", "api", HubAnswer(200, [("RateLimit", '"api";r=3;t=9')], b""), 0.0)
    assert gates.refusal("me", "api", 0.0) is None
