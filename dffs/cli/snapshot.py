"""``dffs snapshot``: a directory as it is now, which nobody changes any more."""

from __future__ import annotations

from pathlib import Path

import click

from dffs.cli.clone import copy
from dffs.cli.targets import with_passphrase


@click.command("snapshot")
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DST")
@with_passphrase
def command(source: str, target: str, passphrase_file: Path | None) -> None:
    """Keep SRC as the immutable revision DST: no new objects, appears at once and whole.

    Files in it cannot be written, renamed or removed; `dffs rmr --immutable` removes it.
    """
    copy(source, target, passphrase_file, preserve=True, immutable=True)
