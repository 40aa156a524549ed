"""Delays between attempts, and Retry-After in its two forms."""

from __future__ import annotations

from random import Random

import pytest

from dfcore.backoff import Backoff, parse_retry_after
from dfcore.errors import BadInput


def test_delays_double_up_to_the_cap() -> None:
    backoff = Backoff(base_s=1, cap_s=10, jitter=0)
    assert [backoff.delay_s(n, Random(0)) for n in (0, 1, 2, 3, 4, 10_000)] == [1, 2, 4, 8, 10, 10]


def test_jitter_spreads_around_the_mean() -> None:
    backoff = Backoff(base_s=1, cap_s=1, jitter=0.5)
    random = Random(7)
    delays = [backoff.delay_s(0, random) for _ in range(200)]
    assert 0.5 <= min(delays) < 0.6
    assert 1.4 < max(delays) <= 1.5


def test_never_before_retry_after() -> None:
    random = Random(7)
    delays = [Backoff().delay_s(0, random, retry_after_s=30) for _ in range(50)]
    assert min(delays) >= 30
    assert len(set(delays)) == 50


@pytest.mark.parametrize(
    "fields",
    [{"base_s": 0}, {"base_s": 5, "cap_s": 1}, {"factor": 0.5}, {"jitter": 2}, {"jitter": -1}],
)
def test_an_impossible_backoff_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(BadInput):
        Backoff(**fields)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 59),
        ("Fri, 31 Dec 1999 23:59:59 -0000", 59),
        ("Friday, 31-Dec-99 23:59:59 GMT", 59),
        ("Thu, 30 Dec 1999 23:59:59 GMT", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9" * 5000, None),
        ("Fri, 99 Dec 1999 23:59:59 GMT", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert parse_retry_after(value, now_unix_s=946684740) == seconds  # 23:59:00 of that day
