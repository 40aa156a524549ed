"""A clock that is moved by hand, and a gateway that answers from a table and counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from dfdaemon.task.service import HubAnswer

Asked = tuple[str, str, dict[str, str]]
Reply = HubAnswer | Exception | Callable[[Mapping[str, str]], HubAnswer]


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s

    def time(self) -> float:
        return self.now_s


class FakeGateway:
    """``replies`` by "METHOD url"; what is not there is a 404 without a code."""

    def __init__(self, replies: Mapping[str, Reply] | None = None) -> None:
        self.replies = dict(replies or {})
        self.asked: list[Asked] = []
        self.bodies: list[bytes] = []

    @property
    def lines(self) -> list[str]:
        return [f"{method} {url}" for method, url, _ in self.asked]

    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> HubAnswer:
        self.asked.append((method, url, dict(headers)))
        self.bodies.append(body)
        await asyncio.sleep(0)
        reply = self.replies.get(f"{method} {url}", HubAnswer(404, [], b""))
        if isinstance(reply, Exception):
            raise reply
        return reply(headers) if callable(reply) else reply
