"""What the fetchers need of a blob: `blobstore.Blob` is the real one, tests use a small fake."""

from __future__ import annotations

from typing import Protocol

from dfcore.bitmap import Bitmap
from dfcore.pieces import Geometry


class UnitSink(Protocol):
    """A blob that is being filled. Every method may be called from any thread."""

    @property
    def geometry(self) -> Geometry: ...

    @property
    def held(self) -> Bitmap:
        """The committed units, as a copy or a view that the caller does not change."""
        ...

    def write_at(self, offset: int, view: memoryview) -> None:
        """Put unverified bytes in place. Never called for a unit that is committed."""
        ...

    def commit(self, unit: int, digest: bytes) -> None:
        """Show the unit to readers: all its bytes are written and their xxh3_128 is ``digest``."""
        ...
