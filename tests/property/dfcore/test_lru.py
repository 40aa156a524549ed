"""The LRU against a list that does the same slowly."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dfcore.lru import Lru

KEYS = st.sampled_from("abcdef")


class LruMachine(RuleBasedStateMachine):
    """`order` holds the keys from least to most recently used."""

    def __init__(self) -> None:
        super().__init__()
        self.lru: Lru[str, int] = Lru()
        self.order: list[str] = []
        self.sizes: dict[str, int] = {}
        self.values: dict[str, int] = {}
        self.pins: dict[str, int] = {}

    def used(self, key: str) -> None:
        if key in self.order:
            self.order.remove(key)
        self.order.append(key)

    @rule(key=KEYS, value=st.integers(0, 9), size=st.integers(0, 9))
    def put(self, key: str, value: int, size: int) -> None:
        self.lru.put(key, value, size)
        self.used(key)
        self.values[key], self.sizes[key] = value, size
        self.pins.setdefault(key, 0)

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        assert self.lru.get(key) == self.values.get(key)
        if key in self.values:
            self.used(key)

    @rule(key=KEYS)
    def pop(self, key: str) -> None:
        assert self.lru.pop(key) == self.values.pop(key, None)
        if key in self.order:
            self.order.remove(key)
            del self.sizes[key], self.pins[key]

    @rule(key=KEYS)
    def pin(self, key: str) -> None:
        if key in self.values:
            self.lru.pin(key)
            self.pins[key] += 1

    @rule(key=KEYS)
    def unpin(self, key: str) -> None:
        self.lru.unpin(key)
        if self.pins.get(key):
            self.pins[key] -= 1

    @rule(excess=st.integers(-1, 40))
    def victims(self, excess: int) -> None:
        chosen = self.lru.victims(excess)
        unpinned = [key for key in self.order if not self.pins[key]]
        assert chosen == unpinned[: len(chosen)]
        freed = sum(self.sizes[key] for key in chosen)
        assert freed >= excess or chosen == unpinned
        if chosen:
            assert freed - self.sizes[chosen[-1]] < excess  # the last one was needed

    @invariant()
    def agrees(self) -> None:
        assert self.lru.keys() == tuple(self.order)
        assert self.lru.total_size == sum(self.sizes.values())
        assert len(self.lru) == len(self.order)
        assert all(self.lru.peek(key) == value for key, value in self.values.items())


TestLru = LruMachine.TestCase
