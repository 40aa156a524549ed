"""What is written can be read, and is off by no more than its last digit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dfcore.quantities import format_duration, format_size, parse_duration, parse_size


@given(st.integers(0, 1 << 60))
def test_sizes(size: int) -> None:
    off = size - parse_size(format_size(size))
    assert -size * 1e-6 <= off <= max(size * 0.1, 1)


@given(st.floats(0, 1e8))
def test_durations(seconds: float) -> None:
    assert -1e-5 <= seconds - parse_duration(format_duration(seconds)) <= max(seconds * 0.1, 1e-3)
