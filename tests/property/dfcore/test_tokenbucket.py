"""The token bucket never lets through more than burst + rate x time, nor wastes what it may."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from dfcore.tokenbucket import TokenBucket

STEPS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 30)), max_size=40)


@given(st.integers(1, 20), st.integers(0, 40), STEPS)
def test_what_may_be_used_stays_under_the_line(
    rate: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    # Fractions make the arithmetic exact, so that the bound can be too.
    bucket = TokenBucket(Fraction(rate), Fraction(burst), Fraction(0))  # type: ignore[arg-type]
    now, taken = Fraction(0), 0
    for tokens, elapsed in steps:
        now += elapsed
        wait = bucket.take(tokens, now)  # type: ignore[arg-type]
        taken += tokens
        assert taken <= burst + rate * (now + wait)


@given(st.integers(1, 20), st.integers(0, 40), st.lists(st.integers(1, 50), min_size=1))
def test_a_waiter_waits_exactly_for_its_debt(rate: int, burst: int, asks: list[int]) -> None:
    bucket = TokenBucket(rate, burst, 0)
    waits = [bucket.take(tokens, 0) for tokens in asks]
    assert waits == sorted(waits)
    assert abs(waits[-1] - max(0, sum(asks) - burst) / rate) < 1e-9
