"""Sizes and durations as people write them."""

from __future__ import annotations

import pytest

from dfcore.errors import BadInput
from dfcore.quantities import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        (1234, 1234),
        ("512B", 512),
        ("4MiB", 4 << 20),
        ("4 mib", 4 << 20),
        ("100Mi", 100 << 20),
        ("100 MB", 100_000_000),
        ("1k", 1000),
        ("1.5GiB", 3 << 29),
        ("2TiB", 2 << 40),
        ("9007199254740993", 9007199254740993),
    ],
)
def test_sizes_are_read(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "MiB", "4 apples", "-4MiB", "4iB", "4i", "1e3", "4MiBB", "1.", "4 M iB"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        (30, 30),
        (0.5, 0.5),
        ("1.5", 1.5),
        ("500ms", 0.5),
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("1h 30m 5s", 5405),
        ("2d", 172800),
        ("1.5h", 5400),
    ],
)
def test_durations_are_read(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1w", "1h30", "30 s x", "nan", "inf", "1:30"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0B"),
        (1023, "1023B"),
        (1024, "1KiB"),
        (4 << 20, "4MiB"),
        (3 << 29, "1.5GiB"),
        ((1 << 30) - 1, "1023.9MiB"),
        (5000 << 50, "5000PiB"),
    ],
)
def test_sizes_are_written(size: int, text: str) -> None:
    assert format_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0ms"),
        (0.35, "350ms"),
        (1, "1s"),
        (28.349, "28.3s"),
        (59.99, "59.9s"),
        (60, "1m"),
        (310, "5m10s"),
        (3600, "1h"),
        (3725, "1h2m"),
        (90000, "1d1h"),
    ],
)
def test_durations_are_written(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
