"""Units and pieces from other hosts."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from dfdaemon.fetch.limiter import NO_LIMIT, Limiter
from dfdaemon.fetch.requests import Address, PieceReceived, UnitReceived, UnitRequest
from dfdaemon.fetch.sink import UnitSink

Expected = Callable[[int], bytes | None]
Claim = Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class ParentConfig:
    """Timeouts in seconds, rates in bytes per second.

    ``threads`` receive at once; more transfers wait for one. ``answer_timeout_s`` bounds the wait
    for the answer to a named unit, ``any_of_timeout_s`` that of a seed, which answers late on
    purpose.
    """

    threads: int = 16
    connect_timeout_s: float = 2.0
    answer_timeout_s: float = 5.0
    any_of_timeout_s: float = 60.0
    stall_timeout_s: float = 2.0
    min_rate_bytes_s: int = 64 * 1024
    idle_timeout_s: float = 20.0
    idle_connections: int = 64


class ParentPool:
    """Takes units from parents, over connections that are kept alive and used one at a time."""

    def __init__(
        self, config: ParentConfig | None = None, *, tls: ssl.SSLContext | None = None
    ) -> None:
        raise NotImplementedError

    async def fetch(
        self,
        addr: Address,
        request: UnitRequest,
        blob: UnitSink,
        expected: Expected,
        limiter: Limiter = NO_LIMIT,
        *,
        claim: Claim | None = None,
    ) -> UnitReceived:
        """Take one unit: ask, receive, verify, write, commit.

        ``expected(unit)`` is the digest the unit must have, None if nobody vouched for it yet;
        the parent's own is then taken. ``claim(unit)`` is asked on the loop once an any-of answer
        names its unit and before a byte is written: False if the unit is held or in flight from
        elsewhere. Until this returns or raises, the unit's bytes are the transfer's alone; a
        cancelled fetch returns only after its thread has stopped writing.

        Raises ParentBusy, UnitAbsent, NotClaimed (all PeerRefused), PeerBroken, DigestMismatch, and
        what the blob raises (NoSpace, OSError).
        """
        raise NotImplementedError

    async def fetch_piece(
        self,
        addr: Address,
        task_id: str,
        piece: int,
        blob: UnitSink,
        limiter: Limiter = NO_LIMIT,
    ) -> PieceReceived:
        """Take a whole piece from a plain Dragonfly parent, verified by the crc32 it sends.

        Units of the piece that the blob already holds are left alone. Raises as `fetch` does.
        """
        raise NotImplementedError

    async def aclose(self) -> None:
        """Break off every transfer and close the connections."""
        raise NotImplementedError
