"""An ordered map that knows sizes and pins: the bookkeeping of every bounded cache.

It decides who would go, the owner lets them go (`victims`, then `pop`). The blob store keeps its
blobs in it, the proxy its leaf certificates, the Hub mirror its metadata answers.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from dfcore.errors import BadInput

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(slots=True)
class _Entry(Generic[Value]):
    value: Value
    size: int
    pins: int = 0


class Lru(Generic[Key, Value]):
    """Entries from least to most recently used. Not thread-safe: its owner locks."""

    __slots__ = ("_entries", "_total_size")

    def __init__(self) -> None:
        self._entries: OrderedDict[Key, _Entry[Value]] = OrderedDict()
        self._total_size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    @property
    def total_size(self) -> int:
        """Sum of the sizes of all entries."""
        return self._total_size

    def put(self, key: Key, value: Value, size: int = 1) -> None:
        """Add or replace an entry as the most recently used. Its pins stay."""
        if size < 0:
            raise BadInput(f"an entry of size {size} is impossible")
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = _Entry(value, size)
        else:
            self._total_size -= entry.size
            entry.value, entry.size = value, size
            self._entries.move_to_end(key)
        self._total_size += size

    def get(self, key: Key) -> Value | None:
        """The value of an entry, which becomes the most recently used; None if there is none."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry.value

    def peek(self, key: Key) -> Value | None:
        """The value of an entry, whose place stays."""
        entry = self._entries.get(key)
        return None if entry is None else entry.value

    def pop(self, key: Key) -> Value | None:
        """Take an entry out, pinned or not."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return None
        self._total_size -= entry.size
        return entry.value

    def pin(self, key: Key) -> None:
        """Keep an entry from being a victim until as many unpin()s; KeyError if there is none."""
        self._entries[key].pins += 1

    def unpin(self, key: Key) -> None:
        """Undo one pin(). An entry that is gone needs none."""
        entry = self._entries.get(key)
        if entry is not None and entry.pins:
            entry.pins -= 1

    def keys(self) -> tuple[Key, ...]:
        """All keys as of this call, least recently used first."""
        return tuple(self._entries)

    def victims(self, excess: int) -> list[Key]:
        """Who would have to go to free `excess`: least recently used first, never a pinned one.

        All unpinned ones, if even that is too little. Nothing is removed.
        """
        chosen: list[Key] = []
        for key, entry in self._entries.items():
            if excess <= 0:
                break
            if not entry.pins:
                chosen.append(key)
                excess -= entry.size
        return chosen
