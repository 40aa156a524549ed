"""Operations on the volume as a whole: the second part of `dffs.meta.api`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from dffs.meta.types import (
    Attr,
    BlockUse,
    Change,
    Problem,
    Quota,
    QuotaKind,
    SessionInfo,
    Settings,
    TrashItem,
    VolumeUsage,
)


class VolumeApi(Protocol):
    """The volume as a whole: settings, limits, trash, sessions, feed, reclaim, dump, check."""

    def create_volume(
        self, settings: Settings, format_record: bytes, *, force: bool = False
    ) -> None:
        """Make an empty volume.

        EEXIST when there is one, unless `force` (then only records change).
        """
        ...

    def get_format(self) -> bytes:
        """DATA's format record (JSON).

        A MeganeuraError NotFound when the engine holds no volume.
        """
        ...

    def set_format(self, record: bytes) -> None:
        """Replace the format record."""
        ...

    def get_settings(self) -> Settings:
        """The settings as they are now."""
        ...

    def set_settings(self, settings: Settings) -> None:
        """Change the settings for all nodes. EINVAL for the block size or for ACL off again."""
        ...

    def destroy(self) -> None:
        """Remove every key of the volume from the engine."""
        ...

    def statfs(self) -> VolumeUsage:
        """Bytes and inodes in use and their limits."""
        ...

    def set_quota(self, kind: QuotaKind, key: int, *, max_bytes: int, max_inodes: int) -> Quota:
        """Set a limit (0: none); use is counted at once, in small transactions."""
        ...

    def get_quota(self, kind: QuotaKind, key: int) -> Quota | None:
        """A limit and its use."""
        ...

    def list_quotas(self) -> list[Quota]:
        """All limits."""
        ...

    def delete_quota(self, kind: QuotaKind, key: int) -> bool:
        """Drop a limit; False if there was none."""
        ...

    def check_quota(
        self, kind: QuotaKind, key: int, *, repair: bool = False
    ) -> tuple[Quota, Quota]:
        """The quota as it is noted, and as counting gives it."""
        ...

    def list_trash(
        self, *, after: tuple[int, int] | None = None, limit: int = 1000
    ) -> list[TrashItem]:
        """Removed items, oldest first, after a (removed_ns, ino)."""
        ...

    def restore(self, ino: int, *, parent: int | None = None, name: bytes | None = None) -> Attr:
        """Bring an item back to where it was, or to another place.

        EEXIST, ENOENT when the parent is gone.
        """
        ...

    def purge_trash(self, *, older_than_ns: int, limit: int = 10000) -> int:
        """Remove for good what was put in the trash before a time; gives how many items."""
        ...

    def open_session(
        self, *, mount_point: str = "", version: str = "", details: Mapping[str, str] | None = None
    ) -> int:
        """Register this client and start its heartbeat; gives the session's number.

        `close` ends it.
        """
        ...

    def sessions(self) -> list[SessionInfo]:
        """All registered clients, dead ones included until they are reaped."""
        ...

    def heartbeat(self) -> None:
        """Renew this session; called by the session's own thread, public for tests."""
        ...

    def reap(self, *, patient: bool = False) -> int:
        """Clean up after sessions that are over their time: locks, open inodes; gives how many.

        With `patient` only after those that this client itself has seen silent for that long.
        """
        ...

    def housekeeping(self, *, patient: bool = False) -> None:
        """What the heartbeat's thread does, patiently: reap, orphans, trash, old changes."""
        ...

    def changes(self, after_seq: int = 0, limit: int = 1000) -> list[Change]:
        """The change feed after a sequence number, if the volume keeps one."""
        ...

    def dead_blocks(
        self, limit: int = 1000, *, older_than_s: float | None = None
    ) -> list[BlockUse]:
        """Phase one of reclaiming: mark unreferenced blocks of some age as dying and give them.

        Their objects may be deleted now; `forget_blocks` ends it. Also gives those that another
        client marked and has not finished for ten minutes. `older_than_s` is by default the reclaim
        age (1 h).
        """
        ...

    def forget_blocks(self, digests: Iterable[bytes]) -> int:
        """Phase two: the objects of dying blocks are deleted."""
        ...

    def block_uses(self, *, after: bytes | None = None, limit: int = 10000) -> list[BlockUse]:
        """All known blocks in the order of their digests, for gc, fsck and sync."""
        ...

    def dump(self, *, redact: Callable[[bytes], bytes] | None = None) -> Iterator[bytes]:
        """The whole volume as lines of JSON, streamed; `redact` may take secrets out of the format."""
        ...

    def load(self, lines: Iterable[bytes]) -> int:
        """Fill an empty engine from a dump; gives the number of records.

        EEXIST if it is not empty.
        """
        ...

    def check(self, *, repair: bool = False) -> Iterator[Problem]:
        """Look for contradictions in the metadata: names, counts, parents, references, use."""
        ...

    def sync(self) -> None:
        """Return when all that was committed survives a power cut (as far as the engine can say)."""
        ...

    def close(self) -> None:
        """End the session (its locks and open inodes are given up) and close the engine."""
        ...
