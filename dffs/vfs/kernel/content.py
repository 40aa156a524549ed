"""Open files: their bytes, and how the kernel may read them by itself."""

from __future__ import annotations

import errno
import os
import threading
import time

from dffs.fuse import wire
from dffs.fuse.operations import Data, Request
from dffs.fuse.wire import ROOT_NODE, EntryOut, OpenFlag, OpenOut
from dffs.meta.types import Attr
from dffs.vfs.api import OpenFileApi
from dffs.vfs.kernel.base import OperationsBase
from dffs.vfs.kernel.handles import FileHandle, VirtualHandle
from dffs.vfs.kernel.locks import Locks

# What the kernel asks for at least when it reads ahead.
_SMALLEST_BUFFER = 128 << 10
_SUID, _SGID, _GROUP_EXEC = 0o4000, 0o2000, 0o010


class ContentOperations(OperationsBase):
    """Operations on open files."""

    locks: Locks
    _local: threading.local

    def open(self, request: Request, flags: int, kill_privileges: bool) -> OpenOut:
        """Open a file; ESTALE makes the kernel look the name up again (see `nodes`)."""
        node = request.node
        if self.virtual.is_node(node):
            return self._open_virtual(node, flags)
        ino = self.nodes.ino(node)
        file = self.files.open(self.caller(request), ino, flags)
        try:
            if kill_privileges and flags & os.O_TRUNC:
                self.clear_set_ids(request, file.attr)
            opened = self._admit(file, ino, node, flags)
        except BaseException:
            file.release()
            raise
        if opened is None:
            file.release()
            renewed = self.nodes.renew(node)
            if flags & os.O_ACCMODE != os.O_RDONLY:
                self.modes.reserve(renewed)
            raise OSError(errno.ESTALE, "to be opened as another node")
        return opened

    def _admit(self, file: OpenFileApi, ino: int, node: int, flags: int) -> OpenOut | None:
        complete_fd = None
        if flags & os.O_ACCMODE == os.O_RDONLY and self.modes.backings.enabled:
            complete_fd = file.passthrough_fd()
        admission = self.modes.admit(node, file.attr.version, complete_fd)
        if admission is None:
            return None
        backing_id = admission.backing_id
        number = self.handles.add(FileHandle(file, ino, node, flags, backing_id))
        how = OpenFlag.KEEP_CACHE if file.keep_cache else 0
        if backing_id:
            how = OpenFlag.PASSTHROUGH  # the kernel takes no KEEP_CACHE with it
        return wire.open_out(number, how, backing_id)

    def create(
        self, request: Request, name: bytes, flags: int, mode: int, umask: int
    ) -> tuple[EntryOut, OpenOut]:
        """Make a file and open it; opens the one that is there if it need not be new."""
        if request.node == ROOT_NODE and self.virtual.has(name):
            raise OSError(errno.EPERM, "a name of the mount's own")
        attr, new = self.meta.create(
            self.caller(request),
            self.nodes.ino(request.node),
            name,
            mode & 0o7777,
            exclusive=bool(flags & os.O_EXCL),
            umask=umask if self.options.acl else 0,
        )
        if new:
            file = self.files.opened(attr, flags)
        else:
            # Made by somebody else since the kernel looked: the mode counts, and O_TRUNC.
            try:
                file = self.files.open(self.caller(request), attr.ino, flags)
            finally:
                self.meta.release(attr.ino)
            attr = file.attr
        opened = self._admit(file, attr.ino, self.nodes.node(attr.ino), flags)
        if opened is None:
            renewed = self.nodes.renew(self.nodes.node(attr.ino))
            self.modes.reserve(renewed)
            opened = self._admit(file, attr.ino, renewed, flags)
        assert opened is not None  # a new node is open nowhere
        return self.entry_out(attr), opened

    def _open_virtual(self, node: int, flags: int) -> OpenOut:
        if flags & os.O_ACCMODE != os.O_RDONLY:
            raise OSError(errno.EACCES, "to be read only")
        number = self.handles.add(self.virtual.open(node))
        return wire.open_out(number, OpenFlag.DIRECT_IO)

    def read(self, request: Request, handle: int, offset: int, size: int) -> Data:
        """Bytes of an open file."""
        opened = self.handles.any(handle)
        if type(opened) is VirtualHandle:
            return opened.read(offset, size)
        opened = self.handles.file(handle)
        if self.options.atime and not opened.touched:
            opened.touched = True
            self.meta.touch(opened.ino, atime_ns=time.time_ns())
        buffer = self._buffer(size)
        return buffer[: opened.file.read_into(offset, buffer)]

    def _buffer(self, size: int) -> memoryview:
        """This thread's own: it is done with a reply before it reads the next request."""
        held: memoryview | None = getattr(self._local, "buffer", None)
        if held is None or len(held) < size:
            held = self._local.buffer = memoryview(bytearray(max(size, _SMALLEST_BUFFER)))
        return held[:size]

    def write(
        self, request: Request, handle: int, offset: int, data: memoryview, kill_privileges: bool
    ) -> int:
        """Put bytes into an open file."""
        opened = self.handles.file(handle)
        written = opened.file.write(offset, data)
        if kill_privileges:
            self.clear_set_ids(request, self.meta.getattr(opened.ino))
        return written

    def clear_set_ids(self, request: Request, attr: Attr) -> None:
        """A file that was written to is nobody's program any more (HANDLE_KILLPRIV_V2)."""
        drop = attr.mode & _SUID
        if attr.mode & _SGID:
            caller = self.caller(request)
            # Without the right to execute it marked a file for mandatory locks once; Linux since 6.2
            # takes it from who is not of the group.
            if attr.mode & _GROUP_EXEC or not (caller.uid == 0 or caller.in_group(attr.gid)):
                drop |= _SGID
        if drop:
            self.meta.setattr(self.owner(attr), attr.ino, mode=attr.mode & ~drop)

    def flush(self, request: Request, handle: int, lock_owner: int) -> None:
        """A descriptor is closed: what was written is for others to see, its locks are given up."""
        opened = self.handles.any(handle)
        if type(opened) is not FileHandle:
            return
        try:
            opened.file.flush()
        finally:
            self.locks.give_up_records(opened.ino, lock_owner)

    def fsync(self, request: Request, handle: int, data_only: bool) -> None:
        """What was written survives a power cut."""
        self.handles.file(handle).file.fsync(data_only=data_only)

    def release(self, request: Request, handle: int, lock_owner: int, flock_unlock: bool) -> None:
        """The last descriptor of an open file is gone."""
        opened = self.handles.pop(handle)
        if isinstance(opened, VirtualHandle):
            opened.close()
        if not isinstance(opened, FileHandle):
            return
        try:
            if flock_unlock:
                self.locks.give_up_flock(opened.ino, lock_owner)
            for owner in opened.lock_owners:
                self.locks.give_up_records(opened.ino, owner)
        finally:
            self.modes.leave(opened.node, opened.backing_id)
            opened.file.release()

    def fallocate(self, request: Request, handle: int, mode: int, offset: int, length: int) -> None:
        """Reserve, punch or zero a part of a file."""
        self.handles.file(handle).file.allocate(mode, offset, length)

    def lseek(self, request: Request, handle: int, offset: int, whence: int) -> int:
        """SEEK_DATA and SEEK_HOLE."""
        return self.handles.file(handle).file.seek(offset, whence)

    def copy_file_range(
        self, request: Request, source: tuple[int, int], target: tuple[int, int, int], length: int
    ) -> int:
        """Copy between two open files, without moving bytes where blocks allow it."""
        given, taken = self.handles.file(source[0]), self.handles.file(target[1])
        return self.files.copy_range(given.file, source[1], taken.file, target[2], length)
