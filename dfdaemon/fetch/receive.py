"""The inner loops: bytes from a link into a blob, hashed on the way. Blocking, for pool threads.

A thread keeps one 256 KiB buffer, small enough to stay in its core's cache between ``recv_into``,
hash and ``pwrite``. A parent that sends, but slower than the minimum rate, is given up like a
stalled one; waiting for our own limiter does not count against it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from dfcore.digest import Hasher, UnitHasher, new_hasher
from dfcore.errors import DigestMismatch, PeerBroken
from dfdaemon.fetch.limiter import Limiter
from dfdaemon.fetch.link import Link, Stalled
from dfdaemon.fetch.sink import UnitSink
from dfdaemon.vortex.pieces import PieceContent
from dfdaemon.vortex.units import UnitContent

BUFFER_SIZE = 256 * 1024
LIMITED_READ_SIZE = 64 * 1024
EBB_SIZE = BUFFER_SIZE
"""So little of a unit is left when the next may be asked for, and a quarter of it at most."""
# A rate is not judged before so many seconds.
_RATE_GRACE_S = 5.0

_own = threading.local()


def thread_buffer() -> memoryview:
    """This thread's buffer."""
    if not hasattr(_own, "buffer"):
        _own.buffer = memoryview(bytearray(BUFFER_SIZE))
    buffer: memoryview = _own.buffer
    return buffer


class Pace:
    """Keeps a transfer below its limiter and above the minimum rate, and ends it when told to."""

    def __init__(
        self, limiter: Limiter, min_rate_bytes_s: float, given_up: threading.Event
    ) -> None:
        self._given_up = given_up
        self._limiter = limiter
        self._min_rate_bytes_s = min_rate_bytes_s
        self._started = monotonic()
        self._waited_s = 0.0
        self._received = 0
        self.read_size = BUFFER_SIZE if limiter.unlimited else LIMITED_READ_SIZE

    def moved(self, size_bytes: int) -> None:
        """Account for bytes just received, and wait if they were too many."""
        self._received += size_bytes
        delay_s = self._limiter.reserve(size_bytes)
        if delay_s > 0:
            self._waited_s += delay_s
            self._given_up.wait(delay_s)
        if self._given_up.is_set():
            raise PeerBroken("the transfer was given up")
        active_s = monotonic() - self._started - self._waited_s
        if active_s > _RATE_GRACE_S and self._received < active_s * self._min_rate_bytes_s:
            raise Stalled(f"only {self._received / active_s:.0f} bytes/s arrive")


def receive_unit(
    link: Link, blob: UnitSink, content: UnitContent, on_ebb: Callable[[], object], pace: Pace
) -> None:
    """Receive the bytes that follow ``content``, verify and commit them. ``on_ebb`` is called once,
    from this thread, when the last of them are awaited."""
    if _receive(link, blob, content.unit, pace, on_ebb=on_ebb) != content.digest:
        raise DigestMismatch(f"unit {content.unit} arrived with bytes that are not its own")
    blob.commit(content.unit, content.digest)


def receive_piece(
    link: Link, blob: UnitSink, content: PieceContent, algorithm: str, pace: Pace
) -> tuple[tuple[int, bytes], ...]:
    """Receive the bytes of a plain Dragonfly piece; commit its units once all of it is verified."""
    whole = new_hasher(algorithm, content.length)
    held = blob.held
    digests = [
        (unit, _receive(link, blob, unit, pace, also=whole, write=unit not in held))
        for unit in blob.geometry.units_of_piece(content.piece)
    ]
    if str(whole.digest()) != content.digest:
        raise DigestMismatch(f"piece {content.piece} arrived with bytes that are not its own")
    fresh = tuple((unit, digest) for unit, digest in digests if unit not in held)
    for unit, digest in fresh:
        blob.commit(unit, digest)
    return fresh


def _receive(
    link: Link,
    blob: UnitSink,
    unit: int,
    pace: Pace,
    *,
    also: Hasher | None = None,
    write: bool = True,
    on_ebb: Callable[[], object] | None = None,
) -> bytes:
    """Receive one unit's bytes into their place; returns their digest."""
    place = blob.geometry.unit_range(unit)
    hasher = UnitHasher()
    buffer = thread_buffer()
    at = place.start
    ebb_at = place.end - min(EBB_SIZE, -(-place.size // 4))
    while at < place.end:
        if on_ebb is not None and at >= ebb_at:
            on_ebb()
            on_ebb = None
        # One read must not take the ebb and the end together, or the request would come too late.
        stop = place.end if on_ebb is None else ebb_at
        view = buffer[: min(pace.read_size, stop - at)]
        view = view[: link.receive_into(view)]
        hasher.update(view)
        if also is not None:
            also.update(view)
        if write:
            blob.write_at(at, view)
        at += len(view)
        pace.moved(len(view))
    return hasher.digest()
