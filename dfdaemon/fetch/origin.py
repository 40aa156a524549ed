"""Bytes from the origin, over HTTP/1.1 in blocking threads.

The conductor of a seed (or of a host that may go to the origin) opens a request here and lets its body
run into the blob. Retries, ranges and their order are the conductor's; one request is one attempt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from dfcore.errors import ContentChanged
from dfcore.ranges import ByteRange
from dfdaemon.fetch import answers
from dfdaemon.fetch.body import Body, OnUnit
from dfdaemon.fetch.exchange import Answer, Exchange, OriginRequest, Redirects, request_key
from dfdaemon.fetch.limiter import NO_LIMIT, Limiter
from dfdaemon.fetch.sink import UnitSink
from dfdaemon.fetch.trust import OriginTrust, TrustConfig, Vouching
from dfdaemon.fetch.wires import Wires
from dfinfra.jobs import spawn
from dfinfra.offload import Pool

__all__ = [
    "OnUnit",
    "OriginConfig",
    "OriginPool",
    "OriginRequest",
    "OriginStream",
    "origin_trust",
]

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OriginConfig:
    """Timeouts in seconds; ``threads`` requests at once.

    ``proxy`` is a proxy's URL; ``trust_env`` takes it from the environment instead. ``ca_file``
    holds further authorities, which are believed whatever host they vouch for; those of ``trust``
    vouch for its hosts alone. Nodes and seeds alike need them: nobody believes another host's word.
    """

    threads: int = 16
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0
    idle_timeout_s: float = 20.0
    idle_connections: int = 32
    redirect_ttl_s: float = 60.0
    max_redirects: int = 10
    ca_file: str | None = None
    trust: tuple[TrustConfig, ...] = ()
    proxy: str | None = None
    trust_env: bool = False


class OriginStream:
    """An answered request whose body has not been read yet. Close it, read or not.

    ``status``, ``headers`` (names in any case) and ``final_url`` are those of the final answer;
    ``redirect_headers`` those of the first redirect, empty if there was none (the Hub names digests
    there). ``size_bytes`` is the length of the whole blob, None if the origin does not say; ``range``
    the bytes of the blob that the body holds, None if its end is unknown; ``validator`` the ETag,
    else Last-Modified; ``accepts_ranges`` tells that the origin answered a range or says it can.
    """

    def __init__(
        self, answer: Answer, content: answers.Content, exchange: Exchange, pool: OriginPool
    ) -> None:
        self.status: int = answer.status
        self.headers: Mapping[str, str] = answer.headers
        self.redirect_headers: Mapping[str, str] = answer.redirect_headers
        self.final_url: str = answer.url
        self.size_bytes: int | None = content.size_bytes
        self.range: ByteRange | None = content.range
        self.validator: str | None = content.validator
        self.accepts_ranges: bool = content.accepts_ranges
        self._start = content.range.start if content.range is not None else 0
        self._answer = answer
        self._exchange = exchange
        self._pool = pool
        self._closed = False

    async def into(
        self,
        blob: UnitSink,
        first_unit: int,
        until_unit: int,
        on_unit: OnUnit | None = None,
        limiter: Limiter = NO_LIMIT,
    ) -> int:
        """Write the units ``first_unit`` to ``until_unit`` (exclusive); returns bytes received.

        Each is committed as soon as it is complete, then ``on_unit(unit, digest)`` is called in the
        receiving thread. Units the blob already holds are passed over. Raises OriginBroken if the
        body ends early; the units before that stay committed. Cancelled, it returns only after its
        thread has stopped writing.
        """
        if self.size_bytes not in (None, blob.geometry.size_bytes):
            raise ContentChanged(
                f"the origin's blob has {self.size_bytes} bytes,"
                f" and {blob.geometry.size_bytes} were expected"
            )
        if first_unit >= until_unit:
            return 0
        body = self._body(limiter)
        return await self._run(body.into, blob, first_unit, until_unit, on_unit)

    async def spool(self, fd: int, limit_bytes: int, limiter: Limiter = NO_LIMIT) -> int:
        """Write the body to ``fd`` from offset 0, for a blob of unknown size; returns its size."""
        return await self._run(self._body(limiter).spool, fd, limit_bytes)

    async def read(self, limit_bytes: int) -> bytes:
        """A small body as bytes; OriginBroken if it is longer than ``limit_bytes``."""
        return await self._run(self._body(NO_LIMIT).gather, limit_bytes)

    @property
    def ended(self) -> bool:
        """Everything was received that belongs to the body."""
        return self._answer.body.isclosed()

    async def aclose(self) -> None:
        """Give the connection back if the body was read to its end, close it otherwise."""
        if not self._closed:
            self._closed = True
            self._pool.release(self._exchange, self._answer)

    def _body(self, limiter: Limiter) -> Body:
        return Body(self._answer, self._start, limiter, self._exchange.given_up)

    async def _run(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._pool.run(self._exchange, read, *args, **kwargs)


class OriginPool:
    """Opens requests at the origin, follows redirects and remembers their targets for a while."""

    def __init__(
        self, config: OriginConfig | None = None, trust: OriginTrust | None = None
    ) -> None:
        self._config = config = config or OriginConfig()
        self._threads = Pool("fetch-origin", config.threads)
        self._redirects = Redirects(config.redirect_ttl_s)
        self._wires = Wires(
            limit=config.idle_connections,
            idle_timeout_s=config.idle_timeout_s,
            connect_timeout_s=config.connect_timeout_s,
            read_timeout_s=config.read_timeout_s,
            trust=trust or origin_trust(config),
            proxy=config.proxy,
            trust_env=config.trust_env,
        )
        self._exchanges: set[Exchange] = set()
        self._asking: dict[bytes, asyncio.Event] = {}

    async def open(self, request: OriginRequest) -> OriginStream:
        """Send the request and read the answer's head.

        Nothing is retried but a kept connection that has ended and, once, a signed redirect target
        that the storage behind the origin refuses.

        Raises OriginRefused (4xx, with the origin's answer), Unavailable (429, 5xx; with
        ``retry_after_s``), OriginUnreachable, OriginBroken (200 to a range that does not start at
        0, another range than asked), ContentChanged. A range from 0 of an empty blob is an empty
        body.
        """
        exchange = Exchange(request, self._wires, self._redirects, self._config.max_redirects)
        self._exchanges.add(exchange)
        try:
            answer = await self._open_in_turn(request, exchange)
        except BaseException:
            self._exchanges.discard(exchange)
            raise
        try:
            found = _content(request, answer)
        except BaseException:
            self.release(exchange, answer)
            raise
        return OriginStream(answer, found, exchange, self)

    async def aclose(self) -> None:
        """Break off every request and close the connections."""
        for exchange in self._exchanges:
            exchange.shut()
        self._wires.close()
        self._threads.close()

    async def run(
        self, exchange: Exchange, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do blocking work on an exchange's answer in a thread. For `OriginStream`."""
        return await self._threads.run_interruptibly(exchange.shut, work, *args, **kwargs)

    def release(self, exchange: Exchange, answer: Answer) -> None:
        """An answer is done with. For `OriginStream`."""
        self._exchanges.discard(exchange)
        body = answer.body
        whole = body.isclosed() and not answer.empty
        if whole and not body.will_close and not exchange.given_up.is_set():
            self._wires.put(answer.wire)
        else:
            answer.wire.close()

    async def _open_in_turn(self, request: OriginRequest, exchange: Exchange) -> Answer:
        """The first of several requests for one URL finds out where it leads to, for all of them:
        the Hub counts every question, and each may be answered by another link."""
        key = request_key(request)
        asking = self._asking.get(key)
        if asking is not None:
            await asking.wait()
        if asking is not None or self._redirects.get(request) is not None:
            return await self._open(exchange)
        told = self._asking[key] = asyncio.Event()
        try:
            return await self._open(exchange)
        finally:
            del self._asking[key]
            told.set()

    async def _open(self, exchange: Exchange) -> Answer:
        """Run the exchange in a thread. A caller that is cancelled does not wait for it.

        Names and connections take their time to fail, and cannot be interrupted.
        """
        job = spawn(
            self._threads.run_interruptibly(exchange.shut, exchange.run),
            name="open at the origin",
            on_error=lambda _: None,
        )
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            exchange.shut()
            job.add_done_callback(_close_late)
            raise


def origin_trust(config: OriginConfig, more: Sequence[Vouching] = ()) -> OriginTrust:
    """What the section says of trust, and what others say. Raises ConfigError."""
    general = (Path(config.ca_file),) if config.ca_file else ()
    private = [Vouching(f"origin.trust[{n}].certs", one) for n, one in enumerate(config.trust)]
    return OriginTrust(general, (*private, *more))


def _close_late(job: asyncio.Task[Answer]) -> None:
    """Nobody waits for the answer any more."""
    if not job.cancelled() and job.exception() is None:
        job.result().wire.close()


def _content(request: OriginRequest, answer: Answer) -> answers.Content:
    if answer.empty:
        if request.size_bytes:
            raise ContentChanged(f"the blob had {request.size_bytes} bytes and is empty now")
        answer.body.close()
        return answers.Content(0, ByteRange(0, 0), None, accepts_ranges=True)
    return answers.content(
        answer.status,
        answer.headers,
        request.range,
        validator=request.validator,
        size_bytes=request.size_bytes,
    )
