"""Who asks, as the metadata wants to know it.

The kernel names uid, gid and the thread. The supplementary groups are in /proc only, and reading
them costs more than most operations: they are looked up when a decision depends on them.
"""

from __future__ import annotations

from dffs.fuse.operations import Request
from dffs.meta.types import Caller
from dffs.vfs.kernel.options import Squash

_NO_GROUPS: frozenset[int] = frozenset()


class KernelCaller(Caller):
    """A Caller whose `groups` are read when asked for."""

    __slots__ = ("_groups",)
    _groups: frozenset[int] | None

    def __init__(self, uid: int, gid: int, pid: int) -> None:
        put = object.__setattr__
        put(self, "uid", uid)
        put(self, "gid", gid)
        put(self, "pid", pid)
        put(self, "_groups", None)

    @property
    def groups(self) -> frozenset[int]:
        """The supplementary groups of the thread; none when it is gone or not ours to see."""
        groups = self._groups
        if groups is None:
            groups = _groups_of(self.pid)
            object.__setattr__(self, "_groups", groups)
        return groups


def _groups_of(pid: int) -> frozenset[int]:
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            for line in file:
                if line.startswith(b"Groups:"):
                    return frozenset(map(int, line[7:].split()))
    except (OSError, ValueError):
        pass
    return _NO_GROUPS


class Callers:
    """Makes the caller of a request, squashed as the mount says."""

    def __init__(self, squash: Squash | None) -> None:
        self._squash = squash

    def __call__(self, request: Request) -> Caller:
        squash = self._squash
        if squash is not None and (squash.everybody or request.uid == 0):
            return Caller(squash.uid, squash.gid, _NO_GROUPS, request.pid)
        return KernelCaller(request.uid, request.gid, request.pid)
