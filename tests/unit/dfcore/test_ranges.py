"""Range headers as RFC 9110 reads them, Content-Range both ways."""

from __future__ import annotations

import pytest

from dfcore.errors import BadInput, RangeNotSatisfiable
from dfcore.ranges import (
    ByteRange,
    format_content_range,
    parse_content_range,
    parse_range_header,
)


def test_a_byte_range_is_half_open() -> None:
    assert ByteRange(2, 5).size == 3
    assert ByteRange(2, 2).size == 0


@pytest.mark.parametrize(("start", "end"), [(3, 2), (-1, 2)])
def test_an_impossible_range_is_refused(start: int, end: int) -> None:
    with pytest.raises(BadInput):
        ByteRange(start, end)


@pytest.mark.parametrize(
    ("a", "b", "both"),
    [
        (ByteRange(0, 10), ByteRange(5, 15), ByteRange(5, 10)),
        (ByteRange(0, 10), ByteRange(2, 3), ByteRange(2, 3)),
        (ByteRange(0, 10), ByteRange(10, 20), None),
        (ByteRange(0, 10), ByteRange(5, 5), None),
    ],
)
def test_intersect(a: ByteRange, b: ByteRange, both: ByteRange | None) -> None:
    assert a.intersect(b) == both
    assert b.intersect(a) == both


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-499", [(0, 500)]),
        ("bytes=500-", [(500, 1000)]),
        ("bytes=-1", [(999, 1000)]),
        ("bytes=-5000", [(0, 1000)]),
        ("bytes=0-5000", [(0, 1000)]),
        ("bytes=999-999", [(999, 1000)]),
        ("BYTES=0-0", [(0, 1)]),
        (" bytes = 0-0 , 2-3 ", [(0, 1), (2, 4)]),
        ("bytes=0-0,,-1,", [(0, 1), (999, 1000)]),
        ("bytes=0-0,5000-6000", [(0, 1)]),
        ("bytes=500-599,0-99", [(500, 600), (0, 100)]),
    ],
)
def test_a_range_header_is_resolved(header: str, expected: list[tuple[int, int]]) -> None:
    assert parse_range_header(header, 1000) == [ByteRange(*pair) for pair in expected]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=1-2-3",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=1 - 2",
        "bytes=²-3",
        "bytes=0-1;2-3",
        "bytes=0-0,x",
        "items=0-1",
        "0-1",
        "bytes=" + "9" * 5000 + "-",
    ],
)
def test_what_is_malformed_is_ignored(header: str) -> None:
    assert parse_range_header(header, 1000) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ("bytes=1000-", 1000),
        ("bytes=-0", 1000),
        ("bytes=0-", 0),
        ("bytes=-5", 0),
        ("bytes=9-,8-", 8),
    ],
)
def test_no_byte_of_the_content_is_a_416(header: str, size: int) -> None:
    with pytest.raises(RangeNotSatisfiable) as caught:
        parse_range_header(header, size)
    assert caught.value.size_bytes == size


@pytest.mark.parametrize(
    ("byte_range", "size", "text"),
    [
        (ByteRange(0, 500), 1000, "bytes 0-499/1000"),
        (ByteRange(999, 1000), None, "bytes 999-999/*"),
        (None, 1000, "bytes */1000"),
    ],
)
def test_content_range_both_ways(byte_range: ByteRange | None, size: int | None, text: str) -> None:
    assert format_content_range(byte_range, size) == text
    assert parse_content_range(text) == (byte_range, size)


def test_content_range_is_read_whatever_its_case() -> None:
    assert parse_content_range(" Bytes 1-2/3 ") == (ByteRange(1, 3), 3)


def test_an_empty_range_has_no_content_range() -> None:
    with pytest.raises(BadInput):
        format_content_range(ByteRange(5, 5), 10)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "bytes 0-1",
        "0-1/2",
        "bytes 2-1/3",
        "bytes 0-3/3",
        "bytes a-b/c",
        "bytes=0-1/2",
        "items 0-1/2",
    ],
)
def test_a_malformed_content_range_is_refused(value: str) -> None:
    with pytest.raises(BadInput):
        parse_content_range(value)
