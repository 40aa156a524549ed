"""Consistent hashing: which member is responsible for a key, and who comes next if it is dead.

Schedulers choose a seed for a task with it, and nodes where no scheduler answers. A change of one member
moves only the keys of that member. Points are xxh3_64 of `member#n`; equal on every host.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import xxhash

_POINTS_PER_MEMBER = 128


class HashRing:
    """An immutable ring; make a new one when the members change."""

    __slots__ = ("_hashes", "_members", "_owners")

    def __init__(self, members: Iterable[str]) -> None:
        self._members = tuple(sorted(set(members)))
        points = sorted(
            (_point(f"{member}#{number}"), member)
            for member in self._members
            for number in range(_POINTS_PER_MEMBER)
        )
        self._hashes = [point for point, _ in points]
        self._owners = [owner for _, owner in points]

    @property
    def members(self) -> tuple[str, ...]:
        """All members, sorted."""
        return self._members

    def get(self, key: str, n: int = 1) -> list[str]:
        """The first `n` distinct members from the key's place on: the owner, then its stand-ins."""
        wanted = min(n, len(self._members))
        chosen: dict[str, None] = {}
        at = bisect_right(self._hashes, _point(key))
        while len(chosen) < wanted:
            chosen[self._owners[at % len(self._owners)]] = None
            at += 1
        return list(chosen)


def _point(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode())
