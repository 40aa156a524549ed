"""What a file system answers to the kernel: the one seam between protocol and meaning.

`dispatch` calls these methods, from several threads at once. A refusal is an OSError with its
errno. Nodes are the numbers that the file system gave out in `EntryOut`; handles those of `OpenOut`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from dffs.fuse.wire import AttrOut, EntryOut, OpenOut

Data = bytes | bytearray | memoryview


class Later(Enum):
    """Returned instead of an answer: `Server.reply` will give it."""

    LATER = 0


LATER = Later.LATER


class Request:
    """Who asks, about which node. `unique` names the request in an interrupt or a late reply."""

    __slots__ = ("gid", "node", "opcode", "pid", "uid", "unique")

    def __init__(self, opcode: int, unique: int, node: int, uid: int, gid: int, pid: int) -> None:
        self.opcode = opcode
        self.unique = unique
        self.node = node
        self.uid = uid
        self.gid = gid
        self.pid = pid


@dataclass(frozen=True, slots=True)
class SetAttr:
    """What a SETATTR changes; None stays. Times in ns, or NOW. `kill_privileges`: clear set-id bits."""

    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    size_bytes: int | None = None
    atime_ns: int | None = None
    mtime_ns: int | None = None
    handle: int | None = None
    kill_privileges: bool = False


NOW = -(1 << 63)  # as a time of SetAttr: the file system's own clock


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock to test, take or give up: bytes `start` to `end` inclusive, `kind` is F_RDLCK & co."""

    handle: int
    owner: int
    start: int
    end: int
    kind: int
    pid: int
    flock: bool


class Operations(Protocol):
    """A file system. Optional calls may raise ENOSYS, then the kernel stops asking."""

    def lookup(self, request: Request, name: bytes) -> EntryOut: ...
    def forget(self, forgotten: Sequence[tuple[int, int]]) -> None: ...
    def getattr(self, request: Request, handle: int | None) -> AttrOut: ...
    def setattr(self, request: Request, change: SetAttr) -> AttrOut: ...
    def access(self, request: Request, mask: int) -> None: ...
    def readlink(self, request: Request) -> bytes: ...
    def symlink(self, request: Request, name: bytes, target: bytes) -> EntryOut: ...
    def mknod(
        self, request: Request, name: bytes, mode: int, rdev: int, umask: int
    ) -> EntryOut: ...
    def mkdir(self, request: Request, name: bytes, mode: int, umask: int) -> EntryOut: ...
    def unlink(self, request: Request, name: bytes) -> None: ...
    def rmdir(self, request: Request, name: bytes) -> None: ...
    def rename(
        self, request: Request, name: bytes, new_parent: int, new_name: bytes, flags: int
    ) -> None: ...
    def link(self, request: Request, node: int, new_name: bytes) -> EntryOut: ...

    def open(self, request: Request, flags: int, kill_privileges: bool) -> OpenOut: ...
    def create(
        self, request: Request, name: bytes, flags: int, mode: int, umask: int
    ) -> tuple[EntryOut, OpenOut]: ...
    def read(self, request: Request, handle: int, offset: int, size: int) -> Data: ...
    def write(
        self, request: Request, handle: int, offset: int, data: memoryview, kill_privileges: bool
    ) -> int: ...
    def flush(self, request: Request, handle: int, lock_owner: int) -> None: ...
    def fsync(self, request: Request, handle: int, data_only: bool) -> None: ...
    def release(
        self, request: Request, handle: int, lock_owner: int, flock_unlock: bool
    ) -> None: ...
    def fallocate(
        self, request: Request, handle: int, mode: int, offset: int, length: int
    ) -> None: ...
    def lseek(self, request: Request, handle: int, offset: int, whence: int) -> int: ...
    def copy_file_range(
        self,
        request: Request,
        source: tuple[int, int],
        target: tuple[int, int, int],
        length: int,
    ) -> int: ...

    def opendir(self, request: Request) -> OpenOut: ...
    def readdir(
        self, request: Request, handle: int, offset: int, size: int, plus: bool
    ) -> Data: ...
    def releasedir(self, request: Request, handle: int) -> None: ...
    def fsyncdir(self, request: Request, handle: int, data_only: bool) -> None: ...

    def statfs(self, request: Request) -> bytes: ...
    def syncfs(self, request: Request) -> None: ...
    def getxattr(self, request: Request, name: bytes) -> bytes: ...
    def listxattr(self, request: Request) -> bytes: ...
    def setxattr(self, request: Request, name: bytes, value: bytes, flags: int) -> None: ...
    def removexattr(self, request: Request, name: bytes) -> None: ...

    def getlk(self, request: Request, lock: Lock) -> Lock | None: ...
    def setlk(self, request: Request, lock: Lock, wait: bool) -> Later | None: ...
    def interrupt(self, unique: int) -> None: ...
    def destroy(self) -> None: ...
