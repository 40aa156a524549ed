from __future__ import annotations

from blobstore.writers import UnitWriters


def test_one_writer_is_believed() -> None:
    writers = UnitWriters()
    for _ in range(3):
        writers.begin(5, writer=1)
        assert writers.is_active(5)
        writers.end(5)
    assert not writers.is_active(5)
    assert not writers.settle(5)


def test_two_writers_of_a_unit_contest_it() -> None:
    writers = UnitWriters()
    writers.begin(5, writer=1)
    writers.begin(5, writer=2)
    writers.begin(6, writer=2)
    writers.end(5)
    assert writers.is_active(5)
    writers.end(5)
    assert writers.settle(5)
    writers.end(6)
    assert not writers.settle(6)


def test_settling_forgets() -> None:
    writers = UnitWriters()
    for writer in (1, 2):
        writers.begin(5, writer)
        writers.end(5)
    assert writers.settle(5)
    writers.begin(5, writer=3)
    writers.end(5)
    assert not writers.settle(5)
