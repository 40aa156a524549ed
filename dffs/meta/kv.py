"""The transactions that the semantics are written over, and what an engine has to do.

Keys and values are bytes, ordered as bytes. A transaction's function may run several times: it must
have no effect but through its `Txn`. Writes are kept in memory and given to the engine at the end,
in one go, so a function that raises leaves nothing behind.

Beside keys there are counters (`add`, `counter`): 64-bit numbers that are added to without being
read, so that two transactions that only count never wait for each other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import partial
from typing import Protocol, TypeVar
from urllib.parse import urlsplit, urlunsplit

from dfcore.errors import Unavailable

T = TypeVar("T")
Pair = tuple[bytes, bytes]

# `prefetch(through=…)` reads a key and then this prefix followed by the first 8 bytes of its value.
THROUGH_PREFIX = b"i"
THROUGH_BYTES = 8


class EngineDown(Unavailable):
    """The engine cannot be reached, or has not answered a commit (whose outcome is then unknown)."""

    code = "engine_down"


class Txn(ABC):
    """Reads see the committed state and this transaction's own writes.

    What is read takes part in the check for conflicts, unless `watch=False` says that a stale value
    does no harm.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, bytes | None] = {}
        self.watched: dict[bytes, bytes | None] = {}
        self.writes: dict[bytes, bytes | None] = {}
        self.adds: dict[bytes, int] = {}
        self.appends: list[Pair] = []

    # --- what an engine implements -------------------------------------------------------------

    @abstractmethod
    def _read(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """Committed values, in one round trip."""

    @abstractmethod
    def _read_range(
        self, start: bytes, end: bytes, limit: int | None, keys_only: bool
    ) -> list[Pair]:
        """Committed pairs with start <= key < end, in order; values may be empty with `keys_only`."""

    @abstractmethod
    def _read_counter(self, name: bytes) -> int:
        """The committed value of a counter."""

    def _read_through(
        self, keys: Sequence[bytes], through: Sequence[bytes]
    ) -> tuple[Sequence[bytes | None], Sequence[bytes | None], Sequence[bytes | None]]:
        """Values of `keys`, of `through`, and of what those lead to; one round trip where possible."""
        values = self._read([*keys, *through])
        first, second = values[: len(keys)], values[len(keys) :]
        leads = [None if v is None else THROUGH_PREFIX + v[:THROUGH_BYTES] for v in second]
        found = (
            dict(zip(wanted, self._read(wanted), strict=True))
            if (wanted := [key for key in leads if key is not None])
            else {}
        )
        return first, second, [None if key is None else found[key] for key in leads]

    def _watch_range(  # noqa: B027
        self, start: bytes, end: bytes, limit: int | None, keys_only: bool, found: list[Pair]
    ) -> None:
        """Note a range for the check for conflicts; nothing to do for engines that lock."""

    # --- what the semantics use ----------------------------------------------------------------

    def get(self, key: bytes, *, watch: bool = True) -> bytes | None:
        """The value, None if there is none."""
        if key in self.writes:
            return self.writes[key]
        if key in self._known and (not watch or key in self.watched):
            return self._known[key]
        return self._remember(key, self._read((key,))[0], watch)

    def get_many(self, keys: Sequence[bytes], *, watch: bool = True) -> list[bytes | None]:
        """The values, in the order of the keys."""
        self.prefetch(keys, watch=watch)
        writes, known = self.writes, self._known
        return [writes[key] if key in writes else known[key] for key in keys]

    def prefetch(
        self, keys: Sequence[bytes], through: Sequence[bytes] = (), *, watch: bool = True
    ) -> None:
        """Read keys in one round trip; what follows is then answered from memory.

        Each key of `through` holds an inode number in its first 8 bytes: that inode's record comes,
        too.
        """
        seen: Container[bytes] = self.watched if watch else self._known
        writes = self.writes
        keys = [key for key in keys if key not in seen and key not in writes]
        if not through:
            if keys:
                for key, value in zip(keys, self._read(keys), strict=True):
                    self._remember(key, value, watch)
            return
        first, second, third = self._read_through(keys, through)
        for key, value in zip(keys, first, strict=True):
            self._remember(key, value, watch)
        for key, value, target in zip(through, second, third, strict=True):
            self._remember(key, value, watch)
            if value is not None:
                self._remember(THROUGH_PREFIX + value[:THROUGH_BYTES], target, watch)

    def _remember(self, key: bytes, value: bytes | None, watch: bool) -> bytes | None:
        if key in self.watched:  # the first look counts: the commit will tell if it was outdated
            return self.watched[key]
        self._known[key] = value
        if watch:
            self.watched[key] = value
        return value

    def scan(
        self,
        start: bytes,
        end: bytes,
        *,
        limit: int | None = None,
        keys_only: bool = False,
        watch: bool = True,
    ) -> list[Pair]:
        """Pairs with start <= key < end in order, at most `limit`."""
        own = {key: value for key, value in self.writes.items() if start <= key < end}
        ask = limit if limit is None else limit + len(own)
        found = self._read_range(start, end, ask, keys_only)
        if watch:
            self._watch_range(start, end, ask, keys_only, found)
        if own:
            merged = {**dict(found), **own}
            found = sorted((key, value) for key, value in merged.items() if value is not None)
        return found if limit is None else found[:limit]

    def scan_through(
        self, start: bytes, end: bytes, limit: int
    ) -> list[tuple[bytes, bytes, bytes | None]]:
        """Pairs as `scan` gives them, each with the record of the inode that it leads to.

        For looking only: own writes are not seen, and nothing is noted for the check for conflicts.
        """
        found = self._read_range(start, end, limit, False)
        if not found:
            return []
        targets = self._read([THROUGH_PREFIX + value[:THROUGH_BYTES] for _, value in found])
        return [(*pair, target) for pair, target in zip(found, targets, strict=True)]

    def put(self, key: bytes, value: bytes) -> None:
        """Set a value."""
        self.writes[key] = value

    def delete(self, key: bytes) -> None:
        """Remove a key; nothing happens if it is not there."""
        self.writes[key] = None

    def add(self, name: bytes, delta: int) -> None:
        """Add to a counter."""
        if delta:
            self.adds[name] = self.adds.get(name, 0) + delta

    def counter(self, name: bytes) -> int:
        """A counter's value with this transaction's own additions; 0 if nothing was ever added."""
        return self._read_counter(name) + self.adds.get(name, 0)

    def append(self, prefix: bytes, value: bytes) -> None:
        """Put a value under `prefix` + a growing 8-byte number that the engine gives at commit."""
        self.appends.append((prefix, value))

    @property
    def has_effect(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self.writes or self.adds or self.appends)

    @property
    def is_repeatable(self) -> bool:
        """Whether committing twice is as good as once."""
        return not (self.watched or self.adds or self.appends)


class Engine(Protocol):
    """A transactional ordered key-value store."""

    url: str  # without secrets

    def transact(self, fn: Callable[[Txn], T], *, read_only: bool = False) -> T:
        """Run `fn` as one serializable transaction, again after a conflict; EngineDown.

        With `read_only` each read is the newest committed state, but two reads need not belong to
        the same moment.
        """
        ...

    def stream(self, start: bytes, end: bytes) -> Iterator[Pair]:
        """All pairs of a range in order, of one moment where the engine can do that."""
        ...

    def counters(self) -> dict[bytes, int]:
        """All counters."""
        ...

    def clear(self) -> None:
        """Remove all keys and counters."""
        ...

    def sync(self) -> None:
        """Return when what was committed is on stable storage, as far as the engine lets us say."""
        ...

    def close(self) -> None:
        """Give up connections."""
        ...


# The counter from which appended keys get their numbers.
SEQUENCE = b"\x00sequence"


def public_url(url: str) -> str:
    """The URL without password and options."""
    parts = urlsplit(url)
    where = parts.netloc.rpartition("@")[2]
    if parts.username:
        where = f"{parts.username}@{where}"
    return urlunsplit((parts.scheme, where, parts.path, "", ""))


def chunked(engine: Engine, start: bytes, end: bytes, size: int = 2000) -> Iterator[Pair]:
    """A range in many short read transactions, for engines without a cheap snapshot."""
    while True:
        page = partial(Txn.scan, start=start, end=end, limit=size, watch=False)
        found = engine.transact(page, read_only=True)
        yield from found
        if len(found) < size:
            return
        start = found[-1][0] + b"\x00"


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size` items."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch
