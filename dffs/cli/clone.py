"""``dffs clone``: a copy of a file or tree that stores nothing again."""

from __future__ import annotations

from pathlib import Path

import click

from dfcore.errors import BadInput
from dffs.cli.targets import parse_target, with_passphrase


@click.command("clone")
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DST")
@click.option("-p", "--preserve", is_flag=True, help="Keep owners, modes and times.")
@with_passphrase
def command(source: str, target: str, preserve: bool, passphrase_file: Path | None) -> None:
    """Copy SRC to DST by metadata alone: at once, whatever its size. DST must not exist."""
    copy(source, target, passphrase_file, preserve=preserve, immutable=False)


def copy(
    source: str, target: str, passphrase_file: Path | None, *, preserve: bool, immutable: bool
) -> None:
    """What clone and snapshot share."""
    old, new = parse_target(source, passphrase_file), parse_target(target, passphrase_file)
    if old.place != new.place:
        raise BadInput(f"{source} and {target} are not on one volume: `dffs sync` copies between")
    arguments = {
        "source": old.inner,
        "target": new.inner,
        "preserve": preserve,
        "immutable": immutable,
    }
    old.run("clone", arguments)
