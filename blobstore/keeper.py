"""The seam between a blob and its store: what a blob asks for, and the pin it hands out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from blobstore.catalog import Entry
from blobstore.disks import Disk
from dfcore.errors import MeganeuraError

if TYPE_CHECKING:
    from blobstore.blob import Blob


class Keeper(Protocol):
    """The store, as a blob sees it. May be called with the blob's lock held, but for remove()."""

    def remove(self, entry: Entry) -> bool:
        """Delete the blob. Not with the blob's lock held."""

    def touch(self, entry: Entry) -> None:
        """The blob was used."""

    def pin(self, entry: Entry) -> None:
        """One more holds it against eviction; NotFound if it is gone."""

    def unpin(self, entry: Entry) -> None:
        """One less."""

    def record_sealed(self, blob: Blob, entry: Entry, digest: str | None) -> None:
        """All units are held and the whole was checked."""

    def record_verified(self, blob: Blob, entry: Entry, *, complete: bool) -> None:
        """After a start: its bytes were compared with its journal."""

    def is_closing(self) -> bool:
        """True from the moment the store is to be closed: stop what takes long."""

    def failure(self, disk: Disk, error: OSError) -> MeganeuraError | None:
        """What an error on the blob's file means to the caller; a broken disk is taken out."""


class Pin:
    """Holds a blob against eviction until released; also a context manager."""

    __slots__ = ("_entry", "_keeper", "_released")

    def __init__(self, keeper: Keeper, entry: Entry) -> None:
        self._keeper = keeper
        self._entry = entry
        self._released = False

    def release(self) -> None:
        """Idempotent."""
        if not self._released:
            self._released = True
            self._keeper.unpin(self._entry)

    def __enter__(self) -> Pin:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
