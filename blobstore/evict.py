"""Which blobs go when room is needed or they have become old. Decides only; the store deletes.

Pure but for `is_linked`, which the caller answers: a blob whose file has a second name elsewhere
(a hard link in somebody's folder) gives its file system nothing back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from blobstore.catalog import Entry
from blobstore.config import StoreConfig
from blobstore.model import State


@dataclass(slots=True)
class Shortfall:
    """Bytes that are missing: below the store's own limit on a disk, and in the file system."""

    limit_bytes: int = 0
    free_bytes: int = 0

    @property
    def covered(self) -> bool:
        """True if nothing is missing."""
        return self.limit_bytes <= 0 and self.free_bytes <= 0


def may_go(entry: Entry, now: float, config: StoreConfig) -> bool:
    """False for what somebody reads (pinned) or writes (unsealed and recently used)."""
    if entry.pins:
        return False
    return entry.state is not State.FILLING or now - entry.last_used >= config.unsealed_idle_s


def victims(
    entries: Iterable[Entry],
    shortfall: Shortfall,
    now: float,
    config: StoreConfig,
    is_linked: Callable[[Entry], bool],
) -> tuple[list[Entry], bool]:
    """The least recently used blobs that together cover the shortfall, and whether they do."""
    chosen: list[Entry] = []
    missing = Shortfall(shortfall.limit_bytes, shortfall.free_bytes)
    for entry in entries:
        if missing.covered:
            break
        if not may_go(entry, now, config):
            continue
        linked = is_linked(entry)
        if linked and missing.limit_bytes <= 0:
            continue
        chosen.append(entry)
        missing.limit_bytes -= entry.allocated_bytes
        if not linked:
            missing.free_bytes -= entry.allocated_bytes
    return chosen, missing.covered


def outdated(entries: Iterable[Entry], now: float, config: StoreConfig) -> list[Entry]:
    """Blobs that nobody used for longer than their kind is kept."""
    return [
        entry
        for entry in entries
        if _is_outdated(entry, now - entry.last_used, config) and may_go(entry, now, config)
    ]


def _is_outdated(entry: Entry, unused_s: float, config: StoreConfig) -> bool:
    limit_s = config.unsealed_max_age_s if entry.state is State.FILLING else config.max_age_s
    return limit_s is not None and unused_s > limit_s
