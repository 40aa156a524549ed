"""Record locks: conflicts, cutting, joining."""

from __future__ import annotations

from dffs.meta.recordlocks import Held, after, in_the_way, pack, unpack
from dffs.meta.types import LockKind

READ, WRITE, UNLOCK = LockKind.READ, LockKind.WRITE, LockKind.UNLOCK


def lock(kind: LockKind, start: int, end: int, owner: int = 1) -> Held:
    return Held(1, owner, kind, start, end)


def test_records() -> None:
    locks = [lock(READ, 0, 2**63 - 1), lock(WRITE, 5, 6, owner=2**64 - 1)]
    assert unpack(pack(locks)) == locks
    assert unpack(None) == []


def test_readers_go_together_writers_do_not() -> None:
    held = [lock(READ, 10, 20)]
    assert in_the_way(held, lock(READ, 10, 20, owner=2)) is None
    assert in_the_way(held, lock(WRITE, 20, 30, owner=2)) == held[0]
    assert in_the_way(held, lock(WRITE, 21, 30, owner=2)) is None
    assert in_the_way(held, lock(WRITE, 0, 100)) is None  # the own one


def test_an_unlock_cuts_a_hole() -> None:
    left = after([lock(WRITE, 0, 99)], lock(UNLOCK, 50, 59))
    assert left == [lock(WRITE, 0, 49), lock(WRITE, 60, 99)]


def test_a_new_lock_replaces_and_joins_the_own_ones() -> None:
    held = [lock(READ, 0, 9), lock(READ, 10, 19), lock(WRITE, 5, 5, owner=2)]
    assert after(held, lock(READ, 20, 29)) == [lock(WRITE, 5, 5, owner=2), lock(READ, 0, 29)]
    assert after([lock(READ, 0, 9)], lock(WRITE, 4, 5)) == [
        lock(READ, 0, 3),
        lock(WRITE, 4, 5),
        lock(READ, 6, 9),
    ]
