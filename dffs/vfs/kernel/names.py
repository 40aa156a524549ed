"""Names: looking up, making, moving, removing."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from dffs.fuse import wire
from dffs.fuse.operations import Request
from dffs.fuse.wire import ROOT_NODE, EntryOut
from dffs.meta.types import FileKind, MetaError, RenameFlag
from dffs.vfs.kernel.base import OperationsBase

_REGULAR = FileKind.FILE


class NameOperations(OperationsBase):
    """Operations on a directory's names. A request's node is the directory."""

    def lookup(self, request: Request, name: bytes) -> EntryOut:
        """The node under a name."""
        node = request.node
        if node == ROOT_NODE and (found := self.virtual.lookup(name)) is not None:
            return found
        try:
            attr = self.meta.lookup(self.searcher(request), self.nodes.ino(node), name)
        except MetaError as error:
            if error.errno == errno.ENOENT and self._negative_ttl != wire.NO_TTL:
                return wire.negative_entry(self._negative_ttl)
            raise
        return self.entry_out(attr)

    def forget(self, forgotten: Sequence[tuple[int, int]]) -> None:
        """The kernel no longer holds these nodes."""
        self.nodes.forget(forgotten)

    def readlink(self, request: Request) -> bytes:
        """A symbolic link's target."""
        return self.meta.readlink(self.nodes.ino(request.node))

    def symlink(self, request: Request, name: bytes, target: bytes) -> EntryOut:
        """Make a symbolic link."""
        self._not_ours(request.node, name)
        parent = self.nodes.ino(request.node)
        return self.entry_out(self.meta.symlink(self.caller(request), parent, name, target))

    def mknod(self, request: Request, name: bytes, mode: int, rdev: int, umask: int) -> EntryOut:
        """Make a file, FIFO, socket or device."""
        self._not_ours(request.node, name)
        kind = FileKind(mode >> 12) if mode >> 12 else _REGULAR
        attr = self.meta.mknod(
            self.caller(request),
            self.nodes.ino(request.node),
            name,
            kind,
            mode & 0o7777,
            rdev=rdev,
            umask=self.umask(umask),
        )
        return self.entry_out(attr)

    def mkdir(self, request: Request, name: bytes, mode: int, umask: int) -> EntryOut:
        """Make a directory."""
        self._not_ours(request.node, name)
        parent, caller = self.nodes.ino(request.node), self.caller(request)
        attr = self.meta.mkdir(caller, parent, name, mode & 0o7777, umask=self.umask(umask))
        return self.entry_out(attr)

    def unlink(self, request: Request, name: bytes) -> None:
        """Remove a file's name."""
        self._not_ours(request.node, name)
        self.meta.unlink(self.caller(request), self.nodes.ino(request.node), name)

    def rmdir(self, request: Request, name: bytes) -> None:
        """Remove an empty directory."""
        self._not_ours(request.node, name)
        self.meta.rmdir(self.caller(request), self.nodes.ino(request.node), name)

    def rename(
        self, request: Request, name: bytes, new_parent: int, new_name: bytes, flags: int
    ) -> None:
        """Move a name. RENAME_WHITEOUT (4) is for overlay file systems: EINVAL."""
        self._not_ours(request.node, name)
        self._not_ours(new_parent, new_name)
        if flags & ~3:
            raise OSError(errno.EINVAL, "no such flag")
        self.meta.rename(
            self.caller(request),
            self.nodes.ino(request.node),
            name,
            self.nodes.ino(new_parent),
            new_name,
            RenameFlag(flags),
        )

    def link(self, request: Request, node: int, new_name: bytes) -> EntryOut:
        """One more name for a file."""
        self._not_ours(request.node, new_name)
        parent, ino = self.nodes.ino(request.node), self.nodes.ino(node)
        return self.entry_out(self.meta.link(self.caller(request), ino, parent, new_name))

    def umask(self, umask: int) -> int:
        """The kernel has applied it already, unless ACLs are on: then a default ACL may replace it."""
        return umask if self.options.acl else 0

    def _not_ours(self, parent: int, name: bytes) -> None:
        if parent == ROOT_NODE and self.virtual.has(name):
            raise OSError(errno.EPERM, "a name of the mount's own")
