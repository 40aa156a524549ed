"""Attributes of files that were opened lately, so that opening them again asks nobody (`--open-cache`).

It softens close-to-open: what another node changed is seen by whoever opens the file when the time
is up. What this process changes is seen at once, and so is what it hears from a change feed.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from dffs.meta.types import Attr, Caller

_Who = tuple[int, int, frozenset[int]]


class Openings:
    """Of at most `limit` files, for `keep_s` seconds each; 0 remembers nothing. Thread-safe."""

    def __init__(
        self, keep_s: float, limit: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keep_s = keep_s
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        # By inode: what the engine said, when, and who was let in.
        self._known: OrderedDict[int, tuple[Attr, float, frozenset[_Who]]] = OrderedDict()

    def find(self, caller: Caller, ino: int) -> Attr | None:
        """What the engine said lately to this caller who opened the file for reading."""
        with self._lock:
            known = self._known.get(ino)
            if known is None or _who(caller) not in known[2]:
                return None
            if self._clock() - known[1] >= self._keep_s:
                del self._known[ino]
                return None
            return known[0]

    def note(self, caller: Caller, attr: Attr) -> None:
        """The engine let this caller open a file for reading."""
        if not self._keep_s:
            return
        with self._lock:
            before = self._known.pop(attr.ino, None)
            others = before[2] if before and before[0].version == attr.version else frozenset()
            at = before[1] if before and others else self._clock()
            self._known[attr.ino] = attr, at, others | {_who(caller)}
            if len(self._known) > self._limit:
                self._known.popitem(last=False)

    def forget(self, ino: int) -> None:
        """The file has been changed."""
        if self._keep_s:
            with self._lock:
                self._known.pop(ino, None)


def _who(caller: Caller) -> _Who:
    return caller.uid, caller.gid, caller.groups
