"""Rows of blocks within a transaction: read, replace, cut, and count who uses which block.

A file is an array of blocks; 16 of them make a row. Replacing a block in a row takes a reference
from the old one and gives one to the new one. A block whose references fall to zero is put on a
list by time, from which `reclaim` takes it.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterable, Mapping

from dffs.meta import keys
from dffs.meta.records import (
    BLOCKS_PER_ROW,
    Node,
    Reference,
    pack_row,
    unpack_row,
)
from dffs.meta.types import HOLE, HOLE_BLOCK, Block, BlocksMissing
from dffs.meta.work import Work


def read(work: Work, ino: int, first: int, count: int) -> list[Block]:
    """Blocks `first` .. `first+count-1`."""
    if count <= 0:
        return []
    low, high = first // BLOCKS_PER_ROW, (first + count - 1) // BLOCKS_PER_ROW
    raws = work.txn.get_many([keys.row(ino, index) for index in range(low, high + 1)])
    blocks = [block for raw in raws for block in unpack_row(raw)]
    skip = first - low * BLOCKS_PER_ROW
    return blocks[skip : skip + count]


def replace(work: Work, node: Node, changes: Mapping[int, Block]) -> None:
    """Put blocks in place; BlocksMissing when a new one is not stored or is being deleted."""
    by_row: dict[int, list[int]] = {}
    for index in changes:
        by_row.setdefault(index // BLOCKS_PER_ROW, []).append(index)
    row_keys = [keys.row(node.ino, number) for number in by_row]
    references = {keys.reference(b.digest) for b in changes.values() if b.digest != HOLE}
    work.txn.prefetch([*row_keys, *references])
    deltas: Counter[bytes] = Counter()
    sizes: dict[bytes, int] = {}
    for key, indexes in zip(row_keys, by_row.values(), strict=True):
        row = unpack_row(work.txn.get(key))
        for index in indexes:
            slot = index % BLOCKS_PER_ROW
            old, new = row[slot], changes[index]
            deltas[old.digest] -= 1
            deltas[new.digest] += 1
            sizes[new.digest] = new.stored_bytes
            row[slot] = new
        raw = pack_row(row)
        if raw:
            work.txn.put(key, raw)
        else:
            work.txn.delete(key)
    count_references(work, deltas, sizes)


def drop_from(work: Work, ino: int, first: int) -> None:
    """Remove all blocks from a number on."""
    start = keys.row(ino, first // BLOCKS_PER_ROW)
    deltas: Counter[bytes] = Counter()
    for key, raw in work.txn.scan(start, keys.after(keys.row(ino, 0)[:9])):
        row = unpack_row(raw)
        base = int.from_bytes(key[9:], "big") * BLOCKS_PER_ROW
        keep = max(0, first - base)
        for block in row[keep:]:
            deltas[block.digest] -= 1
        kept = pack_row(row[:keep])
        if kept:
            work.txn.put(key, kept)
        else:
            work.txn.delete(key)
    count_references(work, deltas, {})


def count_references(work: Work, deltas: Mapping[bytes, int], sizes: Mapping[bytes, int]) -> None:
    """Change how often blocks are used. `sizes` has the stored length of those that may be new."""
    changed = {digest: delta for digest, delta in deltas.items() if delta and digest != HOLE}
    raws = work.txn.get_many([keys.reference(digest) for digest in changed])
    missing = []
    for (digest, delta), raw in zip(changed.items(), raws, strict=True):
        if raw is None:
            if delta > 0:
                missing.append(digest)
            continue
        reference = Reference.unpack(raw)
        if delta > 0 and reference.state == Reference.DYING:
            missing.append(digest)
            continue
        _count(work, digest, reference, delta)
    if missing:
        raise BlocksMissing(errno.EAGAIN, tuple(missing))


def _count(work: Work, digest: bytes, reference: Reference, delta: int) -> None:
    before = reference.count
    reference.count = max(0, before + delta)
    if delta > 0:
        reference.state = Reference.STORED
    if before == 0 and reference.count:
        work.txn.delete(keys.unreferenced(reference.since_ns, digest))
    elif before and reference.count == 0:
        reference.since_ns = work.now_ns
        work.txn.put(keys.unreferenced(work.now_ns, digest), b"")
    work.txn.put(keys.reference(digest), reference.pack())


def resize(work: Work, node: Node, size: int) -> None:
    """Truncate or grow; a cut inside a block only shortens what of the block belongs to the file."""
    block_bytes = work.settings.block_size_bytes
    if size < node.size:
        whole, rest = divmod(size, block_bytes)
        drop_from(work, node.ino, whole + (1 if rest else 0))
        if rest:
            cut(work, node, whole, rest)
    work.charge_size(node, size - node.size)
    node.size = size
    content_changed(work, node)
    node.mtime_ns = node.ctime_ns = work.now_ns
    work.save(node)


def cut(work: Work, node: Node, index: int, length_bytes: int) -> None:
    """Let no more than the first bytes of a block belong to the file."""
    block = read(work, node.ino, index, 1)[0]
    if block.length_bytes > length_bytes:
        shorter = block._replace(length_bytes=length_bytes) if length_bytes else HOLE_BLOCK
        replace(work, node, {index: shorter})


def content_changed(work: Work, node: Node) -> None:
    """The content is another one: a new version, and what was known of the whole is no longer true."""
    node.version += 1
    if node.content:
        work.txn.delete(keys.content(node.content, node.ino))
        node.content = b""


def holes(indexes: Iterable[int]) -> dict[int, Block]:
    """Changes that make holes."""
    return dict.fromkeys(indexes, HOLE_BLOCK)
