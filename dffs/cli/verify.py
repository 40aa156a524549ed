"""``dffs verify``: reads objects back and compares them with their digests."""

from __future__ import annotations

from pathlib import Path

import click

from dfcore.errors import BadInput
from dfcore.quantities import format_size
from dffs.cli.entry import META_URL
from dffs.cli.targets import byte_bar, opened, with_passphrase
from dffs.options import CacheOptions, VolumeOptions
from dffs.upkeep.objects import files_with
from dffs.upkeep.verify import Verified, Verifier, all_blocks, blocks_below


@click.command("verify")
@META_URL
@click.option("--path", default="", help="Only what is at or below this path of the volume.")
@click.option("-p", "--threads", type=click.IntRange(1, 256), default=10, show_default=True)
@click.option("--repair", is_flag=True, help="Put damaged blocks again that the cache still has.")
@click.option("--cache-dir", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="A node's cache, for --repair; no mount may be using it.")  # fmt: skip
@with_passphrase
def command(
    meta_url: str,
    path: str,
    threads: int,
    repair: bool,
    cache_dir: Path | None,
    passphrase_file: Path | None,
) -> int:
    """Read every block of a volume (or of a path) from the object store; exit 1 if one is bad."""
    if repair and cache_dir is None:
        raise BadInput("--repair takes good bytes from a node's cache: name it by --cache-dir")
    cache = CacheOptions(dirs=(cache_dir,) if cache_dir else ())
    with opened(meta_url, passphrase_file, VolumeOptions(cache=cache)) as volume:
        blocks = blocks_below(volume, path) if path else all_blocks(volume)
        total = 0 if path else volume.meta.statfs().used_bytes
        with byte_bar("verifying") as bar:

            def tell(so_far: Verified) -> None:
                bar(so_far.size_bytes, total)

            told = Verifier(volume, threads, repair=repair).run(blocks, tell)
        click.echo(
            f"{told.blocks} blocks, {format_size(told.size_bytes)} read back and right;"
            f" {len(told.damaged)} damaged, {told.repaired} repaired, {len(told.unread)} not read"
        )
        for digest in told.damaged:
            click.echo(f"damaged: {volume.blocks.names.block(digest)}")
        for line in told.unread[:20]:
            click.echo(f"not read: {line}")
        if told.damaged:
            for name, _ in files_with(volume, set(told.damaged)):
                click.echo(f"damaged file: /{name}")
        return 1 if told.damaged or told.unread else 0
