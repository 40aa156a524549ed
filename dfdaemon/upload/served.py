"""What the upload server serves from, and whom it asks: the seam to the task engine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from dfcore.bitmap import Bitmap
from dfcore.pieces import Geometry
from dfdaemon.fetch.limiter import NO_LIMIT, Limiter
from dfdaemon.peerlink.channel import Channel


class UnitSource(Protocol):
    """A blob to read from: `blobstore.Blob` is the real one."""

    @property
    def geometry(self) -> Geometry: ...

    @property
    def held(self) -> Bitmap: ...

    def digests(self, unit: int) -> bytes | None: ...

    def fileno(self) -> int: ...

    def pin(self) -> AbstractContextManager[object]: ...

    def add_listener(self, callback: Callable[[int | None], None]) -> None: ...

    def remove_listener(self, callback: Callable[[int | None], None]) -> None: ...


@dataclass(frozen=True, slots=True)
class ServedTask:
    """A task as its parents' side sees it; made anew at each lookup.

    ``seed``: any-of requests wait for a slot and get the unit this host chooses.
    ``fetching_from_origin``: hold second copies back, first ones are still missing.
    ``failed``: tell children so. ``limiter``: the upload limit of this task alone.
    """

    blob: UnitSource
    restricted: bool = False
    seed: bool = False
    fetching_from_origin: bool = False
    failed: bool = False
    limiter: Limiter = NO_LIMIT


class TaskHost(Protocol):
    """The engine behind the upload server. Both are called on the loop."""

    def lookup(self, task_id: str) -> ServedTask | None:
        """What this host holds of a task, None if nothing."""
        ...

    async def on_control(self, channel: Channel) -> None:
        """Serve another host's control channel; it is closed when this returns."""
        ...
