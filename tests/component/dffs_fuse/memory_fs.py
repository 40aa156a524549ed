"""A small file system in memory: what the protocol's tests mount. Everybody may do everything."""

from __future__ import annotations

import errno
import itertools
import stat
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from dffs.fuse import wire
from dffs.fuse.operations import LATER, NOW, Data, Later, Lock, Request, SetAttr
from dffs.fuse.passthrough import Backings
from dffs.fuse.server import Server
from dffs.fuse.wire import AttrOut, EntryOut, OpenFlag, OpenOut

TTL = (1, 0)


@dataclass
class Node:
    """A file, directory or whatever `mode` says."""

    ino: int
    mode: int
    owner: tuple[int, int] = (0, 0)
    rdev: int = 0
    content: bytearray = field(default_factory=bytearray)
    names: dict[bytes, int] = field(default_factory=dict)
    target: bytes = b""
    xattrs: dict[bytes, bytes] = field(default_factory=dict)
    nlink: int = 1
    times: list[int] = field(default_factory=lambda: [time.time_ns()] * 3)
    parent: int = 1
    backing: int = -1  # a descriptor that the kernel may read instead


class MemoryFs:
    """Operations over a dict. One lock around everything but the waiting."""

    def __init__(self) -> None:
        self._nodes = {1: Node(1, stat.S_IFDIR | 0o755, nlink=2)}
        self._numbers = itertools.count(2)
        self._lock = threading.RLock()
        self.server: Server | None = None
        self.backings: Backings | None = None
        self.seen: list[int] = []  # opcodes of reads and writes that reached us
        self.locks: dict[int, tuple[int, int]] = {}  # node -> (owner, kind)
        self.waiting: dict[int, tuple[int, Lock]] = {}
        self.slow = threading.Event()

    def _node(self, ino: int) -> Node:
        node = self._nodes.get(ino)
        if node is None:
            raise OSError(errno.ENOENT, "gone")
        return node

    def _attr(self, node: Node) -> AttrOut:
        return wire.attr_out(
            node.ino,
            node.mode,
            len(node.content) or len(node.target),
            (node.times[0], node.times[1], node.times[2]),
            nlink=node.nlink,
            owner=node.owner,
            rdev=node.rdev,
            ttl=TTL,
        )

    def _entry(self, node: Node) -> EntryOut:
        return wire.entry_out(node.ino, self._attr(node), TTL)

    def lookup(self, request: Request, name: bytes) -> EntryOut:
        ino = self._node(request.node).names.get(name)
        if ino is None:
            raise OSError(errno.ENOENT, "no such name")
        return self._entry(self._node(ino))

    def forget(self, forgotten: Sequence[tuple[int, int]]) -> None:
        return None

    def getattr(self, request: Request, handle: int | None) -> AttrOut:
        return self._attr(self._node(request.node))

    def setattr(self, request: Request, change: SetAttr) -> AttrOut:
        node = self._node(request.node)
        if change.mode is not None:
            node.mode = stat.S_IFMT(node.mode) | change.mode
        owner = list(node.owner)
        owner[0] = owner[0] if change.uid is None else change.uid
        owner[1] = owner[1] if change.gid is None else change.gid
        node.owner = (owner[0], owner[1])
        if change.size_bytes is not None:
            del node.content[change.size_bytes :]
            node.content.extend(bytes(change.size_bytes - len(node.content)))
        for index, value in ((0, change.atime_ns), (1, change.mtime_ns)):
            if value is not None:
                node.times[index] = time.time_ns() if value == NOW else value
        node.times[2] = time.time_ns()
        return self._attr(node)

    def access(self, request: Request, mask: int) -> None:
        return None

    def readlink(self, request: Request) -> bytes:
        return self._node(request.node).target

    def _make(self, request: Request, name: bytes, mode: int) -> Node:
        with self._lock:
            parent = self._node(request.node)
            if name in parent.names:
                raise OSError(errno.EEXIST, "exists")
            node = Node(next(self._numbers), mode, (request.uid, request.gid), parent=parent.ino)
            self._nodes[node.ino] = node
            parent.names[name] = node.ino
            parent.times[1] = parent.times[2] = time.time_ns()
            return node

    def symlink(self, request: Request, name: bytes, target: bytes) -> EntryOut:
        node = self._make(request, name, stat.S_IFLNK | 0o777)
        node.target = target
        return self._entry(node)

    def mknod(self, request: Request, name: bytes, mode: int, rdev: int, umask: int) -> EntryOut:
        node = self._make(request, name, mode)
        node.rdev = rdev
        return self._entry(node)

    def mkdir(self, request: Request, name: bytes, mode: int, umask: int) -> EntryOut:
        node = self._make(request, name, stat.S_IFDIR | mode)
        node.nlink = 2
        self._node(request.node).nlink += 1
        return self._entry(node)

    def unlink(self, request: Request, name: bytes) -> None:
        ino = self._node(request.node).names.pop(name)
        self._node(ino).nlink -= 1

    def rmdir(self, request: Request, name: bytes) -> None:
        parent = self._node(request.node)
        if self._node(parent.names[name]).names:
            raise OSError(errno.ENOTEMPTY, "not empty")
        del parent.names[name]
        parent.nlink -= 1

    def rename(
        self, request: Request, name: bytes, new_parent: int, new_name: bytes, flags: int
    ) -> None:
        with self._lock:
            source, target = self._node(request.node), self._node(new_parent)
            if flags & 1 and new_name in target.names:
                raise OSError(errno.EEXIST, "exists")
            ino = source.names.pop(name)
            if (replaced := target.names.pop(new_name, None)) is not None:
                self._node(replaced).nlink -= 1
                if flags & 2:
                    source.names[name] = replaced
            target.names[new_name] = ino

    def link(self, request: Request, node: int, new_name: bytes) -> EntryOut:
        linked = self._node(node)
        linked.nlink += 1
        self._node(request.node).names[new_name] = node
        return self._entry(linked)

    def _opened(self, node: Node) -> OpenOut:
        if node.backing >= 0 and self.backings is not None:
            backing = self.backings.open(node.ino, 1, node.backing)
            if backing is not None:
                return wire.open_out(node.ino, OpenFlag.PASSTHROUGH, backing)
        return wire.open_out(node.ino, OpenFlag.KEEP_CACHE)

    def open(self, request: Request, flags: int, kill_privileges: bool) -> OpenOut:
        node = self._node(request.node)
        if flags & 0o1000:
            node.content.clear()
        return self._opened(node)

    def create(
        self, request: Request, name: bytes, flags: int, mode: int, umask: int
    ) -> tuple[EntryOut, OpenOut]:
        node = self._make(request, name, stat.S_IFREG | mode)
        return self._entry(node), self._opened(node)

    def read(self, request: Request, handle: int, offset: int, size: int) -> Data:
        self.seen.append(request.opcode)
        if self._node(handle).xattrs.get(b"user.bug"):
            raise ZeroDivisionError("a bug of the file system")
        return bytes(self._node(handle).content[offset : offset + size])

    def write(
        self, request: Request, handle: int, offset: int, data: memoryview, kill_privileges: bool
    ) -> int:
        self.seen.append(request.opcode)
        content = self._node(handle).content
        with self._lock:
            if len(content) < offset:
                content.extend(bytes(offset - len(content)))
            content[offset : offset + len(data)] = data
            self._node(handle).times[1:] = [time.time_ns()] * 2
        return len(data)

    def flush(self, request: Request, handle: int, lock_owner: int) -> None:
        return None

    def fsync(self, request: Request, handle: int, data_only: bool) -> None:
        return None

    def release(self, request: Request, handle: int, lock_owner: int, flock_unlock: bool) -> None:
        if self.backings is not None:
            self.backings.close(handle)
        if flock_unlock:
            self.locks.pop(request.node, None)
            self._wake()

    def fallocate(self, request: Request, handle: int, mode: int, offset: int, length: int) -> None:
        content = self._node(handle).content
        content.extend(bytes(max(0, offset + length - len(content))))

    def lseek(self, request: Request, handle: int, offset: int, whence: int) -> int:
        raise OSError(errno.ENOSYS, "not here")

    def copy_file_range(
        self, request: Request, source: tuple[int, int], target: tuple[int, int, int], length: int
    ) -> int:
        data = bytes(self._node(source[0]).content[source[1] : source[1] + length])
        return self.write(request, target[1], target[2], memoryview(data), False)

    def opendir(self, request: Request) -> OpenOut:
        return wire.open_out(request.node)

    def readdir(self, request: Request, handle: int, offset: int, size: int, plus: bool) -> Data:
        out = bytearray()
        for position, (name, ino) in enumerate(self._node(handle).names.items(), start=1):
            if position <= offset:
                continue
            node = self._node(ino)
            row = wire.dirent(ino, position, name, stat.S_IFMT(node.mode) >> 12)
            if plus:
                row = self._entry(node) + row
            if len(out) + len(row) > size:
                break
            out += row
        return out

    def releasedir(self, request: Request, handle: int) -> None:
        return None

    def fsyncdir(self, request: Request, handle: int, data_only: bool) -> None:
        return None

    def statfs(self, request: Request) -> bytes:
        return wire.statfs_out(
            blocks=1000, free=600, available=500, files=99, files_free=44, block_bytes=4096
        )

    def syncfs(self, request: Request) -> None:
        return None

    def getxattr(self, request: Request, name: bytes) -> bytes:
        if name == b"user.slow":
            self.slow.wait(30)
        value = self._node(request.node).xattrs.get(name)
        if value is None:
            raise OSError(errno.ENODATA, "no such attribute")
        return value

    def listxattr(self, request: Request) -> bytes:
        return b"".join(name + b"\0" for name in self._node(request.node).xattrs)

    def setxattr(self, request: Request, name: bytes, value: bytes, flags: int) -> None:
        self._node(request.node).xattrs[name] = value
        if name == b"user.backing":
            self._node(request.node).backing = int(value)

    def removexattr(self, request: Request, name: bytes) -> None:
        del self._node(request.node).xattrs[name]

    def getlk(self, request: Request, lock: Lock) -> Lock | None:
        held = self.locks.get(request.node)
        if held is None or held[0] == lock.owner:
            return None
        return Lock(0, held[0], 0, 2**63 - 1, held[1], 4711, False)

    def setlk(self, request: Request, lock: Lock, wait: bool) -> Later | None:
        with self._lock:
            held = self.locks.get(request.node)
            if lock.kind == 2:
                self.locks.pop(request.node, None)
                self._wake()
                return None
            if held is None or held[0] == lock.owner:
                self.locks[request.node] = (lock.owner, lock.kind)
                return None
            if not wait:
                raise OSError(errno.EAGAIN, "locked")
            self.waiting[request.unique] = (request.node, lock)
            return LATER

    def _wake(self) -> None:
        assert self.server is not None
        with self._lock:
            for unique, (node, lock) in list(self.waiting.items()):
                if node not in self.locks:
                    self.locks[node] = (lock.owner, lock.kind)
                    del self.waiting[unique]
                    self.server.reply(unique)

    def interrupt(self, unique: int) -> None:
        assert self.server is not None
        with self._lock:
            if self.waiting.pop(unique, None) is not None:
                self.server.reply(unique, errno.EINTR)

    def destroy(self) -> None:
        return None
