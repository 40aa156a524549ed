"""``dffs changelog``: what changes in a volume, as it changes."""

from __future__ import annotations

import dataclasses
import json
import time

import click

from dfcore.errors import BadInput
from dffs.cli.entry import META_URL
from dffs.meta.fs import open_meta
from dffs.meta.types import Change


@click.command("changelog")
@META_URL
@click.option("--from", "after", type=click.IntRange(0), default=0, help="After this number.")
@click.option("-f", "--follow/--no-follow", default=True, show_default=True)
@click.option("--interval", type=click.FloatRange(0.05), default=1.0, show_default=True)
def command(meta_url: str, after: int, follow: bool, interval: float) -> None:
    """Print one JSON object per change: seq, time, kind, inode, parent, name.

    The volume keeps the feed since `dffs config META-URL --changelog`.
    """
    meta = open_meta(meta_url, read_only=True)
    try:
        if not meta.get_settings().changelog:
            raise BadInput("the volume keeps no change feed: `dffs config META-URL --changelog`")
        while True:
            page = meta.changes(after)
            for change in page:
                click.echo(line_of(change))
                after = change.seq
            if not page:
                if not follow:
                    return
                time.sleep(interval)
    finally:
        meta.close()


def line_of(change: Change) -> str:
    """One change, without the fields that it does not have."""
    told = dataclasses.asdict(change)
    for name in ("name", "new_name"):
        told[name] = told[name].decode(errors="backslashreplace")
    return json.dumps({name: value for name, value in told.items() if value})
