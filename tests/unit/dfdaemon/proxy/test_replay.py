"""Answers that are given again for a moment: which, to whom, for how long."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import HttpVersion11
from aiohttp.http import HttpVersion10

from dfdaemon.proxy.replay import FRESH_S, LARGEST_BYTES, MOST_BYTES, RENEWAL_S, Replays
from dfdaemon.proxy.replay import HEAD as REPLAY_HEAD

HEAD = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"


class Moment:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0
        self.used = 0

    def replays(self, trusted_s: float = 60.0) -> Replays:
        return Replays(lambda: self.now, self.use, trusted_s)

    def use(self) -> None:
        self.used += 1


class Request(dict[Any, Any]):
    """What is read of a request."""

    def __init__(self, version: Any, head: bytes) -> None:
        super().__init__({REPLAY_HEAD: head})
        self.version = version


def keep(replays: Replays, head: bytes = HEAD, body: bytes = b"hello", **made: Any) -> None:
    request = Request(made.get("version", HttpVersion11), head)
    headers = {"Content-Length": str(len(body)), "ETag": '"1"'}
    response = SimpleNamespace(
        status=200, reason="OK", headers=headers, keep_alive=made.get("keep_alive", True)
    )
    replays.keep(cast(Any, request), cast(Any, response), body)


def test_the_same_head_gets_the_same_answer_for_a_moment() -> None:
    moment = Moment()
    replays = moment.replays()
    keep(replays)
    expected = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "1"\r\n\r\nhello'
    assert replays.get(HEAD) == expected
    assert moment.used == 1
    moment.now += FRESH_S
    assert replays.get(HEAD) is None


def test_other_credentials_are_another_head() -> None:
    replays = Moment().replays()
    keep(replays, HEAD[:-2] + b"Authorization: Bearer one\r\n\r\n")
    assert replays.get(HEAD) is None
    assert replays.get(HEAD[:-2] + b"Authorization: Bearer two\r\n\r\n") is None


def test_one_goes_for_a_fresh_answer_and_the_others_do_not_wait() -> None:
    moment = Moment()
    replays = moment.replays()
    keep(replays)
    moment.now += FRESH_S
    assert replays.get(HEAD) is None
    assert replays.get(HEAD) is not None
    moment.now += RENEWAL_S
    assert replays.get(HEAD) is None
    assert replays.get(HEAD) is None, "nothing fresh came: it is forgotten"


def test_nothing_is_trusted_for_longer_than_the_node_trusts_the_origin() -> None:
    moment = Moment()
    short, never = moment.replays(0.2), moment.replays(0.0)
    keep(short)
    keep(never)
    assert never.get(HEAD) is None
    moment.now += 0.2
    assert short.get(HEAD) is None


@pytest.mark.parametrize(
    "unlike", [{"head": b""}, {"version": HttpVersion10}, {"keep_alive": False}]
)
def test_what_cannot_be_told_again_in_the_same_words_is_not_kept(unlike: dict[str, Any]) -> None:
    replays = Moment().replays()
    keep(replays, **unlike)
    assert replays.get(HEAD) is None


def test_memory_is_bounded() -> None:
    replays = Moment().replays()
    count = 2 * MOST_BYTES // LARGEST_BYTES
    for number in range(count):
        keep(replays, HEAD + str(number).encode(), bytes(LARGEST_BYTES))
    there = sum(replays.get(HEAD + str(number).encode()) is not None for number in range(count))
    assert 0 < there * LARGEST_BYTES <= MOST_BYTES
