"""How long something has looked the same, by this process's own clock: clocks of other nodes may be
wrong.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Ages(Generic[K]):
    """Remembers since when each thing has been seen at every look."""

    def __init__(self) -> None:
        self._since_s: dict[K, float] = {}

    def look(self, seen: Iterable[K], now_s: float) -> None:
        """What is there now; what is not is forgotten. `now_s` is of a monotonic clock."""
        known = self._since_s
        self._since_s = {each: known.get(each, now_s) for each in seen}

    def age_s(self, each: K, now_s: float) -> float:
        """Seconds since the first of the looks that have all seen it."""
        return now_s - self._since_s.get(each, now_s)
