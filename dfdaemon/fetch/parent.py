"""Units from our own peers and pieces from plain Dragonfly peers, into the blob store.

The conductor calls `ParentPool.fetch` for every transfer that its planner decides. A transfer
asks on the loop, receives in a thread, and ends as a committed unit or as one of a few errors
that tell the planner what to think of the parent.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TypeVar

from dfcore.digest import Digest
from dfcore.errors import BadInput, DigestMismatch, PeerBroken
from dfdaemon.fetch.limiter import NO_LIMIT, Limiter
from dfdaemon.fetch.link import Link, Stalled
from dfdaemon.fetch.links import IdleLinks
from dfdaemon.fetch.receive import Pace, receive_piece, receive_unit
from dfdaemon.fetch.requests import (
    Address,
    NotClaimed,
    ParentBusy,
    PieceReceived,
    UnitAbsent,
    UnitReceived,
    UnitRequest,
)
from dfdaemon.fetch.sink import UnitSink
from dfdaemon.vortex import pieces
from dfdaemon.vortex.units import Absent, AbsentCode, GetAny, GetUnit, UnitContent
from dfdaemon.vortex.wire import Header, Tag
from dfinfra.offload import Pool

T = TypeVar("T")
Expected = Callable[[int], bytes | None]
Claim = Callable[[int], bool]


def _unheard() -> None:
    """Nobody wants to know."""


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
    stall_timeout_s: float = 3.0
    min_rate_bytes_s: int = 16 * 1024
    idle_timeout_s: float = 20.0
    idle_connections: int = 64


class ParentPool:
    """Takes units from parents, over connections that are kept alive and used one at a time.

    ``tls`` is the cluster's mutual TLS as a client; without it restricted blobs cannot be fetched.
    """

    def __init__(
        self, config: ParentConfig | None = None, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._config = config or ParentConfig()
        self._tls = tls
        self._threads = Pool("fetch-parent", self._config.threads)
        self._idle = IdleLinks(self._config.idle_connections, self._config.idle_timeout_s)
        self._busy: set[Link] = set()
        self._closed = False

    async def fetch(
        self,
        addr: Address,
        request: UnitRequest,
        blob: UnitSink,
        expected: Expected,
        limiter: Limiter = NO_LIMIT,
        *,
        claim: Claim | None = None,
        on_ebb: Callable[[], None] = _unheard,
    ) -> UnitReceived:
        """Take one unit: ask, receive, verify, write, commit.

        ``expected(unit)`` is the digest the unit must have, None if nobody vouched for it yet; the
        parent's own is then taken. ``claim(unit)`` is asked on the loop once an any-of answer names
        its unit and before a byte is written: False if the unit is held or in flight from
        elsewhere. ``on_ebb`` is called on the loop when little of the unit is left.
        Until this returns or raises, the unit's bytes are the transfer's alone; a
        cancelled fetch returns only after its thread has stopped writing.

        Raises ParentBusy, UnitAbsent, NotClaimed (all PeerRefused), PeerBroken, DigestMismatch, and
        what the blob raises (NoSpace; NotFound if it is deleted meanwhile, Unavailable, OSError).
        """
        started = monotonic()
        link, header, value = await self._converse(addr, request)
        # After these two nothing follows: the link is in order.
        keep = header.tag in (Tag.BUSY, Tag.ABSENT)
        try:
            content = _admitted(addr, header, value)
            _check(addr, content, request, blob)
            vouched = expected(content.unit)
            if vouched is not None and vouched != content.digest:
                raise DigestMismatch(f"{addr[0]} announced unit {content.unit} with another digest")
            if claim is not None and request.wanted is not None and not claim(content.unit):
                raise NotClaimed(f"unit {content.unit} is not wanted any more")
            ebbed = partial(asyncio.get_running_loop().call_soon_threadsafe, on_ebb)
            await self._receive(link, limiter, partial(receive_unit, link, blob, content, ebbed))
            keep = True
        finally:
            self._release(link, keep=keep)
        return UnitReceived(content.unit, content.digest, content.length, monotonic() - started)

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
        started = monotonic()
        link = await Link.connect(addr, None, self._config.connect_timeout_s)
        self._busy.add(link)
        try:
            request = pieces.DownloadPiece(task_id, piece).pack(packet_id=piece & 0xFF)
            content = await _piece_answer(link, request, self._config.answer_timeout_s)
            place = blob.geometry.piece_range(piece)
            if (content.piece, content.offset, content.length) != (piece, place.start, place.size):
                raise PeerBroken(f"{addr[0]} sent another piece than {piece}")
            algorithm = _algorithm(addr, content.digest)
            units = await self._receive(
                link, limiter, partial(receive_piece, link, blob, content, algorithm)
            )
        finally:
            self._release(link, keep=False)
        return PieceReceived(piece, place.size, monotonic() - started, units)

    async def aclose(self) -> None:
        """Break off every transfer and close the connections."""
        self._closed = True
        for link in self._busy:
            link.shut()
        self._idle.close()
        self._threads.close()

    async def _converse(self, addr: Address, request: UnitRequest) -> tuple[Link, Header, bytes]:
        """Ask for a unit over an idle link, or over a new one if that turns out to have ended."""
        context = self._context(request)
        packet, timeout_s = _packet(request), self._config.answer_timeout_s
        if request.wanted is not None:
            timeout_s = self._config.any_of_timeout_s
        while True:
            link = self._idle.take(addr, tls=request.tls)
            if link is None:
                link = await Link.connect(addr, context, self._config.connect_timeout_s)
            self._busy.add(link)
            answered = False
            try:
                header, value = await link.ask(packet, timeout_s)
                answered = True
                return link, header, value
            except Stalled:
                raise
            except PeerBroken:
                if not link.reused or self._closed:
                    raise
            finally:
                if not answered:
                    self._release(link, keep=False)

    def _context(self, request: UnitRequest) -> ssl.SSLContext | None:
        if not request.tls:
            return None
        if self._tls is None:
            raise UnitAbsent(
                "a restricted blob needs a certificate of the cluster, and this host has none",
                absent_code=AbsentCode.RESTRICTED,
            )
        return self._tls

    async def _receive(self, link: Link, limiter: Limiter, work: Callable[[Pace], T]) -> T:
        link.begin_receiving(self._config.stall_timeout_s)
        pace = Pace(limiter, self._config.min_rate_bytes_s, link.given_up)
        result = await self._threads.run_interruptibly(link.shut, work, pace)
        link.end_receiving()
        return result

    def _release(self, link: Link, *, keep: bool) -> None:
        self._busy.discard(link)
        if keep and not self._closed:
            self._idle.put(link)
        else:
            link.close()


def _packet(request: UnitRequest) -> bytes:
    if request.unit is not None:
        return GetUnit(request.task_id, request.unit, request.child_host_id).pack()
    wanted = request.wanted.to_bytes() if request.wanted is not None else b""
    return GetAny(request.task_id, request.child_host_id, wanted).pack()


def _admitted(addr: Address, header: Header, value: bytes) -> UnitContent:
    """The head of the unit, or the parent's refusal as an exception."""
    match header.tag:
        case Tag.UNIT_CONTENT:
            with _sane(addr):
                return UnitContent.parse(value)
        case Tag.BUSY:
            raise ParentBusy(f"{addr[0]} has no free slot")
        case Tag.ABSENT:
            with _sane(addr):
                absent = Absent.parse(value)
            raise UnitAbsent(
                f"{addr[0]} does not serve it: {absent.reason}", absent_code=absent.code
            )
        case _:
            raise PeerBroken(f"{addr[0]} answered with a packet of tag {header.tag}")


