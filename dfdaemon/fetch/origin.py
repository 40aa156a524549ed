"""Bytes from the origin, over HTTP/1.1 in blocking threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dfcore.ranges import ByteRange
from dfdaemon.fetch.limiter import NO_LIMIT, Limiter
from dfdaemon.fetch.sink import UnitSink

OnUnit = Callable[[int, bytes], None]


@dataclass(frozen=True, slots=True)
class OriginConfig:
    """Timeouts in seconds. ``proxy`` is a proxy's URL; ``trust_env`` takes it from the
    environment.
    """

    threads: int = 16
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0
    idle_timeout_s: float = 20.0
    idle_connections: int = 32
    redirect_ttl_s: float = 300.0
    max_redirects: int = 10
    ca_file: str | None = None
    proxy: str | None = None
    trust_env: bool = False


@dataclass(frozen=True, slots=True)
class OriginRequest:
    """One GET (or HEAD) at the origin.

    ``validator`` and ``size_bytes``, where known, are what the answer must still say. ``headers``
    may hold credentials: they go to the host of ``url`` and are dropped when a redirect leaves
    it.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    range: ByteRange | None = None
    method: str = "GET"
    validator: str | None = None
    size_bytes: int | None = None
    insecure_skip_verify: bool = False


class OriginStream:
    """An answered request whose body has not been read yet. Close it, read or not."""

    status: int
    headers: Mapping[str, str]
    """The final answer's headers; names in any case."""
    redirect_headers: Mapping[str, str]
    """Headers of the first redirect answer, empty if there was none (the Hub names digests
    there).
    """
    size_bytes: int | None
    """Length of the whole blob, None if the origin does not say."""
    range: ByteRange | None
    """The bytes of the blob that the body holds, None if its end is unknown."""
    validator: str | None
    """The ETag, else Last-Modified."""
    accepts_ranges: bool
    """The origin answered a range, or says that it can."""
    final_url: str

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
        body ends early; the units before that stay committed.
        """
        raise NotImplementedError

    async def spool(self, fd: int, limit_bytes: int, limiter: Limiter = NO_LIMIT) -> int:
        """Write the body to ``fd`` from offset 0, for a blob of unknown size; returns its size."""
        raise NotImplementedError

    async def read(self, limit_bytes: int) -> bytes:
        """A small body as bytes; OriginBroken if it is longer than ``limit_bytes``."""
        raise NotImplementedError

    async def aclose(self) -> None:
        raise NotImplementedError


class OriginPool:
    """Opens requests at the origin, follows redirects and remembers their targets for a while."""

    def __init__(self, config: OriginConfig | None = None) -> None:
        raise NotImplementedError

    async def open(self, request: OriginRequest) -> OriginStream:
        """Send the request and read the answer's head. Nothing is retried but a stale connection
        and, once, a signed redirect target that the storage behind the origin refuses.

        Raises OriginRefused (4xx, with the origin's answer), Unavailable (429, 5xx; with
        ``retry_after_s``), OriginUnreachable, OriginBroken (200 to a range that does not start at
        0, another range than asked), ContentChanged. A range from 0 of an empty blob is an empty
        body.
        """
        raise NotImplementedError

    async def aclose(self) -> None:
        """Break off every request and close the connections."""
        raise NotImplementedError
