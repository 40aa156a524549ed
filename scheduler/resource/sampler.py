"""A set that can be sampled in O(1), in an order that does not depend on hash seeds."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Sampler(Generic[T]):
    """Add, discard and random choice in O(1); iteration is deterministic."""

    __slots__ = ("_items", "_places")

    def __init__(self) -> None:
        self._items: list[T] = []
        self._places: dict[T, int] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item: object) -> bool:
        return item in self._places

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    def add(self, item: T) -> None:
        if item not in self._places:
            self._places[item] = len(self._items)
            self._items.append(item)

    def discard(self, item: T) -> None:
        place = self._places.pop(item, None)
        if place is None:
            return
        last = self._items.pop()
        if last is not item:
            self._items[place] = last
            self._places[last] = place

    def sample(self, rng: Random, count: int) -> list[T]:
        """Up to `count` different items in random order, O(count) however many there are."""
        if count >= len(self._items):
            some = list(self._items)
            rng.shuffle(some)
            return some
        if count <= 1:
            return [self._items[int(rng.random() * len(self._items))]] if count == 1 else []
        return rng.sample(self._items, count)

    def place_is_consistent(self) -> bool:
        return len(self._items) == len(self._places) and all(
            self._items[place] is item for item, place in self._places.items()
        )
