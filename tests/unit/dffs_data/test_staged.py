"""Staged blocks: extents, gaps, growth; and the bound on what waits."""

from __future__ import annotations

import threading

from dffs.vfs.budget import Budget, BufferPool
from dffs.vfs.staged import StagedBlock, merged


def block(size: int = 20) -> StagedBlock:
    return StagedBlock(0, memoryview(bytearray(b"?" * size)), pooled=False)


def test_extents_that_touch_are_one() -> None:
    assert merged([(5, 7), (0, 2), (2, 4), (6, 9)]) == [(0, 4), (5, 9)]


def test_sequential_writes_make_one_extent() -> None:
    staged = block()
    for start in range(0, 20, 4):
        staged.write(start, memoryview(b"abcd"))
    assert staged.extents == [(0, 20)]
    assert staged.covers(20)


def test_gaps_are_filled_from_below_and_with_zeros() -> None:
    staged = block()
    staged.write(2, memoryview(b"XX"))
    staged.write(8, memoryview(b"YY"))
    assert not staged.covers(10)
    assert bytes(staged.fill_gaps(memoryview(b"abcdef"), 12)) == b"abXXef\0\0YY\0\0"


def test_pieces_are_what_was_written_in_a_range() -> None:
    staged = block()
    staged.write(2, memoryview(b"abc"))
    staged.write(8, memoryview(b"de"))
    assert staged.pieces(3, 9) == [(3, b"bc"), (8, b"d")]
    assert staged.pieces(-5, 2) == []


def test_growing_keeps_what_was_written() -> None:
    staged = block(4)
    staged.write(0, memoryview(b"abcd"))
    staged.grow(memoryview(bytearray(10)), pooled=True)
    staged.write(4, memoryview(b"ef"))
    assert bytes(staged.view(6)) == b"abcdef"


def test_the_budget_makes_takers_wait_and_asks_for_room() -> None:
    asked = threading.Event()
    budget = Budget(10, asked.set)
    budget.take(8)
    taken = threading.Event()

    def take() -> None:
        budget.take(5)
        taken.set()

    waiter = threading.Thread(target=take)
    waiter.start()
    assert asked.wait(5)
    assert not taken.is_set()
    budget.give(8)
    assert taken.wait(5)
    waiter.join()
    assert budget.used_bytes == 5


def test_a_wish_above_the_limit_is_granted_alone() -> None:
    budget = Budget(10, lambda: None)
    budget.take(50)
    assert budget.used_bytes == 50


def test_buffers_are_used_again() -> None:
    pool = BufferPool(8, keep=1)
    first = pool.get()
    pool.put(first)
    pool.put(memoryview(bytearray(8)))
    assert pool.get() is first
    assert pool.get() is not first
