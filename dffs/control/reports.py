"""Texts about files and trees: what `info` and `summary` tell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from dffs.meta.types import ROOT_CALLER, Attr, Block, FileKind, TreeTotals
from dffs.tree import Tree, describe_mode
from dffs.volume import Volume

_ROWS = 256
_LISTED = 1000


def rows_of(volume: Volume, attr: Attr) -> Iterator[Block]:
    """All blocks of a file, holes included."""
    count = -(-attr.size_bytes // volume.blocks.block_size_bytes)
    for first in range(0, count, _ROWS):
        yield from volume.meta.blocks(attr.ino, first, min(_ROWS, count - first))


def held_bytes(volume: Volume, attr: Attr) -> int:
    """How much of a file is on this node: in the mount's cache, or complete at the dfdaemon.

    What a dfdaemon has counts from when this mount has read it.
    """
    rows = list(rows_of(volume, attr))
    held = volume.cache.held_bytes(rows, attr.size_bytes, volume.blocks.block_size_bytes)
    if held == attr.size_bytes or not attr.content:
        return held
    handle = volume.files.open(ROOT_CALLER, attr.ino, os.O_RDONLY)
    try:
        return attr.size_bytes if handle.passthrough_fd() is not None else held
    finally:
        handle.release()


def describe(volume: Volume, attr: Attr, *, with_blocks: bool) -> dict[str, Any]:
    """A file or directory; the blocks with the names of their objects, the first thousand."""
    told: dict[str, Any] = {
        "ino": attr.ino,
        "kind": attr.kind.name.lower(),
        "mode": describe_mode(attr),
        "uid": attr.uid,
        "gid": attr.gid,
        "nlink": attr.nlink,
        "size_bytes": attr.size_bytes,
        "mtime_ns": attr.mtime_ns,
        "ctime_ns": attr.ctime_ns,
        "version": attr.version,
        "content": attr.content,
        "flags": [flag.name for flag in attr.flags],
        "paths": [os.fsdecode(path) for path in volume.meta.paths(attr.ino)],
    }
    if attr.kind is FileKind.SYMLINK:
        told["target"] = os.fsdecode(volume.meta.readlink(attr.ino))
    if attr.kind is FileKind.FILE:
        told |= _content(volume, attr, with_blocks)
    return told


def _content(volume: Volume, attr: Attr, with_blocks: bool) -> dict[str, Any]:
    rows = list(rows_of(volume, attr))
    digests = {row.digest for row in rows if not row.is_hole}
    told: dict[str, Any] = {
        "blocks": sum(not row.is_hole for row in rows),
        "distinct_blocks": len(digests),
        "holes": sum(row.is_hole for row in rows),
        "cached_bytes": held_bytes(volume, attr),
    }
    if with_blocks:
        told["objects"] = [
            {
                "index": index,
                "object": volume.blocks.names.block(row.digest),
                "length_bytes": row.length_bytes,
            }
            for index, row in enumerate(rows[:_LISTED])
            if not row.is_hole
        ]
    return told


def summarize(tree: Tree, path: str, *, depth: int, entries: int) -> dict[str, Any]:
    """A directory with its largest entries, and theirs, `depth` levels deep."""
    attr = tree.stat(path)
    totals = tree.meta.totals(attr.ino)
    return _summary(tree, path, attr, totals, depth, entries)


def _summary(
    tree: Tree, path: str, attr: Attr, totals: TreeTotals, depth: int, entries: int
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "path": path,
        "size_bytes": totals.size_bytes,
        "files": totals.files,
        "directories": totals.directories,
        "entries": [],
    }
    if depth <= 0 or attr.kind is not FileKind.DIRECTORY:
        return told
    inner = []
    for entry in tree.entries(attr.ino):
        assert entry.attr is not None
        below = f"{path}/{os.fsdecode(entry.name)}"
        inner.append((below, entry.attr, _totals_of(tree, entry.attr)))
    inner.sort(key=lambda one: -one[2].size_bytes)
    told["entries"] = [
        _summary(tree, below, child, sums, depth - 1, entries)
        for below, child, sums in inner[:entries]
    ]
    told["more"] = max(len(inner) - entries, 0)
    return told


def _totals_of(tree: Tree, attr: Attr) -> TreeTotals:
    if attr.kind is FileKind.DIRECTORY:
        return tree.meta.totals(attr.ino)
    return TreeTotals(1, 0, attr.size_bytes if attr.kind is FileKind.FILE else 0, 0)
