"""Attributes, extended attributes, and the volume's own figures."""

from __future__ import annotations

import errno

from dffs.fuse import wire
from dffs.fuse.operations import NOW, Request, SetAttr
from dffs.fuse.wire import AttrOut
from dffs.meta.types import Attr
from dffs.vfs.kernel.content import ContentOperations
from dffs.vfs.kernel.handles import FileHandle

_BLOCK = 4096
# What is shown where there is no limit.
_UNLIMITED_BYTES = 1 << 50
_UNLIMITED_INODES = 10 << 20
_ACL_PREFIX = b"system.posix_acl_"
# Asked for by ls and by every program that is started: never there, no need to ask the engine.
_SECURITY = b"security."
_NAMESPACES = (b"user.", b"trusted.", _SECURITY)


class AttributeOperations(ContentOperations):
    """Operations on attributes."""

    def getattr(self, request: Request, handle: int | None) -> AttrOut:
        """The attributes of a node."""
        if self.virtual.is_node(request.node):
            return self.virtual.attr(request.node)
        return self.attr_out(self.meta.getattr(self.nodes.ino(request.node)))

    def setattr(self, request: Request, change: SetAttr) -> AttrOut:
        """chmod, chown, truncate, utimens."""
        if self.virtual.is_node(request.node):
            raise OSError(errno.EPERM, "the mount's own")
        ino = self.nodes.ino(request.node)
        attr: Attr | None = None
        mtime = change.mtime_ns
        if change.size_bytes is not None:
            attr = self._truncate(request, ino, change)
            mtime = None if mtime == NOW else mtime
        if mtime is not None:
            # What is flushed later would put its own time in the place of this one.
            self.files.flush_ino(ino)
        mode = change.mode
        if any(
            value is not None for value in (mode, change.uid, change.gid, mtime, change.atime_ns)
        ):
            attr = self.meta.setattr(
                self.caller(request),
                ino,
                mode=mode,
                uid=change.uid,
                gid=change.gid,
                atime_ns=None if change.atime_ns == NOW else change.atime_ns,
                mtime_ns=None if mtime == NOW else mtime,
                atime_now=change.atime_ns == NOW,
                mtime_now=mtime == NOW,
            )
        if attr is None or (change.kill_privileges and change.size_bytes is not None):
            attr = self.meta.getattr(ino)
        return self.attr_out(attr)

    def _truncate(self, request: Request, ino: int, change: SetAttr) -> Attr:
        assert change.size_bytes is not None
        caller = self.caller(request)
        opened = None if change.handle is None else self.handles.any(change.handle)
        if isinstance(opened, FileHandle):
            attr = opened.file.truncate(change.size_bytes, caller=caller)
        else:
            attr = self.files.truncate(caller, ino, change.size_bytes)
        if change.kill_privileges:
            self.clear_set_ids(request, attr)
        return attr

    def access(self, request: Request, mask: int) -> None:
        """Whether the caller has these rights."""
        if not self.virtual.is_node(request.node):
            self.meta.access(self.caller(request), self.nodes.ino(request.node), mask)

    def statfs(self, request: Request) -> bytes:
        """df."""
        usage = self.meta.statfs()
        capacity = usage.capacity_bytes or max(_UNLIMITED_BYTES, usage.used_bytes * 2)
        inodes = usage.capacity_inodes or usage.used_inodes + _UNLIMITED_INODES
        free = max(0, capacity - usage.used_bytes) // _BLOCK
        return wire.statfs_out(
            blocks=-(-capacity // _BLOCK),
            free=free,
            available=free,
            files=inodes,
            files_free=max(0, inodes - usage.used_inodes),
            block_bytes=_BLOCK,
        )

    def syncfs(self, request: Request) -> None:
        """sync(1)."""
        self.files.flush_all()
        self.meta.sync()

    def getxattr(self, request: Request, name: bytes) -> bytes:
        """The value of an extended attribute."""
        self._xattrs(request, name)
        if name.startswith(_SECURITY):
            raise OSError(errno.ENODATA, "no such attribute")
        return self.meta.getxattr(self.caller(request), self.nodes.ino(request.node), name)

    def listxattr(self, request: Request) -> bytes:
        """The names of the extended attributes, each ended by a zero byte."""
        self._xattrs(request, b"")
        names = self.meta.listxattr(self.caller(request), self.nodes.ino(request.node))
        return b"".join(name + b"\0" for name in names)

    def setxattr(self, request: Request, name: bytes, value: bytes, flags: int) -> None:
        """Set an extended attribute."""
        self._xattrs(request, name)
        if name.startswith(_SECURITY):
            raise OSError(errno.EOPNOTSUPP, "not kept here")
        ino = self.nodes.ino(request.node)
        self.meta.setxattr(self.caller(request), ino, name, value, flags)

    def removexattr(self, request: Request, name: bytes) -> None:
        """Remove an extended attribute."""
        self._xattrs(request, name)
        self.meta.removexattr(self.caller(request), self.nodes.ino(request.node), name)

    def _xattrs(self, request: Request, name: bytes) -> None:
        if not self.options.xattr and not self.options.acl:
            raise OSError(errno.ENOSYS, "extended attributes are off")
        if self.virtual.is_node(request.node):
            raise OSError(errno.ENODATA if name else errno.EOPNOTSUPP, "the mount's own")
        if name.startswith(_ACL_PREFIX):
            if not self.options.acl:
                raise OSError(errno.EOPNOTSUPP, "ACLs are off")
        elif not self.options.xattr or (name and not name.startswith(_NAMESPACES)):
            raise OSError(errno.EOPNOTSUPP, "no such extended attributes here")
