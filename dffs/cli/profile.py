"""``dffs profile``: which operations a mount spends its time on, live or from a saved log."""

from __future__ import annotations

import os
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from dffs.control.places import locate

_PAUSE_S = 0.02
_LINE = re.compile(
    r"(?P<day>\d{4}\.\d\d\.\d\d) (?P<time>\d\d:\d\d:\d\d)\.\d+"
    r" \[uid:(?P<uid>\d+),gid:(?P<gid>\d+),pid:(?P<pid>\d+)\] (?P<op>\w+) .*<(?P<seconds>[\d.]+)>\s*$"
)


@dataclass
class Tally:
    """Counts and seconds by operation."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    first: str = ""
    last: str = ""

    def rows(self) -> list[tuple[str, int, float, float]]:
        """Operation, count, mean ms, total s; what took longest first."""
        names = sorted(self.seconds, key=lambda name: -self.seconds[name])
        return [
            (name, self.counts[name], 1000 * self.seconds[name] / self.counts[name],
             self.seconds[name])
            for name in names
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Who:
    """Whose requests count; None: everybody's."""

    uid: int | None = None
    gid: int | None = None
    pid: int | None = None
    besides: int | None = None
    """The one process whose requests do not count: whoever reads the log."""

    def takes(self, match: re.Match[str]) -> bool:
        """Whether a line is one of those."""
        wanted = (("uid", self.uid), ("gid", self.gid), ("pid", self.pid))
        return all(value is None or int(match[name]) == value for name, value in wanted)


@click.command("profile")
@click.argument("path", type=click.Path(exists=True, path_type=Path), metavar="PATH|LOG")
@click.option("--uid", type=int)
@click.option("--gid", type=int)
@click.option("--pid", type=int)
@click.option("--interval", type=click.FloatRange(0), default=2.0, show_default=True,
              help="Seconds; 0 for a log: all of it at once.")  # fmt: skip
@click.option("--count", type=click.IntRange(1), default=None, help="Tables until it ends.")
def command(
    path: Path,
    uid: int | None,
    gid: int | None,
    pid: int | None,
    interval: float,
    count: int | None,
) -> None:
    """Count operations and their time: of the mount that PATH lies on, or from a saved .accesslog."""
    who = Who(uid, gid, pid)
    if path.is_file() and path.name != ".accesslog":
        with path.open(errors="replace") as lines:
            _show(tally(lines, who))
        return
    who = replace(who, besides=os.getpid())
    with (locate(path).point / ".accesslog").open("rb", buffering=0) as log:
        for number, found in enumerate(_live(log, who, max(interval, 0.2)), 1):
            _show(found)
            if count is not None and number >= count:
                return


def tally(lines: Iterable[str], who: Who) -> Tally:
    """Add lines of an access log up."""
    found = Tally()
    for line in lines:
        match = _LINE.match(line)
        if match is None or not who.takes(match) or int(match["pid"]) == who.besides:
            continue
        found.first = found.first or match["time"]
        found.last = match["time"]
        found.counts[match["op"]] += 1
        found.seconds[match["op"]] += float(match["seconds"])
    return found


def _live(log: object, who: Who, interval_s: float) -> Iterator[Tally]:
    left = b""
    while True:
        end = time.monotonic() + interval_s
        lines: list[str] = []
        while time.monotonic() < end:
            *whole, left = (left + log.read(65536)).split(b"\n")  # type: ignore[attr-defined]
            time.sleep(_PAUSE_S)  # each read is a request, too
            lines += [line.decode(errors="replace") for line in whole]
        yield tally(lines, who)


def _show(found: Tally) -> None:
    total = sum(found.seconds.values())
    if found.first:
        click.echo(f"{found.first} - {found.last}")
    click.echo(f"{'operation':14} {'count':>9} {'average ms':>11} {'total s':>10} {'share':>6}")
    for name, count, mean_ms, seconds in found.rows():
        share = 100 * seconds / total if total else 0.0
        click.echo(f"{name:14} {count:9} {mean_ms:11.3f} {seconds:10.3f} {share:5.1f}%")
