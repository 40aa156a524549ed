"""How often and how long a transaction is tried again: after a conflict, or while the engine is
away.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from dfcore.backoff import Backoff
from dffs.meta.kv import EngineDown
from dfinfra.logs import get_logger

_log = get_logger(__name__)
_CONFLICTS = Backoff(base_s=0.0005, cap_s=0.05)
_ABSENCE = Backoff(base_s=0.05, cap_s=1.0)

# How long an engine that is away is waited for, and a transaction is beaten by others.
PATIENCE_S = 30.0


class Attempts:
    """`for attempt in Attempts(url)`: the body returns, or tells the attempt why it failed."""

    def __init__(self, url: str, patience_s: float | None = None) -> None:
        self._url = url
        self._patience_s = PATIENCE_S if patience_s is None else patience_s
        self._started = time.monotonic()
        self._conflicts = self._losses = 0

    def __iter__(self) -> Iterator[Attempts]:
        while True:
            yield self

    def conflict(self) -> None:
        """Another transaction was first: wait a moment."""
        if time.monotonic() - self._started > self._patience_s:
            raise EngineDown(f"{self._url}: too many transactions at the same time")
        if self._conflicts:
            time.sleep(_CONFLICTS.delay_s(self._conflicts, random.Random()))
        self._conflicts += 1

    def lost(self, error: Exception) -> None:
        """The connection broke: wait until the engine may be back."""
        why = one_line(error)
        if time.monotonic() - self._started > self._patience_s:
            raise EngineDown(f"{self._url}: {why}") from error
        if self._losses == 0:
            _log.warning("the metadata engine is away, trying again", url=self._url, error=why)
        time.sleep(_ABSENCE.delay_s(self._losses, random.Random()))
        self._losses += 1


def one_line(error: Exception) -> str:
    """What an engine's library says, without line breaks."""
    return " ".join(str(error).split())
