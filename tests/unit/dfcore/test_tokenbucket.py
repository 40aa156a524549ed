"""The token bucket's arithmetic."""

from __future__ import annotations

import pytest

from dfcore.errors import BadInput
from dfcore.tokenbucket import TokenBucket


def test_the_burst_is_free_then_the_rate_rules() -> None:
    bucket = TokenBucket(rate_per_s=10, burst=20, now_s=0)
    assert bucket.take(20, now_s=0) == 0
    assert bucket.take(5, now_s=0) == 0.5
    assert bucket.take(5, now_s=0) == 1.0
    assert bucket.take(0, now_s=1) == 0
    assert bucket.take(5, now_s=2) == 0


def test_more_than_the_burst_is_served_after_a_wait() -> None:
    bucket = TokenBucket(rate_per_s=10, burst=5, now_s=0)
    assert bucket.take(25, now_s=0) == 2.0


def test_no_more_than_the_burst_is_saved_up() -> None:
    bucket = TokenBucket(rate_per_s=10, burst=5, now_s=0)
    assert bucket.take(15, now_s=1000) == 1.0


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = TokenBucket(rate_per_s=10, burst=0, now_s=10)
    assert bucket.take(10, now_s=5) == 1.0
    assert bucket.take(0, now_s=10) == 1.0


def test_a_new_rate_holds_from_its_moment() -> None:
    bucket = TokenBucket(rate_per_s=10, burst=10, now_s=0)
    bucket.take(20, now_s=0)
    bucket.set_rate(5, burst=2, now_s=0.5)
    assert bucket.take(0, now_s=0.5) == 1.0
    assert bucket.take(7, now_s=100) == 1.0


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, -1)])
def test_an_impossible_bucket_is_refused(rate: float, burst: float) -> None:
    with pytest.raises(BadInput):
        TokenBucket(rate, burst, 0)
    with pytest.raises(BadInput):
        TokenBucket(1, 1, 0).set_rate(rate, burst, 0)


def test_tokens_are_not_given_back() -> None:
    with pytest.raises(BadInput):
        TokenBucket(1, 1, 0).take(-1, 0)
