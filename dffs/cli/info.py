"""``dffs info``: what a file of a volume consists of, and how much of it is on this node."""

from __future__ import annotations

import os
from typing import Any

import click

from dfcore.errors import BadInput
from dffs.cli.report import show
from dffs.cli.targets import parse_target
from dffs.cli.volumeflags import Flags, open_flags, options
from dffs.meta.types import ROOT_CALLER, Attr, FileKind
from dffs.volume import Volume


@click.command("info")
@click.argument("places", nargs=-1, required=True, metavar="PATH... | META-URL PATH...")
@click.option("-i", "--inode", is_flag=True, help="The arguments are inode numbers.")
@click.option("-r", "--recursive", is_flag=True, help="Sum up folders.")
@click.option("--raw", is_flag=True, help="Name every block's object.")
@open_flags
def command(places: tuple[str, ...], flags: Flags, inode: bool, recursive: bool, raw: bool) -> None:
    """Show inode, digest and blocks of files, and how much of them is on this node.

    Paths are on a mount, or in a volume named by META-URL (then they begin at its root).
    """
    meta_url, *paths = places
    if "://" not in meta_url or "#" in meta_url or meta_url.startswith("dffs:"):
        for place in places:
            target = parse_target(place, flags.get("passphrase_file"))
            asked = {"path": target.inner, "recursive": recursive, "blocks": raw}
            show({"path": place, **target.run("info", asked)})
        return
    if not paths:
        raise BadInput("info: which files of the volume? Name at least one path")
    with Volume.open(meta_url, options(flags, read_only=True, session=False)) as volume:
        for path in paths:
            attr = _attr(volume, path, inode)
            show(_described(volume, attr, path, recursive=recursive, raw=raw))


def _attr(volume: Volume, path: str, inode: bool) -> Attr:
    if inode:
        return volume.meta.getattr(int(path))
    return volume.meta.resolve(ROOT_CALLER, os.fsencode(path))


def _described(
    volume: Volume, attr: Attr, path: str, *, recursive: bool, raw: bool
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "path": path,
        "inode": attr.ino,
        "kind": attr.kind.name.lower(),
        "paths": [os.fsdecode(name) for name in volume.meta.paths(attr.ino)],
        "size_bytes": attr.size_bytes,
        "version": attr.version,
    }
    if attr.kind is FileKind.DIRECTORY and recursive:
        totals = volume.meta.totals(attr.ino)
        found |= {
            "files": totals.files,
            "directories": totals.directories,
            "size_bytes": totals.size_bytes,
            "blocks": totals.blocks,
        }
    if attr.kind is FileKind.FILE:
        found |= _blocks(volume, attr, raw=raw)
    return found


def _blocks(volume: Volume, attr: Attr, *, raw: bool) -> dict[str, Any]:
    size = volume.format.block_size_bytes
    blocks = volume.meta.blocks(attr.ino, 0, -(-attr.size_bytes // size))
    stored = [block for block in blocks if not block.is_hole]
    found: dict[str, Any] = {
        "content": attr.content,
        "blocks": len(stored),
        "holes": len(blocks) - len(stored),
        "stored_bytes": sum(block.stored_bytes for block in stored),
    }
    if raw:
        found["objects"] = [
            {
                "index": index,
                "object": volume.blocks.names.block(block.digest),
                "size_bytes": block.length_bytes,
            }
            for index, block in enumerate(blocks)
            if not block.is_hole
        ]
    return found
