"""Small answers from this node's cache, given again for a moment to whoever asks in the same words.

A crowd of workers that opens one configuration file sends the same head over and over. The first of
them goes all the way, permission included. For `FRESH_S` after that, and `RENEWAL_S` while the next
one goes, the bytes of its answer are kept beside the bytes of its head, and a request with that very
head (credentials are part of it) is answered before it is parsed. The server makes a `ReplayServer`;
the responder fills it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from dfcore.lru import Lru

FRESH_S = 1.0
RENEWAL_S = 0.5
LARGEST_BYTES = 64 * 1024
MOST_BYTES = 16 * 1024 * 1024
_END = b"\r\n\r\n"


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

    def keep(self, request: BaseRequest, response: web.StreamResponse, body: bytes) -> None:
        """Keep an answer that was sent whole, if its request can be recognised."""
        head = getattr(request.protocol, "head", None)
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

    Only while every chunk that came was one whole head without a body: then nothing is in the parser,
    and an idle connection owes no other answer.
    """

    __slots__ = ("_orderly", "_replays", "head")

    def __init__(self, replays: Replays, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._replays = replays
        self._orderly = True
        self.head: bytes | None = None
        """What the request under way came as; None if it is not one that can be recognised."""

    def data_received(self, data: bytes) -> None:
        one = data.startswith(b"GET ") and data.find(_END) == len(data) - len(_END)
        self._orderly = self._orderly and one
        idle = self._orderly and self._waiter is not None and not self._waiter.done()
        if idle and self.transport is not None and not self._force_close and not self._close:
            answer = self._replays.get(data)
            if answer is not None:
                self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
                self.transport.write(answer)
                return
        self.head = data if idle else None
        super().data_received(data)


class ReplayServer(web.Server):
    """An aiohttp server of such connections."""

    def __init__(self, replays: Replays, handler: Any, **options: Any) -> None:
        super().__init__(handler, **options)
        self._replays = replays

    def __call__(self) -> RequestHandler:
        return ReplayingConnection(self._replays, self, loop=self._loop, **self._kwargs)
