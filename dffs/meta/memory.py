"""An engine in the memory of this process: for tests and for trying things out.

`memory://` is a new one each time, `memory://name` is shared within the process.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from dffs.meta.kv import SEQUENCE, Pair, Txn

T = TypeVar("T")


class _Space:
    """The data of one engine: values by key, the keys in order, the counters."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.values: dict[bytes, bytes] = {}
        self.order: list[bytes] = []
        self.counters: dict[bytes, int] = {}


_SHARED: dict[str, _Space] = {}


class _MemoryTxn(Txn):
    def __init__(self, space: _Space) -> None:
        super().__init__()
        self._space = space

    def _read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self._space.values.get(key) for key in keys]

    def _read_range(
        self, start: bytes, end: bytes, limit: int | None, keys_only: bool
    ) -> list[Pair]:
        order, values = self._space.order, self._space.values
        first, last = bisect_left(order, start), bisect_left(order, end)
        if limit is not None:
            last = min(last, first + limit)
        return [(key, values[key]) for key in order[first:last]]

    def _read_counter(self, name: bytes) -> int:
        return self._space.counters.get(name, 0)


class MemoryEngine:
    """One transaction at a time, behind a lock."""

    def __init__(self, url: str = "memory://") -> None:
        self.url = url
        name = url.partition("://")[2]
        self._space = _SHARED.setdefault(name, _Space()) if name else _Space()

    def transact(self, fn: Callable[[Txn], T], *, read_only: bool = False) -> T:
        """Run `fn`; what it writes is there when it returns."""
        with self._space.lock:
            txn = _MemoryTxn(self._space)
            result = fn(txn)
            self._commit(txn)
            return result

    def _commit(self, txn: Txn) -> None:
        space = self._space
        for name, delta in txn.adds.items():
            space.counters[name] = space.counters.get(name, 0) + delta
        for prefix, value in txn.appends:
            number = space.counters[SEQUENCE] = space.counters.get(SEQUENCE, 0) + 1
            txn.writes[prefix + number.to_bytes(8, "big")] = value
        for key, new in txn.writes.items():
            if new is not None:
                if key not in space.values:
                    insort(space.order, key)
                space.values[key] = new
            elif key in space.values:
                del space.values[key]
                del space.order[bisect_left(space.order, key)]

    def stream(self, start: bytes, end: bytes) -> Iterator[Pair]:
        """A copy of the range as it is now."""
        yield from self.transact(lambda txn: txn.scan(start, end), read_only=True)

    def counters(self) -> dict[bytes, int]:
        """All counters."""
        with self._space.lock:
            return dict(self._space.counters)

    def clear(self) -> None:
        """Remove all keys and counters."""
        with self._space.lock:
            self._space.values.clear()
            self._space.order.clear()
            self._space.counters.clear()

    def sync(self) -> None:
        """Nothing: memory does not outlive the process."""

    def close(self) -> None:
        """Nothing: a shared space stays until the process ends."""
