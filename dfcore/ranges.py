"""Half-open byte ranges, and the `Range` and `Content-Range` headers (RFC 9110, section 14).

Used by the proxy (what a client asks for), the fetchers (what the origin answered) and the task
engine (what its readers want).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dfcore.errors import BadInput, RangeNotSatisfiable

# More digits than any size has; keeps int() cheap on hostile headers.
_SPEC = re.compile(r"([0-9]{0,19})-([0-9]{0,19})")
_CONTENT_RANGE = re.compile(r"bytes +(?:([0-9]{1,19})-([0-9]{1,19})|\*)/([0-9]{1,19}|\*)", re.I)


@dataclass(frozen=True, slots=True, order=True)
class ByteRange:
    """Bytes `start` (included) to `end` (excluded), both counted from 0. May be empty."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise BadInput(f"byte range {self.start}..{self.end} is not ascending from 0")

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.end - self.start

    def intersect(self, other: ByteRange) -> ByteRange | None:
        """The bytes in both, None if there are none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return ByteRange(start, end) if start < end else None


def parse_range_header(value: str, size: int) -> list[ByteRange] | None:
    """The ranges a `Range` header asks for in a representation of `size` bytes, in its order.

    None means the header is to be ignored (another unit, or malformed: RFC 9110, 14.2). Ranges
    that lie past the end are left out; if none is left, RangeNotSatisfiable is raised.
    """
    unit, equals, specs = value.strip().partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return None
    found: list[ByteRange] = []
    asked = 0
    for item in specs.split(","):
        spec = item.strip(" \t")
        if not spec:
            continue  # empty list elements are allowed (RFC 9110, 5.6.1)
        pair = _parse_spec(spec)
        if pair is None:
            return None
        asked += 1
        resolved = _resolve(*pair, size)
        if resolved is not None:
            found.append(resolved)
    if not asked:
        return None
    if not found:
        raise RangeNotSatisfiable(
            f"no byte of {value.strip()[:100]!r} exists: the content has {size} bytes",
            size_bytes=size,
        )
    return found


def _parse_spec(spec: str) -> tuple[int | None, int | None] | None:
    match = _SPEC.fullmatch(spec)
    if match is None or spec == "-":
        return None
    first = int(match[1]) if match[1] else None
    last = int(match[2]) if match[2] else None
    if first is not None and last is not None and last < first:
        return None
    return first, last


def _resolve(first: int | None, last: int | None, size: int) -> ByteRange | None:
    if first is None:
        start, end = max(0, size - (last or 0)), size
    else:
        start, end = first, size if last is None else min(last + 1, size)
    return ByteRange(start, end) if start < end else None


def format_content_range(byte_range: ByteRange | None, size: int | None) -> str:
    """A `Content-Range` value. Range None is the form of a 416, size None of an unknown length."""
    total = "*" if size is None else str(size)
    if byte_range is None:
        return f"bytes */{total}"
    if not byte_range.size:
        raise BadInput("an empty range has no Content-Range")
    return f"bytes {byte_range.start}-{byte_range.end - 1}/{total}"


def parse_content_range(value: str) -> tuple[ByteRange | None, int | None]:
    """Range and complete size of a `Content-Range`; None where it says `*`. BadInput otherwise."""
    match = _CONTENT_RANGE.fullmatch(value.strip())
    if match is None:
        raise BadInput(f"Content-Range {value[:100]!r} is malformed")
    size = None if match[3] == "*" else int(match[3])
    if match[1] is None:
        return None, size
    first, last = int(match[1]), int(match[2])
    if last < first or (size is not None and last >= size):
        raise BadInput(f"Content-Range {value[:100]!r} contradicts itself")
    return ByteRange(first, last + 1), size
