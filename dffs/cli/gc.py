"""``dffs gc``: objects that nobody needs any more."""

from __future__ import annotations

from pathlib import Path

import click

from dfcore.quantities import format_size
from dffs.blocks.deleter import reclaim
from dffs.cli.entry import META_URL
from dffs.cli.targets import opened, with_passphrase
from dffs.tree import Tree
from dffs.upkeep.objects import Comparison, adopt_leaked, compare, stale_partials


@click.command("gc")
@META_URL
@click.option("--delete", is_flag=True, help="Delete; without it, nothing is changed.")
@click.option("--age", "age_s", type=click.FloatRange(0), default=None,
              help="Seconds since a block's last use; 0 only while nobody writes. [3600]")  # fmt: skip
@with_passphrase
def command(meta_url: str, delete: bool, age_s: float | None, passphrase_file: Path | None) -> None:
    """Compare the bucket with the metadata: blocks that are dead, objects that leaked."""
    with opened(meta_url, passphrase_file) as volume:
        begun = list(stale_partials(volume))
        click.echo(f"unfinished: {len(begun)} files were begun a day ago and never completed")
        if delete:
            for parent, name in begun:
                Tree(volume.meta, volume.files).discard(parent, name)
            volume.meta.housekeeping()  # what was removed gives its blocks up only then
        found = compare(volume)
        _show(found)
        if not delete:
            if found.dead or found.leaked or begun:
                click.echo("nothing was changed; --delete deletes what is old enough")
            return
        leaked = adopt_leaked(volume, found.leaked) if found.leaked else 0
        count, size = reclaim(volume.meta, volume.blocks, older_than_s=age_s)
        click.echo(f"{count} dead blocks deleted, {format_size(size)}")
        if leaked:
            click.echo(f"{leaked} leaked objects will be deleted with the dead blocks in an hour")


def _show(found: Comparison) -> None:
    click.echo(
        f"metadata: {found.referenced} blocks in use, {format_size(found.stored_bytes)};"
        f" {found.dead} dead, {format_size(found.dead_bytes)}"
    )
    click.echo(f"bucket: {found.objects} objects, {format_size(found.object_bytes)}")
    click.echo(
        f"leaked: {len(found.leaked)} objects, {format_size(found.leaked_bytes)}"
        f" ({found.young} younger than an hour are left alone)"
    )
    if found.missing:
        click.echo(f"MISSING: {len(found.missing)} blocks have no object: see dffs fsck")
