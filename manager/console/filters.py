"""How figures, times and names look to people. Pure; used by every template."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def size(size_bytes: float | None) -> str:
    """`1.24 GB`: three digits, decimal units, as disks and networks are sold."""
    if size_bytes is None:
        return "–"
    value, unit = float(size_bytes), 0
    while abs(value) >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{_three(value) if unit else f'{value:.0f}'} {_UNITS[unit]}"


def rate(bytes_per_s: float | None) -> str:
    """`1.24 GB/s`."""
    return "–" if bytes_per_s is None else f"{size(bytes_per_s)}/s"


def split_unit(text: str) -> tuple[str, str]:
    """A figure and its unit, to be shown in two sizes."""
    figure, _, unit = text.partition(" ")
    return figure, unit


def _three(value: float) -> str:
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}"


def count(value: float | None) -> str:
    """`12,345`."""
    return "–" if value is None else f"{value:,.0f}"


def percent(share: float | None) -> str:
    """Of a share from 0 to 1. Never 100 % before it is all, never 0 % after it began."""
    if share is None:
        return "–"
    whole = round(share * 100)
    if share < 1 and whole == 100:
        whole = 99
    if share > 0 and whole == 0:
        return "<1 %"
    return f"{whole} %"


def duration(seconds: float | None) -> str:
    """`4 s`, `3 min`, `2 h 5 min`, `3 d`."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole < 300 and whole % 60 else "")
    if whole < 86400:
        hours, minutes = whole // 3600, whole % 3600 // 60
        return f"{hours} h" + (f" {minutes} min" if minutes and hours < 10 else "")
    return f"{whole // 86400} d"


def moment(value: Any) -> float | None:
    """Seconds since 1970 of what databases, JSON and schedulers call a time."""
    if value is None or value == "":
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return float(value.timestamp())


def ago(value: Any) -> Markup:
    """`3 min ago`, with the exact time for machines and for those who point at it."""
    at = moment(value)
    if not at:
        return Markup('<span class="muted">never</span>')
    passed = time.time() - at
    if abs(passed) < 5:
        text = "now"
    elif passed > 0:
        text = f"{duration(passed)} ago"
    else:
        text = f"in {duration(-passed)}"
    stamp = datetime.fromtimestamp(at, UTC)
    exact = stamp.strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time class="nowrap" datetime="{}" title="{}">{}</time>').format(
        stamp.isoformat(), exact, text
    )


def file_name(url: str) -> str:
    """The last part of a URL's path, or its host."""
    parts = urlsplit(url)
    return parts.path.rstrip("/").rpartition("/")[2] or parts.netloc or url


def where_from(url: str) -> str:
    """The rest of the URL, short: the Hub's `resolve/main` says little."""
    parts = urlsplit(url)
    folder = parts.path.rstrip("/").rpartition("/")[0]
    for noise in ("/resolve/main", "/resolve"):
        folder = folder.replace(noise, "")
    return parts.netloc + folder


def short(text: str, length: int = 12) -> str:
    """The beginning of an id or digest."""
    body = text.partition(":")[2] or text
    return body[:length]


def spark(values: Sequence[float]) -> Markup:
    """A small picture of the last values: an SVG without axes."""
    if len(values) < 2:
        return Markup("")
    top = max(values) or 1.0
    step = 100 / (len(values) - 1)
    points = [f"{i * step:.1f},{30 - 27 * value / top:.1f}" for i, value in enumerate(values)]
    line = "M" + " L".join(points)
    return Markup(
        '<svg class="spark" viewBox="0 0 100 32" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="area" d="{0} L100,32 L0,32 Z"/><path class="line" d="{0}"/></svg>'
    ).format(line)


def mix(parts: Sequence[tuple[str, float]], label: str = "", small: bool = False) -> Markup:
    """Shares side by side in one bar: (class, amount) each."""
    total = sum(amount for _, amount in parts)
    at, bars = 0.0, []
    for name, amount in parts:
        if amount <= 0 or not total:
            continue
        width = 100 * amount / total
        bars.append(
            Markup('<rect class="{}" x="{:.2f}%" width="{:.2f}%" height="100%"/>').format(
                name, at, width
            )
        )
        at += width
    return Markup('<svg class="mix{}" role="img" aria-label="{}">{}</svg>').format(
        " thin" if small else "", label, Markup("").join(bars)
    )


FILTERS: dict[str, Callable[..., Any]] = {
    "size": size,
    "rate": rate,
    "split_unit": split_unit,
    "count": count,
    "percent": percent,
    "duration": duration,
    "ago": ago,
    "file_name": file_name,
    "where_from": where_from,
    "short": short,
    "spark": spark,
    "mix": mix,
}
