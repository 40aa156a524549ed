"""Locks that hold across sessions: flock(2) and fcntl(2) record locks. They never wait."""

from __future__ import annotations

import errno
from collections.abc import Callable

from dffs.meta import keys, recordlocks
from dffs.meta.core import Core
from dffs.meta.recordlocks import Held, HeldWhole
from dffs.meta.types import LockKind, MetaError, RecordLock
from dffs.meta.work import Work

_OWNER_MASK = 2**64 - 1


class Locks(Core):
    """Locks of files. An owner is any 64-bit number that is unique within its session."""

    def flock(self, ino: int, owner: int, kind: LockKind) -> bool:
        """BSD lock of the whole file; False when another owner's lock is in the way."""
        self.ensure_session()
        owner &= _OWNER_MASK
        key = keys.flocks(ino)

        def op(work: Work) -> bool:
            work.load((ino,), (), (key,))
            locks = recordlocks.unpack_whole(work.txn.get(key))
            others = [lock for lock in locks if (lock.sid, lock.owner) != (self.sid, owner)]
            if kind == LockKind.UNLOCK:
                if len(others) != len(locks):
                    _store(work, key, recordlocks.pack_whole(others))
                return True
            work.node(ino)
            if others and (kind == LockKind.WRITE or others[0].kind == LockKind.WRITE):
                return False
            others.append(HeldWhole(self.sid, owner, kind))
            _store(work, key, recordlocks.pack_whole(others))
            self._remember_locked(work, ino)
            return True

        return self._write(op, ino)

    def setlk(
        self, ino: int, owner: int, kind: LockKind, start: int, end: int, pid: int = 0
    ) -> bool:
        """POSIX record lock; False when one is in the way."""
        if start < 0 or end < start:
            raise MetaError(errno.EINVAL)
        self.ensure_session()
        key = keys.record_locks(ino)
        wanted = Held(self.sid, owner & _OWNER_MASK, kind, start, end, pid)

        def op(work: Work) -> bool:
            work.load((ino,), (), (key,))
            locks = recordlocks.unpack(work.txn.get(key))
            if kind != LockKind.UNLOCK:
                work.node(ino)
                if recordlocks.in_the_way(locks, wanted):
                    return False
                self._remember_locked(work, ino)
            elif not any(lock.is_of(wanted.sid, wanted.owner) for lock in locks):
                return True
            _store(work, key, recordlocks.pack(recordlocks.after(locks, wanted)))
            return True

        return self._write(op, ino)

    def getlk(
        self, ino: int, owner: int, kind: LockKind, start: int, end: int
    ) -> RecordLock | None:
        """The first lock that would be in the way; of other sessions the pid is 0."""
        raw = self.engine.transact(lambda txn: txn.get(keys.record_locks(ino)), read_only=True)
        wanted = Held(self.sid, owner & _OWNER_MASK, kind, start, end)
        found = recordlocks.in_the_way(recordlocks.unpack(raw), wanted)
        if found is None:
            return None
        pid = found.pid if found.sid == self.sid else 0
        return RecordLock(LockKind(found.kind), found.start, found.end, pid)

    def release_locks(self, ino: int, owner: int) -> None:
        """Drop all locks of both kinds that an owner has on a file."""
        if not self.sid:
            return
        owner &= _OWNER_MASK

        def op(work: Work) -> None:
            _drop(work, ino, lambda lock: lock == (self.sid, owner))

        self._write(op, ino)

    def _remember_locked(self, work: Work, ino: int) -> None:
        key = keys.locked(self.sid, ino)
        if work.txn.get(key) is None:
            work.txn.put(key, b"")

    def ensure_session(self) -> None:
        """Have a session before something is kept for it (see Sessions)."""
        raise NotImplementedError


def drop_all_of_session(work: Work, sid: int, ino: int) -> None:
    """Take all locks of a session off a file."""
    _drop(work, ino, lambda lock: lock[0] == sid)
    work.txn.delete(keys.locked(sid, ino))


def _drop(work: Work, ino: int, goes: Callable[[tuple[int, int]], bool]) -> None:
    whole, records = keys.flocks(ino), keys.record_locks(ino)
    work.load((), (), (whole, records))
    flocks = recordlocks.unpack_whole(work.txn.get(whole))
    kept = [lock for lock in flocks if not goes((lock.sid, lock.owner))]
    if len(kept) != len(flocks):
        _store(work, whole, recordlocks.pack_whole(kept))
    held = recordlocks.unpack(work.txn.get(records))
    left = [lock for lock in held if not goes((lock.sid, lock.owner))]
    if len(left) != len(held):
        _store(work, records, recordlocks.pack(left))


def _store(work: Work, key: bytes, raw: bytes) -> None:
    if raw:
        work.txn.put(key, raw)
    else:
        work.txn.delete(key)
