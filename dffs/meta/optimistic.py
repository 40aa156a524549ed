"""Engines on a server: read without locks, compare what was read at commit, and write if nothing
has changed.

Redis, PostgreSQL and MySQL differ in how they read and commit; when to try again is the same.
"""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar, NamedTuple, TypeVar

from dffs.meta.kv import EngineDown, Pair, Txn, chunked
from dffs.meta.retry import Attempts, one_line
from dffs.meta.types import MetaError

T = TypeVar("T")


class Range(NamedTuple):
    """A range that was read, and what was found. `limit` is -1 for none."""

    start: bytes
    end: bytes
    limit: int
    keys_only: bool
    found: list[Pair]


class OptimisticTxn(Txn):
    """Remembers ranges as well as values."""

    def __init__(self) -> None:
        super().__init__()
        self.ranges: list[Range] = []

    def _watch_range(
        self, start: bytes, end: bytes, limit: int | None, keys_only: bool, found: list[Pair]
    ) -> None:
        bound = -1 if limit is None else limit
        self.ranges.append(Range(start, end, bound, keys_only, found))

    def puts_and_deletes(self) -> tuple[list[Pair], list[bytes]]:
        """What to set and what to remove; what is known not to be there needs no removal."""
        puts: list[Pair] = []
        deletes: list[bytes] = []
        for key, value in self.writes.items():
            if value is not None:
                puts.append((key, value))
            elif key not in self.watched or self.watched[key] is not None:
                deletes.append(key)
        return puts, deletes


class OptimisticEngine(ABC):
    """The loop around a transaction."""

    lost: ClassVar[tuple[type[Exception], ...]]  # the connection broke
    broken: ClassVar[tuple[type[Exception], ...]]  # the server refuses

    def _is_full(self, error: Exception) -> bool:
        """Whether the server refuses because it has no room."""
        return False

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def _begin(self) -> OptimisticTxn:
        """A transaction that has read nothing yet."""

    @abstractmethod
    def _commit(self, txn: OptimisticTxn) -> bool:
        """Compare and write; False when something that was read has changed."""

    def transact(self, fn: Callable[[Txn], T], *, read_only: bool = False) -> T:
        """Run `fn`, and again as long as others are first."""
        for attempt in Attempts(self.url):
            txn = self._begin()
            committing = False
            try:
                result = fn(txn)
                if read_only or not txn.has_effect:
                    return result
                committing = True
                if self._commit(txn):
                    return result
                attempt.conflict()
            except MetaError:
                raise  # an answer, and an OSError by its nature: nothing is wrong with the engine
            except self.lost as error:
                if self._is_full(error):
                    raise MetaError(errno.ENOSPC, f"{self.url}: {one_line(error)}") from error
                attempt.lost(error)
                if committing and not txn.is_repeatable and self._happened(txn, attempt):
                    return result
            except self.broken as error:
                if self._is_full(error):
                    raise MetaError(errno.ENOSPC, f"{self.url}: {one_line(error)}") from error
                raise EngineDown(f"{self.url}: {one_line(error)}") from error
        raise AssertionError("attempts end by returning or raising")

    def _happened(self, txn: OptimisticTxn, attempt: Attempts) -> bool:
        """Whether a commit took place that was not answered: look, as soon as the server is back."""
        written, watched = txn.writes, txn.watched
        wanted = [*written, *(key for key in watched if key not in written)]
        while True:
            try:
                now = dict(zip(wanted, self._begin().get_many(wanted), strict=True))
                break
            except self.lost as error:
                attempt.lost(error)
        if written and all(now[key] == value for key, value in written.items()):
            return True
        if written and all(now[key] == value for key, value in watched.items()):
            return False
        raise EngineDown(
            f"{self.url}: the connection broke during a commit; whether it took place is not known"
        )

    def stream(self, start: bytes, end: bytes) -> Iterator[Pair]:
        """All pairs of a range, in pages."""
        return chunked(self, start, end)

    @abstractmethod
    def counters(self) -> dict[bytes, int]:
        """All counters."""

    @abstractmethod
    def clear(self) -> None:
        """Remove all keys and counters."""

    @abstractmethod
    def sync(self) -> None:
        """Return when what was committed is on stable storage."""

    @abstractmethod
    def close(self) -> None:
        """Give up connections."""
