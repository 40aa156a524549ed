"""``dffs stats``: what a mount does, a line a second."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import click

from dfcore.errors import BadInput
from dfcore.quantities import format_size
from dffs.control.places import locate

Figures = Mapping[str, float]


@click.command("stats")
@click.argument("path", type=click.Path(path_type=Path), metavar="PATH")
@click.option("--interval", type=click.FloatRange(0.1), default=1.0, show_default=True)
@click.option("--count", type=click.IntRange(1), default=None, help="Lines until it ends.")
@click.option("--raw", is_flag=True, help="All figures once, as the mount has them.")
def command(path: Path, interval: float, count: int | None, raw: bool) -> None:
    """Show the load of the mount that PATH lies on, until interrupted.

    Files that the kernel reads by itself (passthrough) make no requests and do not show.
    """
    source = locate(path).point / ".stats"
    if raw:
        click.echo(_read(source), nl=False)
        return
    before, then = parse(_read(source)), time.monotonic()
    shown = 0
    while count is None or shown < count:
        time.sleep(interval)
        figures, now = parse(_read(source)), time.monotonic()
        if shown % 20 == 0:
            click.echo(HEAD)
        click.echo(line(before, figures, now - then))
        before, then, shown = figures, now, shown + 1


HEAD = (
    "------usage------ -----------fuse------------ -------cache------- ----object store----\n"
    "  cpu     mem buf    ops   lat    read   write    cache    peers     get     put  dedup"
)


def _read(source: Path) -> str:
    try:
        return source.read_text()
    except PermissionError as error:
        raise BadInput(f"{source}: readable by its owner (root) only") from error


def parse(text: str) -> dict[str, float]:
    """`name value` per line."""
    found = {}
    for row in text.splitlines():
        name, _, value = row.partition(" ")
        found[name] = float(value)
    return found


def line(before: Figures, now: Figures, seconds: float) -> str:
    """What happened between two readings."""

    def rate(name: str) -> float:
        return (now.get(name, 0) - before.get(name, 0)) / seconds

    requests = rate("fuse_requests_total")
    spent = rate("fuse_request_seconds_total")
    latency_ms = 1000 * spent / requests if requests else 0.0
    cells = [
        f"{100 * rate('cpu_seconds_total'):4.0f}%",
        f"{format_size(now.get('memory_bytes', 0)):>8}",
        f"{format_size(now.get('files_buffer_bytes', 0)):>4}",
        f"{requests:6.0f}",
        f"{latency_ms:5.2f}",
        *(
            f"{format_size(rate(name)):>7}"
            for name in (
                "fuse_read_bytes_total",
                "fuse_written_bytes_total",
                "files_cache_bytes",
                "files_swarm_bytes",
                "files_object_bytes",
                "files_uploaded_bytes",
                "files_deduplicated_bytes",
            )
        ),
    ]
    return " ".join(cells)
