"""One listener of the stand-in: takes requests, applies limits and faults, sends the replies.

hub.py, cdn.py and cas.py subclass it with the routes of their service.
"""

from __future__ import annotations

import asyncio
import uuid
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from tests.standin import body
from tests.standin.counters import Record
from tests.standin.faults import Plan
from tests.standin.model import User
from tests.standin.reply import RefusedError, Reply, error_reply

if TYPE_CHECKING:
    from tests.standin.standin import StandIn

FAULT_MESSAGE = "Internal Error - We're working hard to fix this as soon as possible!"


@dataclass
class Exchange:
    """A request on its way through a handler; `user` is None for anonymous callers."""

    request: web.Request
    record: Record
    user: User | None = None
    plan: Plan | None = None

    @property
    def path(self) -> str:
        """Path as sent, still quoted."""
        return self.request.rel_url.raw_path

    @property
    def user_id(self) -> str:
        """What signed URLs call the requester."""
        return self.user.id if self.user else "public"


Handler = Callable[[Exchange], Awaitable[Reply]]


@dataclass(frozen=True)
class Route:
    """What a request is about: its kind and names for counters and faults, and its handler."""

    kind: str
    handler: Handler
    names: tuple[str, ...] = ()


class Listener(ABC):
    """Base of the three services."""

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin
        self.state = standin.state
        self.settings = standin.settings

    @abstractmethod
    def route(self, exchange: Exchange) -> Route:
        """Find out what is asked for and by whom; sets `exchange.user`."""

    def fault_reply(self, status: int, headers: dict[str, str]) -> Reply:
        """Error body of the fault `status` in the words of this service."""
        return error_reply(status, FAULT_MESSAGE, headers=headers)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """aiohttp handler of every request."""
        counters = self.standin.counters
        record = Record(
            "", request.method, request.host, request.raw_path, dict(request.headers.items())
        )
        exchange = Exchange(request, record)
        try:
            route = self.route(exchange)
        except RefusedError as refused:
            record.kind = record.kind or "api"
            counters.asked(record)
            return await body.send(request, refused.reply, record, Plan(), counters)
        record.kind, record.names = route.kind, route.names
        if exchange.user is not None:
            record.user = exchange.user.name
        counters.asked(record)
        exchange.plan = plan = self.standin.faults.strike(record)
        reply = await self._reply(exchange, route, plan)
        reply.headers.setdefault("X-Request-Id", f"Root=1-{uuid.uuid4().hex}")
        response = await body.send(request, reply, record, plan, counters)
        if move := plan.get("move_ref"):
            self.standin.move_ref(record.names, move.ref, move.commit)
        return response

    async def _reply(self, exchange: Exchange, route: Route, plan: Plan) -> Reply:
        caller = exchange.user.name if exchange.user else f"ip {exchange.request.remote}"
        allowed, quota = self.standin.limits.take(route.kind, caller)
        if slow := plan.get("slow"):
            await asyncio.sleep(slow.seconds)
        if not allowed:
            message = "We had to rate limit you. Try again later."
            return error_reply(429, message, headers=quota)
        if fault := plan.get("status"):
            return self.fault_reply(fault.status, dict(fault.headers))
        try:
            reply = await route.handler(exchange)
        except RefusedError as refused:
            reply = refused.reply
        reply.headers.update(quota)
        return reply
