"""What the semantics rely on: the contract of `dffs.meta.kv.Engine`."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from dffs.meta.kv import Engine, Txn
from dffs.meta.opening import open_engine


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    yield engine
    engine.close()


def put(engine: Engine, **values: str) -> None:
    def op(txn: Txn) -> None:
        for key, value in values.items():
            txn.put(key.encode(), value.encode())

    engine.transact(op)


def everything(engine: Engine) -> dict[bytes, bytes]:
    return dict(engine.stream(b"", b"\xff\xff"))


def test_what_was_put_is_there_and_what_was_deleted_is_not(engine: Engine) -> None:
    put(engine, a="1", b="2")
    engine.transact(lambda txn: (txn.delete(b"a"), txn.delete(b"none"), txn.put(b"b", b"3")))
    assert everything(engine) == {b"b": b"3"}
    assert engine.transact(lambda txn: txn.get_many([b"b", b"a"]), read_only=True) == [b"3", None]


def test_keys_and_values_may_be_any_bytes_and_empty_values_are_values(engine: Engine) -> None:
    key, value = bytes(range(256)) + b"'\\%s{}", bytes(reversed(range(256))) * 20
    engine.transact(lambda txn: (txn.put(key, value), txn.put(b"\x00", b"")))
    assert everything(engine) == {key: value, b"\x00": b""}


def test_a_function_that_raises_leaves_nothing(engine: Engine) -> None:
    def op(txn: Txn) -> None:
        txn.put(b"a", b"1")
        txn.add(b"n", 1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        engine.transact(op)
    assert everything(engine) == {}
    assert engine.counters().get(b"n", 0) == 0


def test_a_range_is_read_with_the_records_it_leads_to(engine: Engine) -> None:
    def fill(txn: Txn) -> None:
        for number in range(4500):
            ino = number.to_bytes(8, "big")
            txn.put(b"d%04d" % number, ino + b"\x08")
            if number != 2:
                txn.put(b"i" + ino, b"record %d" % number)

    def through(start: bytes, end: bytes, limit: int) -> list[tuple[bytes, bytes, bytes | None]]:
        return engine.transact(lambda txn: txn.scan_through(start, end, limit), read_only=True)

    engine.transact(fill)
    found = through(b"d", b"e", 5000)
    assert [row[0] for row in found] == [b"d%04d" % number for number in range(4500)]
    assert [row[2] for row in found[1:4]] == [b"record 1", None, b"record 3"]
    assert found[4499][1:] == ((4499).to_bytes(8, "big") + b"\x08", b"record 4499")
    assert through(b"d0003", b"d0005", 1) == found[3:4]
    assert through(b"e", b"f", 10) == []


def test_ranges_are_ordered_bounded_and_see_own_writes(engine: Engine) -> None:
    put(engine, a="1", b="2", c="3", d="4")

    def op(txn: Txn) -> list[list[bytes]]:
        txn.delete(b"b")
        txn.put(b"bb", b"5")
        whole = txn.scan(b"a", b"d")
        return [[key for key, _ in found] for found in (whole, txn.scan(b"a", b"z", limit=2))]

    assert engine.transact(op) == [[b"a", b"bb", b"c"], [b"a", b"bb"]]
    keys = engine.transact(lambda txn: txn.scan(b"b", b"d", keys_only=True), read_only=True)
    assert [key for key, _ in keys] == [b"bb", b"c"]


def test_a_prefetch_reads_through_an_entry(engine: Engine) -> None:
    number = (7).to_bytes(8, "big")
    engine.transact(lambda txn: (txn.put(b"e", number + b"x"), txn.put(b"i" + number, b"node")))

    def op(txn: Txn) -> list[bytes | None]:
        txn.prefetch([b"nothing"], [b"e", b"no entry"])
        return txn.get_many([b"e", b"i" + number, b"no entry", b"nothing"])

    assert engine.transact(op) == [number + b"x", b"node", None, None]


def test_counters_add_up_and_appended_keys_grow(engine: Engine) -> None:
    def op(txn: Txn) -> int:
        txn.add(b"n", 5)
        txn.append(b"c", b"value")
        return txn.counter(b"n")

    assert [engine.transact(op) for _ in range(3)] == [5, 10, 15]
    engine.transact(lambda txn: txn.add(b"n", -20))
    assert engine.counters()[b"n"] == -5
    numbers = [int.from_bytes(key[1:], "big") for key in everything(engine)]
    assert numbers == sorted(set(numbers)) and len(numbers) == 3


def test_nothing_is_lost_when_many_add_to_one_value(engine: Engine) -> None:
    def op(txn: Txn) -> None:
        now = int(txn.get(b"n") or b"0")
        txn.put(b"n", b"%d" % (now + 1))
        txn.add(b"counter", 1)

    run_in_threads(4, lambda _: [engine.transact(op) for _ in range(25)])
    assert everything(engine)[b"n"] == b"100"
    assert engine.counters()[b"counter"] == 100


def test_two_that_read_what_the_other_writes_do_not_both_win(engine: Engine) -> None:
    """Write skew: each takes the last free place if it sees one."""

    def take(mine: bytes) -> None:
        def op(txn: Txn) -> None:
            if not txn.scan(b"seat", b"seau"):
                txn.put(b"seat" + mine, b"")

        engine.transact(op)

    for _ in range(10):
        run_in_threads(4, lambda number: take(b"%d" % number))
        assert len(everything(engine)) == 1
        engine.clear()


def test_a_missing_key_that_was_read_counts_as_read(engine: Engine) -> None:
    def take(mine: bytes) -> None:
        def op(txn: Txn) -> None:
            if txn.get(b"left") is None and txn.get(b"right") is None:
                txn.put(mine, b"")

        engine.transact(op)

    for _ in range(10):
        run_in_threads(2, lambda number: take((b"left", b"right")[number]))
        assert len(everything(engine)) == 1
        engine.clear()


def test_large_transactions(engine: Engine) -> None:
    values = {b"%08d" % number: b"v" * 100 for number in range(5000)}

    def op(txn: Txn) -> None:
        txn.get_many(list(values))
        for key, value in values.items():
            txn.put(key, value)

    engine.transact(op)
    assert everything(engine) == values
    engine.transact(lambda txn: [txn.delete(key) for key, _ in txn.scan(b"", b"\xff")])
    assert everything(engine) == {}


def run_in_threads(count: int, fn: object) -> None:
    errors: list[BaseException] = []

    def body(number: int) -> None:
        try:
            fn(number)  # type: ignore[operator]
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=body, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