def _check(addr: Address, content: UnitContent, request: UnitRequest, blob: UnitSink) -> None:
    """A parent may send only what was asked for, to where it belongs."""
    unit = content.unit
    asked = unit == request.unit if request.wanted is None else unit in request.wanted
    if not asked or unit >= blob.geometry.unit_count:
        raise PeerBroken(f"{addr[0]} sent unit {unit}, which was not asked for")
    place = blob.geometry.unit_range(unit)
    if (content.offset, content.length) != (place.start, place.size):
        raise PeerBroken(f"{addr[0]} cuts the blob into other units")
    if unit in blob.held:
        raise NotClaimed(f"unit {unit} is held already")


async def _piece_answer(link: Link, request: bytes, timeout_s: float) -> pieces.PieceContent:
    header = await link.ask_header(request, timeout_s)
    with _sane(link.addr):
        if header.tag == Tag.PIECE_CONTENT:
            head = await link.read(pieces.METADATA_LENGTH_SIZE, timeout_s)
            metadata = await link.read(pieces.parse_metadata_length(head), timeout_s)
            return pieces.PieceContent.parse_metadata(metadata)
        if header.tag == Tag.ERROR and header.length <= pieces.MAX_METADATA_SIZE:
            said = pieces.PieceError.parse(await link.read(header.length, timeout_s))
            raise UnitAbsent(
                f"{link.addr[0]} does not serve the piece: {said.message}",
                absent_code=AbsentCode.NOT_HELD,
            )
    raise PeerBroken(f"{link.addr[0]} answered with a packet of tag {header.tag}")


def _algorithm(addr: Address, digest: str) -> str:
    with _sane(addr):
        return Digest.parse(digest).algorithm


@contextmanager
def _sane(addr: Address) -> Iterator[None]:
    """What cannot be read is the parent's fault."""
    try:
        yield
    except BadInput as error:
        raise PeerBroken(f"{addr[0]} sent nonsense: {error}") from error
