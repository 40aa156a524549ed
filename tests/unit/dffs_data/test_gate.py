"""The number of uploads at once finds its place by throughput."""

from __future__ import annotations

import threading

from dffs.blocks.gate import Gate


class Clock:
    def __init__(self) -> None:
        self.now = 1.0

    def __call__(self) -> float:
        return self.now


def push(gate: Gate, clock: Clock, rate_of: dict[int, float], rounds: int) -> None:
    """Uploads that are always waiting, at the rate that the store gives for this many at once."""
    gate._began = clock.now
    for _ in range(rounds):
        gate._inside = gate.width - 1
        clock.now += 1000 / rate_of.get(gate.width, rate_of[0])
        with gate._changed:
            gate._inside += 1
        with gate._changed:
            gate._inside -= 1
            gate._done += 1
            gate._bytes += 1000
            if gate._done >= 2 * gate.width:
                gate._judge()


def test_it_grows_while_that_makes_it_faster() -> None:
    clock = Clock()
    gate = Gate(20, clock)
    push(gate, clock, {0: 1.0, **{n: n * 1000.0 for n in range(1, 21)}}, 2000)
    assert gate.width == 20


def test_it_stays_small_where_more_is_no_faster() -> None:
    clock = Clock()
    gate = Gate(20, clock)
    push(gate, clock, {0: 4000.0}, 200)
    assert gate.width <= 6


def test_no_more_pass_than_are_allowed() -> None:
    gate = Gate(2)
    inside, most, lock = [0], [0], threading.Lock()
    go = threading.Barrier(8)

    def work() -> None:
        go.wait()
        for _ in range(20):
            with gate.passing(10):
                with lock:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                with lock:
                    inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] <= 2


def test_a_far_store_is_reached_with_many_before_a_gigabyte_has_gone() -> None:
    clock = Clock()
    gate = Gate(20, clock)
    push(gate, clock, {0: 1.0, **{n: n * 1000.0 for n in range(1, 21)}}, 120)
    assert gate.width == 20


def test_whoever_leaves_wakes_no_more_than_find_a_place() -> None:
    gate = Gate(2)
    woken = []
    real = gate._changed.notify

    def counting(n: int = 1) -> None:
        woken.append(n)
        real(n)

    gate._changed.notify = counting  # type: ignore[method-assign]
    with gate.passing(10):
        with gate.passing(10):
            pass
        gate.width = 1
        with gate._changed:
            gate._inside += 1  # more are inside than now find a place
    assert woken == [1, 0]
