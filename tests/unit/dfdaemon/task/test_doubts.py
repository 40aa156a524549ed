"""What is remembered of bytes that turned out wrong."""

from __future__ import annotations

from dfdaemon.task.doubts import LIMIT, Doubts


def test_the_furthest_end_counts() -> None:
    doubts = Doubts()
    for end in (0, 7, 3):
        doubts.note("task", end)
    assert doubts.end("task") == 7
    assert doubts.end("other") == 0


def test_only_so_many_are_remembered() -> None:
    doubts = Doubts()
    for number in range(LIMIT + 1):
        doubts.note(str(number), 1)
    assert doubts.end("0") == 0
    assert doubts.end(str(LIMIT)) == 1
