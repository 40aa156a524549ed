from __future__ import annotations

import pytest

from dfcore.ranges import ByteRange
from dfdaemon.proxy.conditional import (
    ENDLESS,
    Part,
    Validators,
    choose_part,
    precondition,
    wanted_range,
)

OLD, NEW = "Tue, 01 Sep 2026 00:00:00 GMT", "Wed, 02 Sep 2026 00:00:00 GMT"
STRONG = Validators('"v"', NEW)
WHOLE = Part(200, (ByteRange(0, 10),))


def choose(size: int = 10, validators: Validators = STRONG, **headers: str) -> Part:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return choose_part("GET", named, size, validators)


def test_nothing_asked_is_everything() -> None:
    assert choose() == WHOLE
    assert choose(0) == Part(200, (ByteRange(0, 0),))


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("bytes=0-0", Part(206, (ByteRange(0, 1),))),
        ("bytes=-3", Part(206, (ByteRange(7, 10),))),
        ("bytes=4-", Part(206, (ByteRange(4, 10),))),
        ("bytes=0-1,8-", Part(206, (ByteRange(0, 2), ByteRange(8, 10)))),
        ("bytes=10-", Part(416)),
        ("lines=1-2", WHOLE),
        ("bytes=5-1", WHOLE),
        ("bytes=0-9,0-9", WHOLE),
        ("bytes=" + ",".join(["0-0"] * 70), WHOLE),
    ],
)
def test_ranges(value: str, part: Part) -> None:
    assert choose(Range=value) == part


def test_a_head_has_no_range() -> None:
    assert choose_part("HEAD", {"Range": "bytes=0-0"}, 10, STRONG) == WHOLE


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": '"v"'}, 304),
        ({"If-None-Match": 'W/"v"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"u", "v"'}, 304),
        ({"If-None-Match": '"u"', "If-Modified-Since": NEW}, None),
        ({"If-Modified-Since": NEW}, 304),
        ({"If-Modified-Since": OLD}, None),
        ({"If-Modified-Since": "yesterday"}, None),
        ({"If-Match": '"u"'}, 412),
        ({"If-Match": '"v"'}, None),
        ({"If-Unmodified-Since": OLD}, 412),
        ({"If-Unmodified-Since": NEW}, None),
    ],
)
def test_preconditions(headers: dict[str, str], status: int | None) -> None:
    assert precondition(headers, STRONG) == status


@pytest.mark.parametrize(
    ("condition", "status"),
    [('"v"', 206), ('"u"', 200), ('W/"v"', 200), (NEW, 206), (OLD, 200)],
)
def test_a_range_is_only_of_the_content_the_client_knows(condition: str, status: int) -> None:
    assert choose(Range="bytes=1-2", If_Range=condition).status == status


def test_a_weak_etag_is_no_ground_for_a_range() -> None:
    part = choose(10, Validators('W/"v"'), Range="bytes=1-2", If_Range='W/"v"')
    assert part.status == 200


@pytest.mark.parametrize(
    ("value", "size", "wanted"),
    [
        ("bytes=2-3,7-8", 10, ByteRange(2, 9)),
        ("bytes=-2", 10, ByteRange(8, 10)),
        ("bytes=-2", None, None),
        ("bytes=5-", None, ByteRange(5, ENDLESS)),
        ("bytes=5-6", None, ByteRange(5, 7)),
        ("bytes=10-", 10, None),
        ("nonsense", 10, None),
    ],
)
def test_what_is_to_be_fetched(value: str, size: int | None, wanted: ByteRange | None) -> None:
    assert wanted_range("GET", {"Range": value}, size) == wanted
