"""``dffs fsck``: are the metadata sound, and is there an object for every block."""

from __future__ import annotations

from pathlib import Path

import click

from dfcore.quantities import format_size
from dffs.cli.entry import META_URL
from dffs.cli.targets import opened, with_passphrase
from dffs.upkeep.objects import compare, files_with


@click.command("fsck")
@META_URL
@click.option("--repair", is_flag=True, help="Put right what can be put right in the metadata.")
@click.option("--metadata-only", is_flag=True, help="Do not look into the bucket.")
@with_passphrase
def command(meta_url: str, repair: bool, metadata_only: bool, passphrase_file: Path | None) -> int:
    """Check a volume; exit code 1 if something is wrong. Best while nobody writes.

    The content of the objects is not read: `dffs verify` does that.
    """
    with opened(meta_url, passphrase_file) as volume:
        bad = repaired = 0
        for problem in volume.meta.check(repair=repair):
            bad += not problem.repaired
            repaired += problem.repaired
            done = " (repaired)" if problem.repaired else ""
            click.echo(f"{problem.kind}: inode {problem.ino}: {problem.message}{done}")
        click.echo(f"metadata: {bad} problems, {repaired} repaired")
        if metadata_only:
            return 1 if bad else 0
        found = compare(volume)
        click.echo(
            f"objects: {found.referenced} blocks, {format_size(found.stored_bytes)};"
            f" {len(found.missing)} missing"
        )
        for use in found.missing:
            click.echo(f"missing: {volume.blocks.names.block(use.digest)}")
        if found.missing:
            for path, _ in files_with(volume, {use.digest for use in found.missing}):
                click.echo(f"damaged file: /{path}")
        return 1 if bad or found.missing else 0
