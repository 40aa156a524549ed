"""Locks of this mount's processes, which hold across all mounts of the volume.

The engine grants or refuses at once. Who may wait is put off (`LATER`) and tried again: as soon as
a lock is given up here, and every now and then for what happens elsewhere. The kernel interrupts a
waiter that got a signal. One `Locks` per mount, with one thread that lives while somebody waits.
"""

from __future__ import annotations

import errno
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dffs.fuse.operations import LATER, Later, Lock
from dffs.meta import recordlocks
from dffs.meta.recordlocks import Held
from dffs.meta.types import LOCK_TO_END, LockKind
from dfinfra.logs import get_logger

if TYPE_CHECKING:
    from dffs.meta.api import LocksApi
    from dffs.vfs.kernel.base import Replier

_FIRST_RETRY_S = 0.01
_LONGEST_RETRY_S = 0.25
_REMEMBERED_INTERRUPTS = 1024
_RETAKE_TRIES = 20
_LOCKED = errno.EAGAIN

_log = get_logger("locks")


@dataclass(slots=True)
class Waiting:
    """A request that is to be answered when its lock is granted."""

    unique: int
    ino: int
    lock: Lock


class Locks:
    """Takes, tests and gives up locks, and keeps those waiting who may."""

    def __init__(self, meta: LocksApi) -> None:
        self._meta = meta
        self.replier: Replier | None = None
        self._changed = threading.Condition()
        self._waiting: dict[int, Waiting] = {}
        self._early: OrderedDict[int, None] = OrderedDict()
        self._records: dict[int, list[Held]] = {}  # inode -> what was granted here
        self._flocks: dict[tuple[int, int], int] = {}  # (inode, owner) -> kind
        self._thread: threading.Thread | None = None
        self._closed = False

    def test(self, ino: int, lock: Lock) -> Lock | None:
        """The lock that is in the way of a record lock."""
        found = self._meta.getlk(ino, lock.owner, LockKind(lock.kind), lock.start, lock.end)
        if found is None:
            return None
        return Lock(0, 0, found.start, found.end, int(found.kind), found.pid, False)

    def take(self, unique: int, ino: int, lock: Lock, *, wait: bool) -> Later | None:
        """Take or give up a lock. EAGAIN when it is held by another and the caller will not wait."""
        if self._try(ino, lock):
            if lock.kind != LockKind.WRITE:
                self._wake()  # given up or lowered: somebody may have waited for it
            return None
        if not wait:
            raise OSError(_LOCKED, "locked by another")
        with self._changed:
            if self._early.pop(unique, 0) is None:
                raise OSError(errno.EINTR, "interrupted")
            self._waiting[unique] = Waiting(unique, ino, lock)
            self._ensure_thread()
            self._changed.notify_all()
        return LATER

    def interrupt(self, unique: int) -> None:
        """A waiter got a signal."""
        with self._changed:
            waiting = self._waiting.pop(unique, None)
            if waiting is None:
                # The request may not have got here yet: another thread reads it.
                self._early[unique] = None
                while len(self._early) > _REMEMBERED_INTERRUPTS:
                    self._early.popitem(last=False)
                return
        self._answer(waiting, errno.EINTR)

    def give_up_records(self, ino: int, owner: int) -> None:
        """A process closed one of its descriptors of this file: its record locks are gone."""
        if any(held.owner == owner for held in self._records.get(ino, ())):
            self._note(ino, Held(0, owner, LockKind.UNLOCK, 0, LOCK_TO_END))
            self._meta.setlk(ino, owner, LockKind.UNLOCK, 0, LOCK_TO_END)
            self._wake()

    def give_up_flock(self, ino: int, owner: int) -> None:
        """The open file that held a BSD lock is gone."""
        if self._flocks.pop((ino, owner), None) is not None:
            self._meta.flock(ino, owner, LockKind.UNLOCK)
            self._wake()

    def close(self) -> None:
        """Nobody waits any longer; waiters that are left get EINTR from the kernel's end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def reopen(self) -> None:
        """Go on after `close`: those who waited still wait."""
        with self._changed:
            self._closed = False
            if self._waiting:
                self._ensure_thread()

    def export(self) -> dict[str, list[list[int]]]:
        """Who waits and who may hold, for a successor; call `close` first."""
        return {
            "waiting": [
                [w.unique, w.ino, w.lock.owner, w.lock.start, w.lock.end, w.lock.kind, w.lock.pid,
                 int(w.lock.flock)]
                for w in self._waiting.values()
            ],
            "records": [
                [ino, held.owner, held.kind, held.start, held.end, held.pid]
                for ino, all_held in self._records.items()
                for held in all_held
            ],
            "flocks": [[*key, kind] for key, kind in self._flocks.items()],
        }  # fmt: skip

    def adopt(self, exported: dict[str, list[list[int]]]) -> None:
        """Go on with a predecessor's locks and waiters."""
        for ino, owner, kind, start, end, pid in exported["records"]:
            self._retake(ino, Lock(0, owner, start, end, kind, pid, False))
        for ino, owner, kind in exported["flocks"]:
            self._retake(ino, Lock(0, owner, 0, LOCK_TO_END, kind, 0, True))
        with self._changed:
            for unique, ino, owner, start, end, kind, pid, flock in exported["waiting"]:
                lock = Lock(0, owner, start, end, kind, pid, bool(flock))
                self._waiting[unique] = Waiting(unique, ino, lock)
            if self._waiting:
                self._ensure_thread()

    @property
    def waiting(self) -> int:
        """How many requests wait for a lock."""
        return len(self._waiting)

    def _try(self, ino: int, lock: Lock) -> bool:
        kind = LockKind(lock.kind)
        key = (ino, lock.owner)
        if lock.flock:
            granted = self._meta.flock(ino, lock.owner, kind)
            if granted and kind is LockKind.UNLOCK:
                self._flocks.pop(key, None)
            elif granted:
                self._flocks[key] = int(kind)
            return granted
        granted = self._meta.setlk(ino, lock.owner, kind, lock.start, lock.end, lock.pid)
        if granted:
            self._note(ino, Held(0, lock.owner, kind, lock.start, lock.end, lock.pid))
        return granted

    def _note(self, ino: int, new: Held) -> None:
        with self._changed:
            if held := recordlocks.after(self._records.get(ino, ()), new):
                self._records[ino] = held
            else:
                self._records.pop(ino, None)

    def _retake(self, ino: int, lock: Lock) -> None:
        """Another mount may have been quicker in the moment between two processes."""
        for _ in range(_RETAKE_TRIES):
            if self._try(ino, lock):
                return
            time.sleep(_FIRST_RETRY_S)
        _log.warning("a lock was lost to another mount in the takeover", ino=ino, pid=lock.pid)

    def _wake(self) -> None:
        if self._waiting:
            with self._changed:
                self._changed.notify_all()

    def _ensure_thread(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="locks", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        pause_s = _FIRST_RETRY_S
        while True:
            granted = self._grant()
            pause_s = _FIRST_RETRY_S if granted else min(pause_s * 2, _LONGEST_RETRY_S)
            with self._changed:
                if self._closed or not self._waiting:
                    self._thread = None
                    return
                if not granted:
                    self._changed.wait(pause_s)

    def _grant(self) -> bool:
        """Try for each waiter, in the order they came; whether anybody got something."""
        some = False
        for waiting in list(self._waiting.values()):
            try:
                granted, error = self._try(waiting.ino, waiting.lock), 0
            except OSError as refusal:
                granted, error = True, refusal.errno or errno.EIO
            except Exception:
                _log.warning("a lock could not be asked for", ino=waiting.ino, exc_info=True)
                continue
            if not granted:
                continue
            with self._changed:
                mine = self._waiting.pop(waiting.unique, None) is not None
            if mine:
                self._answer(waiting, error)
            elif not error:
                self._undo(waiting)
            some = True
        return some

    def _undo(self, waiting: Waiting) -> None:
        """Granted to somebody who was interrupted in the same moment."""
        lock = waiting.lock
        if lock.flock:
            self.give_up_flock(waiting.ino, lock.owner)
        else:
            self._meta.setlk(waiting.ino, lock.owner, LockKind.UNLOCK, lock.start, lock.end)

    def _answer(self, waiting: Waiting, error: int) -> None:
        if self.replier is not None:
            self.replier.reply(waiting.unique, error)
