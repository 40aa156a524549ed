from __future__ import annotations

import errno
import threading

import pytest

from dffs.fuse.operations import LATER, Lock
from dffs.meta.types import LockKind, RecordLock
from dffs.vfs.kernel.locks import Locks


class _Engine:
    """Whole-file locks: (inode) -> owner."""

    def __init__(self) -> None:
        self.held: dict[int, int] = {}

    def flock(self, ino: int, owner: int, kind: LockKind) -> bool:
        if kind is LockKind.UNLOCK:
            if self.held.get(ino) == owner:
                del self.held[ino]
            return True
        return self.held.setdefault(ino, owner) == owner

    def setlk(
        self, ino: int, owner: int, kind: LockKind, start: int, end: int, pid: int = 0
    ) -> bool:
        return self.flock(ino, owner, kind)

    def getlk(
        self, ino: int, owner: int, kind: LockKind, start: int, end: int
    ) -> RecordLock | None:
        held = self.held.get(ino, owner)
        return None if held == owner else RecordLock(LockKind.WRITE, 0, 9, 77)

    def release_locks(self, ino: int, owner: int) -> None:
        raise NotImplementedError


class _Replies:
    def __init__(self) -> None:
        self.given: dict[int, int] = {}
        self.some = threading.Condition()

    def reply(self, unique: int, error: int = 0, body: bytes = b"") -> None:
        with self.some:
            self.given[unique] = error
            self.some.notify_all()

    def wait_for(self, unique: int) -> int:
        with self.some:
            assert self.some.wait_for(lambda: unique in self.given, 10)
        return self.given[unique]


@pytest.fixture
def engine() -> _Engine:
    return _Engine()


@pytest.fixture
def replies() -> _Replies:
    return _Replies()


@pytest.fixture
def locks(engine: _Engine, replies: _Replies) -> Locks:
    made = Locks(engine)
    made.replier = replies
    return made


def _lock(owner: int, kind: LockKind = LockKind.WRITE, *, flock: bool = True) -> Lock:
    return Lock(1, owner, 0, 2**63 - 1, int(kind), 4, flock)


def test_who_will_not_wait_is_refused(locks: Locks) -> None:
    assert locks.take(1, 5, _lock(100), wait=False) is None
    with pytest.raises(OSError) as caught:
        locks.take(2, 5, _lock(200), wait=False)
    assert caught.value.errno == errno.EAGAIN


def test_who_waits_gets_it_when_it_is_given_up_here(locks: Locks, replies: _Replies) -> None:
    locks.take(1, 5, _lock(100), wait=True)
    assert locks.take(2, 5, _lock(200), wait=True) is LATER
    locks.take(3, 5, _lock(100, LockKind.UNLOCK), wait=False)
    assert replies.wait_for(2) == 0


def test_who_waits_gets_it_when_it_is_given_up_elsewhere(
    locks: Locks, engine: _Engine, replies: _Replies
) -> None:
    engine.held[5] = 900
    assert locks.take(2, 5, _lock(200), wait=True) is LATER
    del engine.held[5]
    assert replies.wait_for(2) == 0


def test_an_interrupt_ends_the_wait(locks: Locks, engine: _Engine, replies: _Replies) -> None:
    engine.held[5] = 900
    locks.take(2, 5, _lock(200), wait=True)
    locks.interrupt(2)
    assert replies.wait_for(2) == errno.EINTR
    assert locks.waiting == 0


def test_an_interrupt_that_overtakes_its_request_counts(locks: Locks, engine: _Engine) -> None:
    engine.held[5] = 900
    locks.interrupt(2)
    with pytest.raises(OSError) as caught:
        locks.take(2, 5, _lock(200), wait=True)
    assert caught.value.errno == errno.EINTR


def test_closing_gives_locks_up_and_asks_the_engine_only_if_there_were_some(
    locks: Locks, engine: _Engine
) -> None:
    locks.take(1, 5, _lock(100), wait=False)
    locks.take(2, 6, _lock(100, flock=False), wait=False)
    locks.give_up_flock(6, 100)
    assert engine.held == {5: 100, 6: 100}
    locks.give_up_flock(5, 100)
    locks.give_up_records(6, 100)
    assert engine.held == {}


def test_a_successor_goes_on_with_those_who_wait(
    locks: Locks, engine: _Engine, replies: _Replies
) -> None:
    engine.held[5] = 900
    locks.take(2, 5, _lock(200), wait=True)
    locks.close()
    successor = Locks(engine)
    successor.replier = replies
    successor.adopt(locks.export())
    del engine.held[5]
    assert replies.wait_for(2) == 0


def test_the_lock_in_the_way_is_told(locks: Locks, engine: _Engine) -> None:
    assert locks.test(5, _lock(1, flock=False)) is None
    engine.held[5] = 900
    found = locks.test(5, _lock(1, flock=False))
    assert found is not None
    assert (found.kind, found.pid) == (LockKind.WRITE, 77)
