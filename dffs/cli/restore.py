"""``dffs restore``: what is in the trash, and back to where it was."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path

import click

from dfcore.errors import BadInput
from dfcore.quantities import format_size
from dffs.cli.entry import META_URL
from dffs.cli.targets import opened, with_passphrase
from dffs.meta.types import TrashItem
from dffs.tree import Tree
from dffs.volume import Volume

_HOUR = "%Y-%m-%d-%H"


@click.command("restore")
@META_URL
@click.argument("hours", nargs=-1, metavar="[HOUR]...")
@click.option("--put-back", is_flag=True, help="Put it back; without, it is only shown.")
@click.option("--name", "pattern", default="*", help="Only what has such a name.")
@click.option("--to", help="Put it into this directory instead of where it was.")
@with_passphrase
def command(
    meta_url: str,
    hours: tuple[str, ...],
    put_back: bool,
    pattern: str,
    to: str | None,
    passphrase_file: Path | None,
) -> int:
    """Show what was removed (in an HOUR such as 2026-11-24-09), or put it back."""
    spans = [_span(hour) for hour in hours]
    failed = 0
    with opened(meta_url, passphrase_file) as volume:
        parent = Tree(volume.meta, volume.files).mkdirs(to).ino if to else None
        for item in _items(volume):
            if spans and not any(start <= item.removed_ns < end for start, end in spans):
                continue
            if not fnmatch(os.fsdecode(item.name), pattern):
                continue
            line = _line(volume, item)
            if put_back:
                try:
                    volume.meta.restore(item.ino, parent=parent)
                except OSError as error:
                    failed += 1
                    line += f": {error.strerror}"
            click.echo(line)
    return 1 if failed else 0


def _items(volume: Volume) -> Iterator[TrashItem]:
    after = None
    while page := volume.meta.list_trash(after=after):
        yield from page
        after = (page[-1].removed_ns, page[-1].ino)


def _line(volume: Volume, item: TrashItem) -> str:
    paths = volume.meta.paths(item.parent)
    folder = os.fsdecode(paths[0]).rstrip("/") if paths else f"(inode {item.parent}, gone)"
    when = datetime.fromtimestamp(item.removed_ns / 1e9).strftime("%Y-%m-%d %H:%M:%S")
    size = format_size(item.size_bytes)
    return f"{when}  {item.kind.name.lower():9} {size:>9}  {folder}/{os.fsdecode(item.name)}"


def _span(hour: str) -> tuple[int, int]:
    try:
        start = time.mktime(time.strptime(hour, _HOUR))
    except ValueError as error:
        raise BadInput(f"{hour!r}: an hour is written 2026-11-24-09") from error
    return int(start * 1e9), int((start + 3600) * 1e9)
