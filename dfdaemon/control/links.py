"""Channels that this host opened to other hosts: one per host, shared by every task.

A conductor subscribes to a parent's news of one task; the Hub gateway asks a seed for metadata. A
channel that breaks tells every subscriber, and is dialled anew when somebody next wants it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from dfcore.errors import PeerBroken
from dfdaemon.peerlink.channel import Channel
from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from dfinfra.pb import meganeura_pb2 as pb

Address = tuple[str, int]
Dial = Callable[[Address], Awaitable[Channel]]

log = get_logger("links")


class Subscriber(Protocol):
    """Who listens to a parent's news of one task."""

    def on_frame(self, address: Address, frame: pb.Frame) -> None: ...

    def on_lost(self, address: Address, reason: str) -> None: ...


class Link:
    """The channel to one host, from the first dial to its end."""

    def __init__(self, address: Address, dial: Dial) -> None:
        self.address = address
        self.ended = False
        self._dial = dial
        self._ready: asyncio.Future[Channel] = asyncio.get_running_loop().create_future()
        self._subscribers: dict[str, Subscriber] = {}
        self._asked: dict[int, asyncio.Future[pb.Answer]] = {}
        self._next_ask = 1

    @property
    def idle(self) -> bool:
        return not self._subscribers and not self._asked

    async def run(self) -> None:
        """Dial and deliver frames until the channel ends."""
        reason = "the channel was closed"
        try:
            channel = await self._dial(self.address)
            self._ready.set_result(channel)
            try:
                async for frame in channel.frames():
                    self._deliver(frame)
            finally:
                await channel.aclose()
        except (PeerBroken, OSError) as error:
            reason = str(error) or type(error).__name__
        finally:
            self._end(reason)

    def _deliver(self, frame: pb.Frame) -> None:
        kind = frame.WhichOneof("frame")
        if kind == "answer":
            waiter = self._asked.pop(frame.answer.id, None)
            if waiter and not waiter.done():
                waiter.set_result(frame.answer)
            return
        if kind is None:
            return
        if subscriber := self._subscribers.get(getattr(frame, kind).task_id):
            subscriber.on_frame(self.address, frame)

    def _end(self, reason: str) -> None:
        self.ended = True
        error = PeerBroken(f"{self.address[0]}:{self.address[1]}: {reason}")
        if not self._ready.done():
            self._ready.set_exception(error)
            self._ready.exception()
        for waiter in self._asked.values():
            if not waiter.done():
                waiter.set_exception(error)
        subscribers = list(self._subscribers.values())
        self._subscribers.clear()
        for subscriber in subscribers:
            subscriber.on_lost(self.address, reason)

    async def subscribe(self, join: pb.Join, subscriber: Subscriber) -> None:
        if self.ended:
            subscriber.on_lost(self.address, "the channel was closed")
            return
        self._subscribers[join.task_id] = subscriber
        try:
            channel = await asyncio.shield(self._ready)
        except PeerBroken:
            return
        if self._subscribers.get(join.task_id) is subscriber:
            channel.send_nowait(pb.Frame(join=join))

    def unsubscribe(self, task_id: str, subscriber: Subscriber) -> None:
        if self._subscribers.get(task_id) is not subscriber:
            return
        del self._subscribers[task_id]
        self.send(pb.Frame(leave=pb.Leave(task_id=task_id)))

    def send(self, frame: pb.Frame) -> None:
        """Send if the channel is up; what is lost with a channel is said anew after a dial."""
        if self._ready.done() and not self.ended:
            channel = self._ready.result()
            if not channel.closed:
                channel.send_nowait(frame)

    async def ask(self, ask: pb.Ask, timeout_s: float) -> pb.Answer:
        channel = await asyncio.shield(self._ready)
        ask.id = self._next_ask
        self._next_ask += 1
        waiter: asyncio.Future[pb.Answer] = asyncio.get_running_loop().create_future()
        self._asked[ask.id] = waiter
        try:
            await channel.send(pb.Frame(ask=ask))
            async with asyncio.timeout(timeout_s):
                return await waiter
        finally:
            self._asked.pop(ask.id, None)


class Links:
    """All channels that this host opened, by address."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._links: dict[Address, Link] = {}
        self._jobs = JobGroup("links")

    def to(self, address: Address) -> Link:
        """The link to a host, dialled now if there is none."""
        link = self._links.get(address)
        if link is None or link.ended:
            link = Link(address, self._dial)
            self._links[address] = link
            self._jobs.spawn(link.run(), name=f"link {address[0]}:{address[1]}")
        return link

    def subscribe(self, address: Address, join: pb.Join, subscriber: Subscriber) -> None:
        """Ask the host for its news of the task; they go to the subscriber until it leaves."""
        link = self.to(address)
        self._jobs.spawn(link.subscribe(join, subscriber), name=f"join {join.task_id[:12]}")

    def unsubscribe(self, address: Address, task_id: str, subscriber: Subscriber) -> None:
        if link := self._links.get(address):
            link.unsubscribe(task_id, subscriber)

    async def aclose(self) -> None:
        await self._jobs.cancel_all()
