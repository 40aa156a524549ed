"""How figures, times and names look to people."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from manager.console import filters


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (999.6, "1.00 kB"),
        (1234, "1.23 kB"),
        (99_950, "100 kB"),
        (12_345_678, "12.3 MB"),
        (5e12, "5.00 TB"),
        (3e21, "3000 EB"),
    ],
)
def test_sizes_have_three_digits(size_bytes: float | None, text: str) -> None:
    assert filters.size(size_bytes) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.0001, "<1 %"), (0.5, "50 %"), (0.9999, "99 %"), (1, "100 %"), (None, "–")],
)
def test_shares_are_not_all_before_they_are(share: float | None, text: str) -> None:
    assert filters.percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (float("inf"), "–"),
        (4.4, "4 s"),
        (95, "1 min 35 s"),
        (600, "10 min"),
        (7500, "2 h 5 min"),
        (90_000 * 3, "3 d"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert filters.duration(seconds) == text


def test_times_of_all_kinds_mean_the_same() -> None:
    at = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    same = {filters.moment(value) for value in (at, at.isoformat(), at.timestamp())}
    assert same == {at.timestamp()}
    assert filters.moment(at.replace(tzinfo=None)) == at.timestamp()
    assert filters.moment(None) is None


def test_ago_says_how_long_and_keeps_the_exact_time() -> None:
    assert "1 h ago" in filters.ago(time.time() - 3600)
    assert "in 10 min" in filters.ago(time.time() + 600)
    assert "now" in filters.ago(time.time())
    assert "datetime=" in filters.ago(time.time())
    assert "never" in filters.ago(None)


def test_urls_are_a_name_and_where_it_is_from() -> None:
    url = "https://huggingface.co/org/name/resolve/main/model.safetensors"
    assert filters.file_name(url) == "model.safetensors"
    assert filters.where_from(url) == "huggingface.co/org/name"
    assert filters.file_name("https://example.com/") == "example.com"


def test_bars_fill_their_width_and_say_what_they_are() -> None:
    bar = filters.mix([("peers", 3), ("seeds", 1), ("origin", 0)], "sources")
    assert 'width="75.00%"' in bar
    assert 'x="75.00%"' in bar
    assert "origin" not in bar
    assert 'aria-label="sources"' in bar


def test_names_from_outside_are_escaped() -> None:
    assert "<b>" not in filters.mix([("a", 1)], "<b>")
