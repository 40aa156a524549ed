"""What somebody has to do for a volume now and then: delete the objects of dead blocks.

One thread in every mount; the engine hands each block to one of them. Sessions, trash and the feed
are looked after by the engine's own heartbeat (dffs.meta).
"""

from __future__ import annotations

import threading

from dfcore.errors import MeganeuraError
from dffs.blocks.deleter import reclaim
from dffs.blocks.store import BlockStore
from dffs.meta.api import MetaApi
from dfinfra.logs import get_logger

_log = get_logger("dffs")

_INTERVAL_S = 600.0
_MOST_AT_ONCE = 50_000


class Housekeeper:
    """Starts at once, runs until close()."""

    def __init__(
        self, meta: MetaApi, blocks: BlockStore, *, interval_s: float = _INTERVAL_S
    ) -> None:
        self._meta = meta
        self._blocks = blocks
        self._interval_s = interval_s
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dffs-housekeeper", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closing.wait(self._interval_s):
            try:
                reclaim(self._meta, self._blocks, limit=_MOST_AT_ONCE)
            except (MeganeuraError, OSError) as error:
                _log.warning("dead blocks stay for now", reason=str(error))

    def close(self) -> None:
        """Return when it has stopped."""
        self._closing.set()
        self._thread.join()
