"""Range and conditional requests of the origins, written apart from the product's own code.

Used by body.py. Rules: RFC 9110 sections 13 and 14.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

Span = tuple[int, int]
_SPEC = re.compile(r"(\d*)-(\d*)")


class UnsatisfiableError(Exception):
    """No part of the range lies inside the object: 416."""


def parse(value: str | None, size: int) -> list[Span] | None:
    """Half-open spans that a Range header asks of `size` bytes; None to ignore the header."""
    if value is None or not value.startswith("bytes="):
        return None
    spans: list[Span] = []
    for part in value[len("bytes=") :].split(","):
        match = _SPEC.fullmatch(part.strip())
        if match is None or match.group() == "-":
            return None
        first, last = match.groups()
        if first and last and int(first) > int(last):
            return None
        if not first:
            start, end = max(0, size - int(last)), size
        else:
            start, end = int(first), min(int(last) + 1, size) if last else size
        if start < end:
            spans.append((start, end))
    if not spans:
        raise UnsatisfiableError
    return spans


def not_modified(request: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Whether a conditional GET is to be answered 304."""
    none_match = request.get("If-None-Match")
    etag = headers.get("ETag")
    if none_match is not None:
        tags = [tag.strip().removeprefix("W/") for tag in none_match.split(",")]
        return "*" in tags or (etag is not None and etag.removeprefix("W/") in tags)
    since, modified = request.get("If-Modified-Since"), headers.get("Last-Modified")
    if since is None or modified is None:
        return False
    try:
        return parsedate_to_datetime(modified) <= parsedate_to_datetime(since)
    except ValueError:
        return False


def range_applies(request: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Whether If-Range lets the Range stand: true without it or with the same validator."""
    condition = request.get("If-Range")
    return condition is None or condition in (headers.get("ETag"), headers.get("Last-Modified"))
