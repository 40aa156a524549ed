"""Deletes the objects of blocks that no row names any more, in two phases.

The engine marks them as dying (a writer that wants one now is told to wait), then the objects go, then
the engine forgets them. A crash between leaves marked blocks, which anybody finishes later.
"""

from __future__ import annotations

from typing import Protocol

from dffs.blocks.store import BlockStore
from dffs.meta.types import BlockUse
from dfinfra.logs import get_logger

_log = get_logger("dffs")
_BATCH = 500


class Reclaiming(Protocol):
    """What of the metadata the deleter needs (dffs.meta.volumeapi)."""

    def dead_blocks(
        self, limit: int = 1000, *, older_than_s: float | None = None
    ) -> list[BlockUse]: ...

    def forget_blocks(self, digests: list[bytes]) -> int: ...


def reclaim(
    meta: Reclaiming,
    blocks: BlockStore,
    *,
    limit: int | None = None,
    older_than_s: float | None = None,
) -> tuple[int, int]:
    """Delete up to `limit` dead blocks; how many there were, and their bytes.

    Only those dead for `older_than_s` (None: the volume's usual hour).
    """
    count = size_bytes = 0
    while limit is None or count < limit:
        wanted = _BATCH if limit is None else min(_BATCH, limit - count)
        dying = meta.dead_blocks(wanted, older_than_s=older_than_s)
        if not dying:
            break
        digests = [use.digest for use in dying]
        blocks.delete(digests)
        meta.forget_blocks(digests)
        count += len(dying)
        size_bytes += sum(use.stored_bytes for use in dying)
    if count:
        _log.info("blocks deleted", blocks=count, bytes=size_bytes)
    return count, size_bytes
