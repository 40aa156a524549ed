"""Small answers from this node's cache, given again for a moment to whoever asks in the same words.

A crowd of workers that opens one configuration file sends the same head over and over. The first of
them goes all the way, permission included. For `FRESH_S` after that, and `RENEWAL_S` while the next
one goes, the bytes of its answer are kept beside the bytes of its head, and a request with that very
head (credentials are part of it) is answered before it is parsed. The server makes a `ReplayServer`;
the responder fills it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from dfcore.lru import Lru

Handler = Callable[[BaseRequest], Awaitable[web.StreamResponse]]

FRESH_S = 1.0
RENEWAL_S = 0.5
LARGEST_BYTES = 64 * 1024
MOST_BYTES = 16 * 1024 * 1024
HEAD = web.RequestKey("HEAD", bytes)
"""The key of a request under which its head is; empty if that is not known."""
_END = b"\r\n\r\n"
# With one of these the next bytes may not be a head.
_MORE_TO_COME = re.compile(rb"\n(?:content-length|transfer-encoding|upgrade|expect)\s*:", re.I)
_PARKED_TURNS = 16


@dataclass(slots=True)
class _Kept:
    """An answer, until when it is given, and whether somebody is under way for a fresh one."""

    answer: bytes
    until: float
    renewing: bool = False


class Replays:
    """Answers by request head. ``now`` is a monotonic clock; ``on_replay`` hears of every use.

    ``trusted_s`` is how long this node takes a permission or a name of the origin for true; nothing
    is given again for longer than that, and with 0 nothing at all.
    """

    def __init__(
        self, now: Callable[[], float], on_replay: Callable[[], None], trusted_s: float
    ) -> None:
        self._now = now
        self._fresh_s = min(FRESH_S, trusted_s)
        self._on_replay = on_replay
        self._answers: Lru[bytes, _Kept] = Lru()

    def get(self, head: bytes) -> bytes | None:
        """The answer that this head got a moment ago."""
        kept = self._answers.get(head)
        if kept is None:
            return None
        now = self._now()
        if now >= kept.until:
            if kept.renewing:
                self._answers.pop(head)
            else:
                # One goes all the way for a fresh answer, the others do not wait for it.
                kept.renewing, kept.until = True, now + RENEWAL_S
            return None
        self._on_replay()
        return kept.answer

    def knows(self, head: bytes) -> bool:
        """Whether there is an answer to this head at present."""
        kept = self._answers.peek(head)
        return kept is not None and self._now() < kept.until

    def keep(self, request: BaseRequest, response: web.StreamResponse, body: bytes) -> None:
        """Keep an answer that was sent whole, if its request can be recognised."""
        head: bytes = request.get(HEAD, b"")
        if not head or not self._fresh_s or not response.keep_alive or request.version != (1, 1):
            return
        lines = [f"HTTP/1.1 {response.status} {response.reason}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        answer = "\r\n".join(lines).encode() + _END + body
        self._answers.put(head, _Kept(answer, self._now() + self._fresh_s), len(answer) + len(head))
        for victim in self._answers.victims(self._answers.total_size - MOST_BYTES):
            self._answers.pop(victim)


class ReplayingConnection(RequestHandler):
    """A connection that looks at what was kept before it parses.

    Only while every chunk that came was one whole head without a body: then the requests that are
    parsed are the chunks that were fed, in their order, and an idle connection owes no other answer.
    A quick client has its answer, and asks again, some turns of the loop before the connection is idle:
    what it asks is parked that long, if the answer is at hand.
    """

    __slots__ = ("_heads", "_orderly", "_parked", "_replays")

    def __init__(self, replays: Replays, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._replays = replays
        self._orderly = True
        self._parked: bytes | None = None
        self._heads: deque[bytes] = deque()
        """What was fed to the parser and has not become a request yet."""

    def data_received(self, data: bytes) -> None:
        self._unpark()
        self._orderly = self._orderly and _is_one_head(data)
        if not self._orderly:
            self._heads.clear()
            super().data_received(data)
        elif not self._answered(data):
            if self._finishing and self._replays.knows(data):
                self._parked = data
                self._loop.call_soon(self._look_again, _PARKED_TURNS)
            else:
                self._feed(data)

    def take_head(self) -> bytes | None:
        """What the request that begins now came as; None if that cannot be told."""
        return self._heads.popleft() if self._heads else None

    @property
    def _serving(self) -> bool:
        return not self._force_close and not self._close

    @property
    def _idle(self) -> bool:
        return self._waiter is not None and not self._waiter.done()

    @property
    def _finishing(self) -> bool:
        return self._serving and not self._idle

    def _answered(self, data: bytes) -> bool:
        if self.transport is None or not self._serving or not self._idle:
            return False
        answer = self._replays.get(data)
        if answer is None:
            return False
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        self.transport.write(answer)
        return True

    def _feed(self, data: bytes) -> None:
        self._heads.append(data)
        super().data_received(data)

    def _look_again(self, turns: int) -> None:
        if self._parked is None:
            return
        if turns and self._finishing:
            self._loop.call_soon(self._look_again, turns - 1)
        elif self._answered(self._parked):
            self._parked = None
        else:
            self._unpark()

    def _unpark(self) -> None:
        """What was parked comes before what has come now."""
        if self._parked is not None:
            data, self._parked = self._parked, None
            self._feed(data)


class ReplayServer(web.Server):
    """An aiohttp server of such connections."""

    def __init__(self, replays: Replays, handler: Handler, **options: Any) -> None:
        super().__init__(_noting_heads(handler), **options)
        self._replays = replays

    def __call__(self) -> RequestHandler:
        return ReplayingConnection(self._replays, self, loop=self._loop, **self._kwargs)


def _noting_heads(handler: Handler) -> Handler:
    async def noted(request: BaseRequest) -> web.StreamResponse:
        if isinstance(request.protocol, ReplayingConnection):
            request[HEAD] = request.protocol.take_head() or b""
        return await handler(request)

    return noted


def _is_one_head(data: bytes) -> bool:
    whole = data.startswith(b"GET ") and data.find(_END) == len(data) - len(_END)
    only_crlf = data.count(b"\n") == data.count(b"\r\n")
    return whole and only_crlf and _MORE_TO_COME.search(data) is None
