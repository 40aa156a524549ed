"""``dffs summary``: what takes the space below a directory."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from dfcore.quantities import format_size
from dffs.cli.targets import Json, parse_target, target_argument, with_passphrase


@click.command("summary")
@target_argument
@click.option("-d", "--depth", type=click.IntRange(0, 10), default=2, show_default=True)
@click.option("-e", "--entries", type=click.IntRange(1, 1000), default=10, show_default=True,
              help="The largest of each directory.")  # fmt: skip
@click.option("--csv", "as_csv", is_flag=True)
@with_passphrase
def command(
    target: str, depth: int, entries: int, as_csv: bool, passphrase_file: Path | None
) -> None:
    """Sizes and counts of a tree, the largest entries first."""
    parsed = parse_target(target, passphrase_file)
    found = parsed.run("summary", {"path": parsed.inner, "depth": depth, "entries": entries})
    rows = list(_rows(found, 0))
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(["path", "size_bytes", "directories", "files"])
        writer.writerows(row[1:] for row in rows)
        return
    table = Table(box=None)
    for title, side in [("path", "left"), ("size", "right"), ("dirs", "right"), ("files", "right")]:
        table.add_column(title, justify=side)  # type: ignore[arg-type]
    for level, path, size, directories, files in rows:
        name = "  " * level + (path if level == 0 else path.rpartition("/")[2])
        table.add_row(name or "/", format_size(size), str(directories), str(files))
    Console().print(table)


def _rows(found: Json, level: int) -> Iterator[tuple[int, str, int, int, int]]:
    yield level, found["path"], found["size_bytes"], found["directories"], found["files"]
    for one in found["entries"]:
        yield from _rows(one, level + 1)
    if found.get("more"):
        yield level + 1, f"{found['path']}/… {found['more']} more", 0, 0, 0
