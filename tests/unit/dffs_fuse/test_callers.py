from __future__ import annotations

import os

from dffs.fuse.operations import Request
from dffs.meta.types import Caller
from dffs.vfs.kernel.callers import Callers, KernelCaller
from dffs.vfs.kernel.options import Squash


def _asked_by(uid: int, gid: int = 100, pid: int = 1) -> Request:
    return Request(1, 2, 1, uid, gid, pid)


def test_groups_are_those_of_the_process() -> None:
    caller = Callers(None)(_asked_by(5, pid=os.getpid()))
    assert (caller.uid, caller.gid) == (5, 100)
    assert caller.groups == frozenset(os.getgroups())
    assert caller.in_group(100)


def test_a_process_that_is_gone_has_no_groups() -> None:
    assert KernelCaller(5, 6, 0).groups == frozenset()
    assert not KernelCaller(5, 6, 2**22 + 1).in_group(7)


def test_root_or_everybody_is_squashed() -> None:
    nobody = Caller(65534, 65534, frozenset(), 1)
    assert Callers(Squash())(_asked_by(0)) == nobody
    assert Callers(Squash())(_asked_by(5)).uid == 5
    assert Callers(Squash(everybody=True))(_asked_by(5)) == nobody
