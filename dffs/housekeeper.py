"""What somebody has to do for a volume now and then: look at its settings, delete dead blocks' objects.

One thread in every mount; the engine hands each block to one of them. Sessions, trash and the feed
are looked after by the engine's own heartbeat (dffs.meta).
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from dfcore.errors import MeganeuraError
from dffs.blocks.deleter import reclaim
from dffs.blocks.store import BlockStore
from dffs.meta.api import MetaApi
from dfinfra.logs import get_logger

_log = get_logger("dffs")

_INTERVAL_S = 10.0
_LOOKS_PER_RECLAIM = 60
_MOST_AT_ONCE = 50_000


class Housekeeper:
    """Starts at once, runs until close(). `reload` takes over what `dffs config` has changed."""

    def __init__(
        self,
        meta: MetaApi,
        blocks: BlockStore,
        reload: Callable[[], None],
        *,
        interval_s: float = _INTERVAL_S,
    ) -> None:
        self._reload = reload
        self._meta = meta
        self._blocks = blocks
        self._interval_s = interval_s
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dffs-housekeeper", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        looks = 0
        while not self._closing.wait(self._interval_s):
            looks += 1
            try:
                self._reload()
                if looks % _LOOKS_PER_RECLAIM == 0:
                    reclaim(self._meta, self._blocks, limit=_MOST_AT_ONCE)
            except (MeganeuraError, OSError) as error:
                _log.warning("housekeeping has to wait", reason=str(error))

    def close(self) -> None:
        """Return when it has stopped."""
        self._closing.set()
        self._thread.join()
