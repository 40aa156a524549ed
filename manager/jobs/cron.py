"""Times at which a schedule is due. Pure: the present is an argument.

The line is cron's (five fields, or @hourly and the like), read by croniter; times are UTC unless a time
zone is named.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterError, croniter

from dfcore.errors import BadInput

_SOME_DAY_S = 1_700_000_000.0
_LAST_S = 221_845_000_000.0


def check_cron(line: str, zone: str = "UTC") -> None:
    """Raise BadInput if the line or the zone makes no sense."""
    if not croniter.is_valid(line) or len(line.split()) not in (1, 5):
        raise BadInput(f"cron: {line[:100]!r} is not 'minute hour day month weekday'")
    _zone(zone)
    try:
        next_time(line, _SOME_DAY_S, zone)
    except CroniterError:
        raise BadInput(f"cron: {line[:100]!r} never comes") from None


def next_time(line: str, after_s: float, zone: str = "UTC") -> float:
    """The first time, in seconds since 1970, that is later than ``after_s``."""
    start = datetime.fromtimestamp(after_s, _zone(zone))
    return float(croniter(line, start).get_next(datetime).timestamp())


def parse_time(text: str) -> float:
    """Seconds since 1970 of an ISO 8601 time; without a zone it is UTC."""
    try:
        when = datetime.fromisoformat(text)
        found = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise BadInput(f"at: {text[:60]!r} is not a time like 2026-11-24T08:00:00Z") from None
    if not 0 <= found <= _LAST_S:
        raise BadInput("at: must be after 1970 and before the year 9000")
    return found


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(f"time_zone: {name[:60]!r} is not a time zone like Europe/Berlin") from None
