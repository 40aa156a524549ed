"""``dffs rmr``: remove trees by metadata alone."""

from __future__ import annotations

from pathlib import Path

import click

from dffs.cli.targets import parse_target, with_passphrase


@click.command("rmr")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--skip-trash", is_flag=True, help="Remove for good at once.")
@click.option("--immutable", is_flag=True, help="Snapshots as well (root only).")
@with_passphrase
def command(
    paths: tuple[str, ...], skip_trash: bool, immutable: bool, passphrase_file: Path | None
) -> None:
    """Remove files and whole directories, many times faster than rm -r through the mount."""
    for path in paths:
        target = parse_target(path, passphrase_file)
        arguments = {"path": target.inner, "skip_trash": skip_trash, "immutable": immutable}
        removed = target.run("rmr", arguments)["removed"]
        click.echo(f"{path}: {removed} entries removed")
