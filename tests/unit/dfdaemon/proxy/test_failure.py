from __future__ import annotations

import pytest

from dfcore.errors import (
    BadInput,
    DigestMismatch,
    MeganeuraError,
    NoSpace,
    OriginRefused,
    PeerBroken,
    Unavailable,
)
from dfdaemon.proxy.failure import answer_for


def test_the_origins_refusal_is_its_own() -> None:
    error = OriginRefused(
        403, {"X-Error-Code": "GatedRepo", "Connection": "close", "Content-Length": "2"}, b"no"
    )
    answer = answer_for(error)
    assert (answer.status, answer.body) == (403, b"no")
    assert answer.headers == [("X-Error-Code", "GatedRepo"), ("X-Dragonfly-Error-Type", "backend")]


@pytest.mark.parametrize(
    ("error", "status", "whose"),
    [
        (BadInput("x"), 400, "proxy"),
        (DigestMismatch("x"), 502, "backend"),
        (PeerBroken("x"), 502, "dfdaemon"),
        (Unavailable("x"), 503, "dfdaemon"),
    ],
)
def test_others_say_whose_fault_it_is(error: MeganeuraError, status: int, whose: str) -> None:
    answer = answer_for(error)
    assert answer.status == status
    assert ("X-Dragonfly-Error-Type", whose) in answer.headers


def test_who_may_come_back_is_told_when() -> None:
    assert ("Retry-After", "3") in answer_for(Unavailable("x", retry_after_s=2.1)).headers
    assert ("Retry-After", "1") in answer_for(NoSpace("x")).headers


def test_a_message_stays_on_its_line() -> None:
    answer = answer_for(BadInput("one\r\nSet-Cookie: two — three"))
    shown = dict(answer.headers)["X-Error-Message"]
    assert "\n" not in shown
    assert "\r" not in shown
    assert answer.body.count(b"\n") == 1
