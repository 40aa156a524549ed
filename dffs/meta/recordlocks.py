"""The arithmetic of POSIX record locks: who is in the way, and what a lock or unlock leaves.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import NamedTuple

from dffs.meta.types import LockKind

_RECORD = Struct(">QQBQQI")
_FLOCK = Struct(">QQB")


class Held(NamedTuple):
    """A lock that an owner of a session has on the bytes start..end (both included)."""

    sid: int
    owner: int
    kind: int
    start: int
    end: int
    pid: int = 0

    def is_of(self, sid: int, owner: int) -> bool:
        """Whether this owner has it."""
        return self.sid == sid and self.owner == owner


class HeldWhole(NamedTuple):
    """A BSD lock of a whole file."""

    sid: int
    owner: int
    kind: int


def unpack(raw: bytes | None) -> list[Held]:
    """From the record."""
    return [Held._make(fields) for fields in _RECORD.iter_unpack(raw or b"")]


def pack(locks: Iterable[Held]) -> bytes:
    """As record."""
    return b"".join(_RECORD.pack(*lock) for lock in locks)


def unpack_whole(raw: bytes | None) -> list[HeldWhole]:
    """From the record."""
    return [HeldWhole._make(fields) for fields in _FLOCK.iter_unpack(raw or b"")]


def pack_whole(locks: Iterable[HeldWhole]) -> bytes:
    """As record."""
    return b"".join(_FLOCK.pack(*lock) for lock in locks)


def in_the_way(locks: Sequence[Held], wanted: Held) -> Held | None:
    """The first lock of another owner that does not go together with the wanted one."""
    for lock in sorted(locks, key=lambda lock: lock.start):
        if (
            not lock.is_of(wanted.sid, wanted.owner)
            and lock.start <= wanted.end
            and wanted.start <= lock.end
            and LockKind.WRITE in {lock.kind, wanted.kind}
        ):
            return lock
    return None


def after(locks: Sequence[Held], new: Held) -> list[Held]:
    """All locks once an owner has set (or, with UNLOCK, given up) one: its older ones are cut and
    joined.
    """
    others = [lock for lock in locks if not lock.is_of(new.sid, new.owner)]
    own = []
    for lock in locks:
        if not lock.is_of(new.sid, new.owner):
            continue
        if lock.end < new.start or new.end < lock.start:
            own.append(lock)
            continue
        if lock.start < new.start:
            own.append(lock._replace(end=new.start - 1))
        if lock.end > new.end:
            own.append(lock._replace(start=new.end + 1))
    if new.kind != LockKind.UNLOCK:
        own.append(new)
    return others + _joined(own)


def _joined(own: list[Held]) -> list[Held]:
    joined: list[Held] = []
    for lock in sorted(own, key=lambda lock: lock.start):
        last = joined[-1] if joined else None
        if last is not None and last.kind == lock.kind and last.end + 1 == lock.start:
            joined[-1] = last._replace(end=lock.end)
        else:
            joined.append(lock)
    return joined
