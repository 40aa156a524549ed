"""Stores one block: asks the engine whether it is there already, puts it if not. Called on threads."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable

from dffs.blocks.names import block_digest
from dffs.meta.types import Block, BlockState, MetaError
from dffs.vfs.parts import Parts
from dfinfra.logs import get_logger

_log = get_logger("dffs")
_DYING_S = 0.25
_DYING_TRIES = 240


def store_block(parts: Parts, data: memoryview) -> Block:
    """Make a block durable enough to be named in a row; returns its row."""
    block = Block.whole(block_digest(data), len(data))
    new = reserve(parts, block) and parts.blocks.put(block.digest, data)
    parts.counters.add("uploaded_bytes" if new else "deduplicated_bytes", len(data))
    if parts.policy.cache_writes:
        parts.cache.put(block.digest, data)
    return block


def store_again(parts: Parts, block: Block) -> None:
    """Store a block that was kept on this node so far."""
    data = parts.cache.get(block)
    if data is None:
        raise MetaError(errno.EIO, f"block {block.digest.hex()} is gone from the node's cache")
    store_block(parts, data)


def reserve(parts: Parts, block: Block) -> bool:
    """Whether the block has to be put; it is safe from deletion for an hour either way."""
    for _ in range(_DYING_TRIES):
        state = parts.meta.reserve_blocks([block])[block.digest]
        if state is not BlockState.DYING:
            return state is BlockState.UPLOAD
        time.sleep(_DYING_S)
    raise MetaError(errno.EIO, f"block {block.digest.hex()} is being deleted for too long")


def put_again(parts: Parts, digests: Iterable[bytes], blocks: Iterable[Block]) -> None:
    """Blocks were deleted between their upload and the commit: store them anew."""
    rows = {block.digest: block for block in blocks}
    for digest in digests:
        block = rows[digest]
        data = parts.cache.get(block) or parts.blocks.get(digest, block.stored_bytes)
        _log.info("block is uploaded again", digest=digest.hex())
        if reserve(parts, block):
            parts.blocks.put(digest, data)
