"""Which part of a content a request gets: preconditions and ranges (RFC 9110, 13 and 14). Pure.

Called by ``response`` once the size is known; the answer says status and ranges, no bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from dfcore.errors import RangeNotSatisfiable
from dfcore.ranges import ByteRange, parse_range_header

# Larger than any content; stands for an end that is not known yet.
ENDLESS = 1 << 62


@dataclass(frozen=True, slots=True)
class Part:
    """What to send: 200 the whole, 206 the ranges in their order, 304, 412 and 416 nothing."""

    status: int
    ranges: tuple[ByteRange, ...] = ()


@dataclass(frozen=True, slots=True)
class Validators:
    """The content's own; an ETag as it is sent, with quotes."""

    etag: str | None = None
    last_modified: str | None = None


def choose_part(
    method: str,
    headers: Mapping[str, str],
    size_bytes: int,
    validators: Validators,
    *,
    max_ranges: int = 64,
) -> Part:
    """The part of a content of this size that the request gets."""
    refused = precondition(headers, validators)
    if refused is not None:
        return Part(refused)
    whole = Part(200, (ByteRange(0, size_bytes),))
    value = headers.get("Range")
    if value is None or method != "GET" or not _range_applies(headers, validators):
        return whole
    try:
        ranges = parse_range_header(value, size_bytes)
    except RangeNotSatisfiable:
        return Part(416)
    # Many or overlapping ranges are a way to make a server send more than there is.
    if ranges is None or len(ranges) > max_ranges:
        return whole
    if len(ranges) > 1 and sum(r.size for r in ranges) > size_bytes:
        return whole
    return Part(206, tuple(ranges))


def wanted_range(
    method: str, headers: Mapping[str, str], size_bytes: int | None
) -> ByteRange | None:
    """The least range that holds all that is asked for; None for the whole or if it is not known.

    With an unknown size the end may be ENDLESS, and a suffix cannot be told.
    """
    value = headers.get("Range")
    if value is None or method != "GET" or "If-Range" in headers:
        return None
    if size_bytes is None and ("=-" in value.replace(" ", "") or "," in value):
        return None
    try:
        ranges = parse_range_header(value, ENDLESS if size_bytes is None else size_bytes)
    except RangeNotSatisfiable:
        return None
    if not ranges:
        return None
    return ByteRange(min(r.start for r in ranges), max(r.end for r in ranges))


def precondition(headers: Mapping[str, str], validators: Validators) -> int | None:
    """304 or 412 if a condition of the request says so, which needs no size."""
    if _must_fail(headers, validators):
        return 412
    if (none_match := headers.get("If-None-Match")) is not None:
        return 304 if _listed(none_match, validators.etag, strong=False) else None
    since = headers.get("If-Modified-Since")
    if since is not None and _newer(validators.last_modified, since) is False:
        return 304
    return None


def _must_fail(headers: Mapping[str, str], validators: Validators) -> bool:
    if (match := headers.get("If-Match")) is not None:
        return not _listed(match, validators.etag, strong=True)
    since = headers.get("If-Unmodified-Since")
    return since is not None and _newer(validators.last_modified, since) is True


def _range_applies(headers: Mapping[str, str], validators: Validators) -> bool:
    condition = headers.get("If-Range")
    if condition is None:
        return True
    if condition.startswith(('"', "W/")):
        return _listed(condition, validators.etag, strong=True)
    return validators.last_modified is not None and condition == validators.last_modified


def _listed(value: str, etag: str | None, *, strong: bool) -> bool:
    if value.strip() == "*":
        return True
    if etag is None or (strong and etag.startswith("W/")):
        return False
    wanted = etag.removeprefix("W/")
    for item in (part.strip() for part in value.split(",")):
        if strong and item.startswith("W/"):
            continue
        if item.removeprefix("W/") == wanted:
            return True
    return False


def _newer(last_modified: str | None, since: str) -> bool | None:
    """Whether the content changed after ``since``; None if that cannot be told."""
    if last_modified is None:
        return None
    try:
        return parsedate_to_datetime(last_modified) > parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return None
