"""One handle on an open file: what dffs.vfs.api.OpenFileApi promises."""

from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING, Protocol

from dffs.meta.types import ROOT_CALLER, Attr, Caller, MetaError
from dffs.vfs import ranges
from dffs.vfs.errors import as_os_error
from dffs.vfs.inode import Inode
from dffs.vfs.parts import Parts
from dfinfra.logs import get_logger

if TYPE_CHECKING:
    from typing_extensions import Buffer

_log = get_logger("dffs")


class Hooks(Protocol):
    """What a handle tells its owner."""

    def promised(self, inode: Inode) -> None:
        """Something was promised that is to be published."""

    def released(self, inode: Inode) -> None:
        """One handle less."""


class OpenFile:
    """See OpenFileApi."""

    def __init__(
        self,
        inode: Inode,
        flags: int,
        parts: Parts,
        *,
        keep_cache: bool,
        hooks: Hooks,
    ) -> None:
        self.inode = inode
        self.flags = flags
        self._keep_cache = keep_cache
        self._parts = parts
        self._hooks = hooks
        self._fd: int | None = None
        self._fd_lock = threading.Lock()
        self._open = True
        access = flags & os.O_ACCMODE
        self._reads = access != os.O_WRONLY
        self._writes = access != os.O_RDONLY

    @property
    def ino(self) -> int:
        """Its inode."""
        return self.inode.ino

    @property
    def attr(self) -> Attr:
        """The attributes as this process sees them."""
        return self.inode.attr

    @property
    def keep_cache(self) -> bool:
        """See OpenFileApi. A file that the kernel reads by itself has no pages here: it refuses to
        open one with both promises."""
        return self._keep_cache and self._fd is None

    def passthrough_fd(self) -> int | None:
        """See OpenFileApi."""
        if self._writes or self.inode.dirty:
            return None
        with self._fd_lock:
            if self._fd is None and self._open:
                try:
                    fd = self.inode.content().complete_fd()
                    # Of our own, so that it stays what it is while others come and go.
                    self._fd = None if fd is None else os.dup(fd)
                except Exception as error:
                    raise as_os_error(error) from error
            return self._fd

    def read(self, offset: int, size: int) -> bytes:
        """See OpenFileApi."""
        if not self._reads:
            raise MetaError(errno.EBADF)
        held = self.inode.pread(offset, size)
        if held is not None:
            self._parts.counters.add("read_bytes", len(held))
            return held
        buffer = bytearray(size)
        done = self.read_into(offset, buffer)
        return bytes(memoryview(buffer)[:done])

    def read_into(self, offset: int, buffer: Buffer) -> int:
        """See OpenFileApi."""
        if not self._reads:
            raise MetaError(errno.EBADF)
        view = memoryview(buffer).cast("B")
        done = self.inode.read_into(offset, view)
        self._parts.counters.add("read_bytes", done)
        return done

    def write(self, offset: int, data: Buffer) -> int:
        """See OpenFileApi."""
        self._check_writable()
        view = memoryview(data).cast("B")
        if not len(view):
            return 0
        append = bool(self.flags & os.O_APPEND)
        self._parts.counters.add("written_bytes", len(view))
        return self.inode.write(None if append else offset, view)

    def _check_writable(self) -> None:
        if not self._writes:
            raise MetaError(errno.EBADF)
        if self._parts.policy.read_only:
            raise MetaError(errno.EROFS)

    def truncate(self, size: int, *, caller: Caller | None = None) -> Attr:
        """See OpenFileApi."""
        self._check_writable()
        return self.inode.truncate(caller or ROOT_CALLER, size, opened=True)

    def allocate(self, mode: int, offset: int, length: int) -> Attr:
        """See OpenFileApi."""
        self._check_writable()
        return ranges.allocate(self.inode, self._parts, mode, offset, length)

    def seek(self, offset: int, whence: int) -> int:
        """See OpenFileApi."""
        return ranges.seek(self.inode, self._parts, offset, whence)

    def flush(self) -> None:
        """See OpenFileApi."""
        if not self.inode.flush():
            self._hooks.promised(self.inode)

    def fsync(self, *, data_only: bool = False) -> None:
        """See OpenFileApi. Content and its row are one: there is no data alone."""
        if not self.inode.sync():
            self._hooks.promised(self.inode)

    def release(self) -> None:
        """See OpenFileApi."""
        with self._fd_lock:
            if not self._open:
                return
            self._open = False
            fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)
        if self._writes and self.inode.dirty:
            try:
                self.flush()
            except OSError as error:
                _log.error("written bytes are lost", ino=self.ino, reason=str(error))
        self._hooks.released(self.inode)
