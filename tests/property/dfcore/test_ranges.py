"""Range headers: what is written comes back, and nothing crashes the parser."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dfcore.errors import BadInput, RangeNotSatisfiable
from dfcore.ranges import (
    ByteRange,
    format_content_range,
    parse_content_range,
    parse_range_header,
)

NUMBERS = st.integers(0, 1 << 50)


@st.composite
def ranges(draw: st.DrawFn, least_size: int = 0) -> ByteRange:
    start = draw(NUMBERS)
    return ByteRange(start, start + draw(st.integers(least_size, 1 << 40)))


@given(ranges(), ranges())
def test_the_intersection_is_in_both_and_is_all_of_it(a: ByteRange, b: ByteRange) -> None:
    both = a.intersect(b)
    assert both == b.intersect(a)
    if both is None:
        assert a.end <= b.start or b.end <= a.start or not a.size or not b.size
    else:
        assert both.intersect(a) == both == both.intersect(b)
        assert both.size == min(a.end, b.end) - max(a.start, b.start) > 0


@given(st.lists(ranges(1), min_size=1, max_size=5), NUMBERS)
def test_a_header_asks_for_what_it_names_and_exists(asked: list[ByteRange], size: int) -> None:
    header = "bytes=" + ",".join(f"{each.start}-{each.end - 1}" for each in asked)
    content = ByteRange(0, size)
    expected = [both for each in asked if (both := each.intersect(content)) is not None]
    try:
        assert parse_range_header(header, size) == expected
    except RangeNotSatisfiable:
        assert not expected


@given(NUMBERS, st.integers(1, 1 << 50))
def test_a_suffix_is_the_end(length: int, size: int) -> None:
    try:
        found = parse_range_header(f"bytes=-{length}", size)
    except RangeNotSatisfiable:
        assert length == 0
    else:
        assert found == [ByteRange(max(0, size - length), size)]


@given(st.text(alphabet="bytes=0123456789-, \t", max_size=30), st.integers(0, 100))
def test_any_header_is_resolved_ignored_or_not_satisfiable(header: str, size: int) -> None:
    try:
        found = parse_range_header(header, size)
    except RangeNotSatisfiable as error:
        assert error.size_bytes == size
    else:
        assert found is None or all(0 <= each.start < each.end <= size for each in found)


@given(ranges(1), st.integers(0, 1 << 40), st.booleans())
def test_content_range_comes_back_as_it_went(part: ByteRange, rest: int, known: bool) -> None:
    size = part.end + rest if known else None
    assert parse_content_range(format_content_range(part, size)) == (part, size)


@given(st.text(alphabet="bytes 0123456789-/*", max_size=30))
def test_any_content_range_is_read_or_refused(value: str) -> None:
    try:
        part, size = parse_content_range(value)
    except BadInput:
        return
    assert part is None or size is None or part.end <= size
