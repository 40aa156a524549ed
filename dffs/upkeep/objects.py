"""The objects of the bucket beside the blocks of the metadata: what is leaked, what is missing.

An object that no metadata know is left by a crash between upload and commit. It is not deleted
directly: a writer may be about to use it. It is made known again without a reference, so that the
two-phase deletion takes it after its hour like any other dead block.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from dfcore.errors import MeganeuraError
from dffs.blocks.store import BlockLost
from dffs.meta.types import Attr, Block, BlockUse, FileKind
from dffs.object.store import ObjectInfo
from dffs.tree import PARTIAL, Tree
from dffs.volume import Volume

LEAK_AGE_S = 3600.0
PARTIAL_AGE_S = 86400.0
_PAGE = 10_000
_ROWS = 256


@dataclass
class Comparison:
    """What comparing the bucket with the metadata found."""

    blocks: int = 0
    stored_bytes: int = 0
    referenced: int = 0
    dead: int = 0
    dead_bytes: int = 0
    objects: int = 0
    object_bytes: int = 0
    leaked: list[ObjectInfo] = field(default_factory=list)
    young: int = 0
    missing: list[BlockUse] = field(default_factory=list)

    @property
    def leaked_bytes(self) -> int:
        """As stored."""
        return sum(info.size_bytes for info in self.leaked)


def uses(volume: Volume) -> Iterator[BlockUse]:
    """Every block that the metadata know."""
    after = None
    while page := volume.meta.block_uses(after=after, limit=_PAGE):
        yield from page
        after = page[-1].digest


def compare(volume: Volume, now_s: float | None = None) -> Comparison:
    """List both sides. The metadata are read last: what was committed meanwhile is not missing."""
    now_s = time.time() if now_s is None else now_s
    found = Comparison()
    objects: dict[str, ObjectInfo] = {}
    names = volume.blocks.names
    for info in volume.blocks.list():
        found.objects += 1
        found.object_bytes += info.size_bytes
        stem = names.stem_of(info.name)
        if stem is not None:
            objects[stem] = info
    for use in uses(volume):
        found.blocks += 1
        there = objects.pop(names.stem(use.digest), None)
        if not use.references:
            found.dead += 1
            found.dead_bytes += use.stored_bytes
            continue
        found.referenced += 1
        found.stored_bytes += use.stored_bytes
        if there is None and not volume.blocks.exists(use.digest):
            found.missing.append(use)
    for info in objects.values():
        if now_s - info.modified >= LEAK_AGE_S:
            found.leaked.append(info)
        else:
            found.young += 1
    return found


def adopt_leaked(volume: Volume, leaked: list[ObjectInfo]) -> int:
    """Make leaked objects known without a reference, for the deletion in two phases; how many.

    In an encrypted volume the name does not tell the digest: those are deleted, if nobody is writing.
    """
    if volume.format.encryption != "none":
        others = [one for one in volume.meta.sessions() if not one.read_only]
        if len(others) > 1:
            raise MeganeuraError(
                "leaked objects of an encrypted volume are deleted only while nothing else has it open:"
                f" {len(others) - 1} other sessions"
            )
        volume.blocks.delete_objects(info.name for info in leaked)
        return len(leaked)
    blocks = []
    for info in leaked:
        block = _block_of(volume, info)
        if block is not None:
            blocks.append(block)
    for first in range(0, len(blocks), 500):
        volume.meta.reserve_blocks(blocks[first : first + 500])
    return len(blocks)


def _block_of(volume: Volume, info: ObjectInfo) -> Block | None:
    """The block that an object is; None if its bytes are not those of its name."""
    stem = volume.blocks.names.stem_of(info.name)
    if stem is None:
        return None
    digest, size = bytes.fromhex(stem), info.size_bytes
    if volume.format.sealed_objects:
        # A compressed object tells its plain length, which the metadata note, only when it is read.
        try:
            size = len(volume.blocks.get(digest))
        except BlockLost:
            return None
    return Block.whole(digest, size)


def stale_partials(volume: Volume, now_s: float | None = None) -> Iterator[tuple[int, bytes]]:
    """Directory and name of files that were begun a day ago and never got their names."""
    until_ns = int(((time.time() if now_s is None else now_s) - PARTIAL_AGE_S) * 1e9)
    tree = Tree(volume.meta, volume.files)
    for path, attr in tree.walk():
        name = path.rpartition("/")[2]
        if PARTIAL in name and name.startswith(".") and attr.ctime_ns < until_ns:
            yield tree.place(path)


def files_with(volume: Volume, digests: set[bytes]) -> Iterator[tuple[str, Attr]]:
    """The files that name one of these blocks. Reads every row: for volumes that are damaged."""
    tree = Tree(volume.meta, volume.files)
    for path, attr in tree.walk():
        if attr.kind is FileKind.FILE and any(row.digest in digests for row in rows(volume, attr)):
            yield path, attr


def rows(volume: Volume, attr: Attr) -> Iterator[Block]:
    """The blocks of a file."""
    count = -(-attr.size_bytes // volume.blocks.block_size_bytes)
    for first in range(0, count, _ROWS):
        yield from volume.meta.blocks(attr.ino, first, min(_ROWS, count - first))
