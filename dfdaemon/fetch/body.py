"""The body of an origin's answer, on its way into a blob, a file or memory. Blocking.

Runs in a thread of `OriginPool`; nobody else reads the answer meanwhile.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from http.client import HTTPException

from dfcore.digest import UnitHasher
from dfcore.errors import ContentChanged, OriginBroken
from dfdaemon.fetch.exchange import Answer
from dfdaemon.fetch.limiter import Limiter
from dfdaemon.fetch.receive import BUFFER_SIZE, LIMITED_READ_SIZE, thread_buffer
from dfdaemon.fetch.sink import UnitSink

OnUnit = Callable[[int, bytes], None]


class Body:
    """Reads ``answer``'s body, which begins at ``offset`` of the blob, below ``limiter``."""

    def __init__(
        self, answer: Answer, offset: int, limiter: Limiter, given_up: threading.Event
    ) -> None:
        self._answer = answer
        self._offset = offset
        self._limiter = limiter
        self._given_up = given_up
        self._read_size = BUFFER_SIZE if limiter.unlimited else LIMITED_READ_SIZE
        self.received = 0

    def into(self, blob: UnitSink, first: int, until: int, on_unit: OnUnit | None) -> int:
        """Fill the units ``first`` to ``until``; returns the bytes received."""
        geometry = blob.geometry
        for unit in range(first, until):
            place = geometry.unit_range(unit)
            self._skip_to(place.start)
            digest = self._unit(blob, unit, place.end)
            if digest is not None and on_unit is not None:
                on_unit(unit, digest)
        if until == geometry.unit_count:
            self._expect_end()
        return self.received

    def spool(self, fd: int, limit_bytes: int) -> int:
        """Write everything to ``fd``; returns how much it was."""
        while view := self._next(self._read_size):
            if self.received > limit_bytes:
                raise OriginBroken(f"the origin sent more than {limit_bytes} bytes")
            os.pwrite(fd, view, self.received - len(view))
        self._check_complete()
        return self.received

    def gather(self, limit_bytes: int) -> bytes:
        """Everything as bytes."""
        parts = bytearray()
        while view := self._next(self._read_size):
            parts += view
            if len(parts) > limit_bytes:
                raise OriginBroken(f"the origin sent more than {limit_bytes} bytes")
        self._check_complete()
        return bytes(parts)

    def _unit(self, blob: UnitSink, unit: int, end: int) -> bytes | None:
        """Take one unit; its digest, None if it was held already and only passed over."""
        if unit in blob.held:
            self._skip_to(end)
            return None
        hasher = UnitHasher()
        while self._offset < end:
            at = self._offset
            view = self._next_or_broken(end - at)
            hasher.update(view)
            blob.write_at(at, view)
        digest = hasher.digest()
        blob.commit(unit, digest)
        return digest

    def _skip_to(self, offset: int) -> None:
        if offset < self._offset:
            raise OriginBroken("the origin's answer begins behind the units to be filled")
        while self._offset < offset:
            self._next_or_broken(offset - self._offset)

    def _next_or_broken(self, most: int) -> memoryview:
        view = self._next(min(most, self._read_size))
        if not view:
            raise OriginBroken(f"the origin's answer was cut off at byte {self._offset}")
        return view

    def _next(self, most: int) -> memoryview:
        """The next bytes, in this thread's buffer; empty at the end."""
        view = thread_buffer()[:most]
        try:
            view = view[: self._answer.body.readinto(view)]
        except TimeoutError as error:
            raise OriginBroken("the origin stopped sending") from error
        except (OSError, HTTPException) as error:
            raise OriginBroken("the origin broke the connection off") from error
        self.received += len(view)
        self._offset += len(view)
        delay_s = self._limiter.reserve(len(view))
        if delay_s > 0:
            self._given_up.wait(delay_s)
        if self._given_up.is_set():
            raise OriginBroken("the request was given up")
        return view

    def _expect_end(self) -> None:
        # Reading past the last byte also takes in the end of a chunked body, so that the
        # connection can be used again.
        if not self._answer.body.isclosed() and self._next(1):
            raise ContentChanged("the origin sent more bytes than the blob has")

    def _check_complete(self) -> None:
        if self._answer.body.length and not self._answer.empty:
            raise OriginBroken(f"the origin's answer was cut off at byte {self._offset}")
