from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dfcore.errors import BadInput
from manager.jobs.cron import check_cron, next_time, parse_time


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_the_next_time_is_later_than_now() -> None:
    assert next_time("0 8 * * *", at("2026-11-24T08:00:00")) == at("2026-11-25T08:00:00")
    assert next_time("*/5 * * * *", at("2026-11-24T08:01:00")) == at("2026-11-24T08:05:00")


def test_a_zone_shifts_the_time_also_over_a_change_of_the_clock() -> None:
    line, zone = "30 8 * * *", "Europe/Berlin"
    assert next_time(line, at("2026-10-24T12:00:00"), zone) == at("2026-10-25T07:30:00")
    assert next_time(line, at("2026-10-23T12:00:00"), zone) == at("2026-10-24T06:30:00")


@pytest.mark.parametrize("line", ["", "61 * * * *", "* * *", "0 0 0 * * *", "whenever"])
def test_nonsense_is_refused(line: str) -> None:
    with pytest.raises(BadInput, match="cron"):
        check_cron(line)


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(BadInput, match="time_zone"):
        check_cron("0 8 * * *", "Mars/Olympus")


def test_a_time_without_a_zone_is_utc() -> None:
    assert parse_time("2026-11-24T08:00:00") == parse_time("2026-11-24T09:00:00+01:00")
    with pytest.raises(BadInput):
        parse_time("tomorrow")
