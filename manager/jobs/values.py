"""Values out of a request's JSON, with errors that name the key. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dfcore.errors import BadInput
from dfcore.quantities import parse_duration

_MAX_TEXT = 8192


def text(args: Mapping[str, Any], key: str, *, prefix: str = "args.") -> str:
    """A text; missing and null are empty."""
    value = args.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _MAX_TEXT or "\0" in value:
        raise BadInput(f"{prefix}{key}: must be a text of at most {_MAX_TEXT} characters")
    return value.strip()


def texts(args: Mapping[str, Any], key: str, *, prefix: str = "args.") -> tuple[str, ...]:
    """A list of texts; missing and null are empty."""
    value = args.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(
        isinstance(item, str) and 0 < len(item) <= _MAX_TEXT and "\0" not in item for item in value
    ):
        raise BadInput(f"{prefix}{key}: must be a list of texts")
    return tuple(value)


def integer(
    args: Mapping[str, Any], key: str, low: int, high: int, *, prefix: str = "args."
) -> int | None:
    """A whole number between two bounds, None if it is missing."""
    value = args.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadInput(f"{prefix}{key}: must be a whole number from {low} to {high}")
    return value


def pairs(args: Mapping[str, Any], key: str, *, prefix: str = "args.") -> dict[str, str]:
    """HTTP headers. The error names no value: it may be a secret."""
    value = args.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadInput(f"{prefix}{key}: must be an object of texts")
    for name, content in value.items():
        if not name or not name.isascii() or any(c in name for c in " :\r\n\0"):
            raise BadInput(f"{prefix}{key}: {name[:60]!r} is not the name of a header")
        if not isinstance(content, str) or any(c in content for c in "\r\n\0"):
            raise BadInput(f"{prefix}{key}.{name}: must be a text without line breaks")
    return dict(value)


def mapping(args: Mapping[str, Any], key: str, *, prefix: str = "args.") -> dict[str, Any]:
    """An object; missing and null are empty."""
    value = args.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadInput(f"{prefix}{key}: must be an object")
    return value


def duration_s(args: Mapping[str, Any], key: str, *, prefix: str = "args.") -> float | None:
    """Seconds: a text like 30m, or whole nanoseconds as Go writes a time.Duration."""
    value = args.get(key)
    if value in (None, 0):
        return None
    if isinstance(value, str):
        try:
            seconds = parse_duration(value)
        except BadInput as error:
            raise BadInput(f"{prefix}{key}: {error}") from None
    elif isinstance(value, int) and not isinstance(value, bool):
        seconds = value / 1e9
    else:
        raise BadInput(f"{prefix}{key}: must be like 30m, or nanoseconds")
    if not 0.001 <= seconds <= 7 * 86400:
        raise BadInput(f"{prefix}{key}: must be between a millisecond and seven days")
    return seconds
