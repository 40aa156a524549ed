"""Whatever is asked of a content, what is sent lies in it and is what was asked."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dfcore.ranges import ByteRange
from dfdaemon.proxy.conditional import Validators, choose_part, wanted_range
from dfdaemon.proxy.multipart import Multipart

SPEC = st.one_of(
    st.tuples(st.integers(0, 200), st.integers(0, 200)).map(lambda p: f"{p[0]}-{p[1]}"),
    st.integers(0, 200).map(lambda n: f"{n}-"),
    st.integers(0, 200).map(lambda n: f"-{n}"),
)
RANGES = st.one_of(
    st.lists(SPEC, min_size=1, max_size=6).map(lambda specs: "bytes=" + ",".join(specs)),
    st.text(max_size=20),
)


@settings(max_examples=200, deadline=None)
@given(RANGES, st.integers(0, 150))
def test_the_part_lies_in_the_content_and_in_what_is_fetched(value: str, size: int) -> None:
    headers = {"Range": value}
    part = choose_part("GET", headers, size, Validators())
    assert part.status in (200, 206, 416)
    assert bool(part.ranges) == (part.status != 416)
    assert all(0 <= r.start <= r.end <= size for r in part.ranges)
    assert sum(r.size for r in part.ranges) <= size
    for known in (size, None):
        wanted = wanted_range("GET", headers, known)
        if wanted is not None and part.status == 206:
            assert wanted.start <= min(r.start for r in part.ranges)
            assert wanted.end >= max(r.end for r in part.ranges)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(1, 50)), min_size=2, max_size=5),
    st.sampled_from([None, "text/plain"]),
)
def test_a_multipart_body_is_as_long_as_it_says(
    spans: list[tuple[int, int]], content_type: str | None
) -> None:
    content = bytes(range(150))
    ranges = [ByteRange(start, start + length) for start, length in spans]
    body = Multipart(ranges, len(content), content_type, "boundary")
    sent = b"".join(head + content[r.start : r.end] for head, r in body.parts()) + body.tail
    assert len(sent) == body.length
    assert sent.count(b"--boundary") == len(ranges) + 1
