"""What all operations of a client share: its engine, its clock, its open inodes, its supply of
numbers.
"""

from __future__ import annotations

import errno
import itertools
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

from dffs.meta import keys, records
from dffs.meta.ages import Ages
from dffs.meta.kv import Engine, Txn
from dffs.meta.types import MetaError, SessionInfo, Settings
from dffs.meta.work import Work
from dfinfra.clock import Clock, SystemClock

T = TypeVar("T")

_INODES_AT_ONCE = 1024
_STRIPES = 128
FIRST_FREE_INO = 16


class Core:
    """The ground under the operations; `Meta` is made of this and one class per subject."""

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Clock | None = None,
        read_only: bool = False,
        atime_mode: str = "noatime",
        heartbeat_s: float = 12.0,
        reclaim_age_s: float = 3600.0,
    ) -> None:
        self.engine = engine
        self.clock = clock or SystemClock()
        self.read_only = read_only
        self.atime_mode = atime_mode
        self.heartbeat_s = heartbeat_s
        self.reclaim_age_s = reclaim_age_s
        self.sid = 0
        self._change_numbers = itertools.count(1)
        self.change_count = 0
        self.hints: dict[tuple[int, bytes], int] = {}
        self._opened: Counter[int] = Counter()
        self._claimed: set[int] = set()  # orphans that are marked as open here
        self._opened_lock = threading.Lock()
        self._stripes = [threading.Lock() for _ in range(_STRIPES)]
        self._numbers_lock = threading.Lock()
        self._next_ino = self._last_ino = 0
        self._dying: dict[bytes, int] = {}  # blocks that this client was given to delete
        self._orphan_ages: Ages[tuple[int, bytes]] = Ages()
        self._session_ages: Ages[tuple[int, int]] = Ages()
        self._session_lock = threading.Lock()
        self._session = SessionInfo(0, 0)
        self._ended = threading.Event()
        self._beat: threading.Thread | None = None
        self._settings: tuple[bytes, Settings] = (b"", Settings())

    @property
    def now_ns(self) -> int:
        """The time, in nanoseconds since the epoch."""
        return int(self.clock.time() * 1e9)

    def parse_settings(self, raw: bytes) -> Settings:
        """The settings, parsed once as long as they stay the same."""
        known, settings = self._settings
        if raw != known:
            settings = records.unpack_settings(raw)
            self._settings = (raw, settings)
        return settings

    def _read(self, fn: Callable[[Work], T]) -> T:
        """One transaction that changes nothing."""
        return self.engine.transact(
            lambda txn: fn(Work(txn, self, 0)),
            read_only=True,
        )

    def _write(self, fn: Callable[[Work], T], *inos: int) -> T:
        """One transaction; `inos` are those over which transactions of this process would fight."""
        if self.read_only:
            raise MetaError(errno.EROFS)

        def attempt(txn: Txn) -> T:
            work = Work(txn, self, self.now_ns)
            result = fn(work)
            work.finish()
            return result

        try:
            with ExitStack() as locks:
                for stripe in sorted({ino % _STRIPES for ino in inos}):
                    locks.enter_context(self._stripes[stripe])
                return self.engine.transact(attempt)
        finally:
            self.change_count = next(self._change_numbers)

    def _new_ino(self) -> int:
        """A number for a new inode; they come in batches, unused ones are lost."""
        with self._numbers_lock:
            if self._next_ino >= self._last_ino:
                self._next_ino = self._take(keys.NEXT_INO, _INODES_AT_ONCE, FIRST_FREE_INO)
                self._last_ino = self._next_ino + _INODES_AT_ONCE
            self._next_ino += 1
            return self._next_ino - 1

    def _take(self, key: bytes, count: int, first: int) -> int:
        """The first of `count` numbers that nobody else gets."""
        if self.read_only:
            raise MetaError(errno.EROFS)

        def take(txn: Txn) -> int:
            raw = txn.get(key)
            number = int.from_bytes(raw, "big") if raw else first
            txn.put(key, (number + count).to_bytes(8, "big"))
            return number

        return self.engine.transact(take)

    # --- open inodes ---------------------------------------------------------------------------

    def _keep(self, ino: int) -> None:
        """This process has one more handle on an inode."""
        with self._opened_lock:
            self._opened[ino] += 1

    def _claims(self, ino: int) -> bool:
        """Whether an inode that is about to lose its last name has to be kept for this process."""
        if self._opened.get(ino, 0) <= 0:
            return False
        self._claimed.add(ino)
        return True

    def _let_go(self, ino: int) -> bool:
        """One handle less; True when it was the last."""
        with self._opened_lock:
            self._opened[ino] -= 1
            if self._opened[ino] > 0:
                return False
            del self._opened[ino]
            return True
