"""Sizes and durations as people write them: `4MiB`, `100 MB`, `30s`, `1h30m`, and back.

Configuration, flags and headers are read with it, tables and logs are written with it. Sizes:
K, M, G, T, P with `B` are powers of 1000, with `iB` (or just `i`, as Kubernetes writes) of 1024.
"""

from __future__ import annotations

import math
import re

from dfcore.errors import BadInput

_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
_SIZE = re.compile(rf"{_NUMBER}\s*([KMGTP]?)(I?)B?", re.I)
_DURATION_PART = re.compile(rf"{_NUMBER}\s*(ms|s|m|h|d)\s*")
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_size(text: str | int) -> int:
    """Bytes in `text`; a bare number is bytes."""
    match = _SIZE.fullmatch(str(text).strip())
    if match is None or (match[3] and not match[2]):
        raise BadInput(f"{text!r} is not a size such as 512KiB, 4MiB or 100GB")
    exact = float(match[1]) if "." in match[1] else int(match[1])
    size = exact * (1024 if match[3] else 1000) ** _POWERS[match[2].upper()]
    return int(size)


def parse_duration(text: str | float) -> float:
    """Seconds in `text`; a bare number is seconds."""
    written = str(text).strip()
    if re.fullmatch(_NUMBER, written):
        return float(written)
    seconds, at = 0.0, 0
    while match := _DURATION_PART.match(written, at):
        seconds += float(match[1]) * _SECONDS[match[2]]
        at = match.end()
    if not written or at != len(written):
        raise BadInput(f"{text!r} is not a duration such as 500ms, 30s, 5m or 1h30m")
    return seconds


def format_size(size_bytes: float) -> str:
    """A size, rounded down to one decimal: `512B`, `4MiB`, `1.5GiB`."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            return f"{_short(size)}{unit}"
        size /= 1024
    return f"{_short(size)}PiB"


def format_duration(seconds: float) -> str:
    """A duration in its two largest units: `350ms`, `28.3s`, `5m10s`, `1h2m`, `3d4h`."""
    if seconds < 1:
        return f"{_floor(seconds * 1000)}ms"
    if seconds < 60:
        return f"{_short(seconds)}s"
    rest, written = _floor(seconds), []
    for unit in ("d", "h", "m", "s"):
        amount, rest = divmod(rest, int(_SECONDS[unit]))
        if amount:
            written.append(f"{amount}{unit}")
    return "".join(written[:2])


def _short(value: float) -> str:
    return f"{_floor(value * 10) / 10:.1f}".removesuffix(".0")


def _floor(value: float) -> int:
    # Down, so that 59.96 s does not become 60 s; the millionth mends 0.57 * 1000 = 569.9999….
    return math.floor(value + 1e-6)
