"""Blocks as the volume knows them: reserved, used, unreferenced, dying, forgotten.

Deleting an object takes two phases, because the object store is not part of the transaction.
`dead_blocks` marks blocks that nothing has used for some time as dying; from then on no row can
name them. The caller deletes the objects, and `forget_blocks` drops the marks. A writer who has
such a block meanwhile waits for that, and uploads again.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from dffs.meta import keys
from dffs.meta.core import Core
from dffs.meta.kv import batches
from dffs.meta.records import Reference
from dffs.meta.types import Block, BlockState, BlockUse
from dffs.meta.work import Work

_AT_ONCE = 500
_DYING_AGAIN_S = 600.0


class Reclaim(Core):
    """What to upload, and what to delete."""

    def reserve_blocks(self, blocks: Iterable[Block]) -> dict[bytes, BlockState]:
        """What to do about each digest before it is named in a row."""
        states: dict[bytes, BlockState] = {}
        for some in batches((block for block in blocks if not block.is_hole), _AT_ONCE):
            states |= self._write(partial(_reserve, blocks=some))
        return states

    def dead_blocks(
        self, limit: int = 1000, *, older_than_s: float | None = None
    ) -> list[BlockUse]:
        """Phase one: mark unreferenced blocks as dying and give them."""
        age_s = self.reclaim_age_s if older_than_s is None else older_than_s

        now_ns = self.now_ns
        again_ns = now_ns + int(_DYING_AGAIN_S * 1e9)

        def op(work: Work) -> list[BlockUse]:
            before_ns = now_ns - int(age_s * 1e9)
            first, end = keys.UNREFERENCED, keys.unreferenced(max(0, before_ns) + 1, b"")
            found = work.txn.scan(first, end, limit=limit, keys_only=True)
            digests = [key[9:] for key, _ in found]
            work.txn.prefetch([keys.reference(digest) for digest in digests])
            return [
                use
                for (key, _), digest in zip(found, digests, strict=True)
                if (use := _let_die(work, key, digest, again_ns)) is not None
            ]

        uses = self._write(op)
        self._dying |= dict.fromkeys((use.digest for use in uses), again_ns)
        return uses

    def forget_blocks(self, digests: Iterable[bytes]) -> int:
        """Phase two: the objects of dying blocks are deleted.

        Blocks that somebody else was given meanwhile, because we took too long, are theirs to
        forget.
        """
        gone = 0
        for some in batches(digests, _AT_ONCE):
            claims = [(digest, self._dying.pop(digest, 0)) for digest in some]
            gone += self._write(partial(_forget, claims=claims))
        return gone

    def block_uses(self, *, after: bytes | None = None, limit: int = 10000) -> list[BlockUse]:
        """All known blocks in the order of their digests."""
        start = keys.REFERENCE if after is None else keys.reference(after) + b"\x00"
        found = self._read(
            lambda work: work.txn.scan(start, keys.after(keys.REFERENCE), limit=limit)
        )
        return [_use(key[1:], Reference.unpack(raw)) for key, raw in found]


def _use(digest: bytes, reference: Reference) -> BlockUse:
    return BlockUse(
        digest, reference.stored_bytes, reference.count, reference.state == Reference.DYING
    )


def _reserve(work: Work, blocks: list[Block]) -> dict[bytes, BlockState]:
    raws = work.txn.get_many([keys.reference(block.digest) for block in blocks])
    states: dict[bytes, BlockState] = {}
    for block, raw in zip(blocks, raws, strict=True):
        if block.digest in states:
            continue
        if raw is None:
            reference = Reference(0, block.stored_bytes, Reference.RESERVED, work.now_ns)
        else:
            reference = Reference.unpack(raw)
            if reference.state == Reference.DYING:
                states[block.digest] = BlockState.DYING
                continue
        stored = reference.state == Reference.STORED
        states[block.digest] = BlockState.STORED if stored else BlockState.UPLOAD
        if reference.count == 0:
            _renew(work, block.digest, reference, is_new=raw is None)
    return states


def _renew(work: Work, digest: bytes, reference: Reference, *, is_new: bool) -> None:
    """Put an unreferenced block at the end of the list of those that wait to be deleted."""
    if not is_new:
        work.txn.delete(keys.unreferenced(reference.since_ns, digest))
        reference.since_ns = work.now_ns
    work.txn.put(keys.unreferenced(work.now_ns, digest), b"")
    work.txn.put(keys.reference(digest), reference.pack())


def _let_die(work: Work, key: bytes, digest: bytes, again_ns: int) -> BlockUse | None:
    raw = work.txn.get(keys.reference(digest))
    reference = Reference.unpack(raw) if raw else None
    if reference is None or reference.count:
        work.txn.delete(key)  # a leftover
        return None
    work.txn.delete(key)
    # If the caller never comes to `forget_blocks`, the block is given to somebody again.
    reference.state = Reference.DYING
    reference.since_ns = again_ns
    work.txn.put(keys.unreferenced(again_ns, digest), b"")
    work.txn.put(keys.reference(digest), reference.pack())
    return _use(digest, reference)


def _forget(work: Work, claims: list[tuple[bytes, int]]) -> int:
    raws = work.txn.get_many([keys.reference(digest) for digest, _ in claims])
    gone = 0
    for (digest, claimed_ns), raw in zip(claims, raws, strict=True):
        reference = Reference.unpack(raw) if raw else None
        if (
            reference is not None
            and reference.state == Reference.DYING
            and reference.since_ns == claimed_ns
        ):
            work.txn.delete(keys.reference(digest))
            work.txn.delete(keys.unreferenced(reference.since_ns, digest))
            gone += 1
    return gone
