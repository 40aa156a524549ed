"""The file system that is mounted: every request of the kernel, answered from one volume.

Put together from its subjects: `names`, `content`, `directories`, `attributes`, and here the locks.
Rights are checked by the kernel (default_permissions) and again, where something changes, by the
metadata. Close-to-open: `open` asks the engine, closing makes what was written known to others.
"""

from __future__ import annotations

import errno
import threading
from typing import Any

from dffs.fuse.operations import Later, Lock, Request
from dffs.meta.types import LockKind
from dffs.vfs.kernel.attributes import AttributeOperations
from dffs.vfs.kernel.base import Replier
from dffs.vfs.kernel.directories import DirectoryOperations
from dffs.vfs.kernel.handles import FileHandle, Handle, VirtualHandle
from dffs.vfs.kernel.locks import Locks
from dffs.vfs.kernel.names import NameOperations


class KernelOperations(NameOperations, AttributeOperations, DirectoryOperations):
    """dffs.fuse.operations.Operations over dffs.meta and dffs.vfs."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.locks = Locks(self.meta)
        self._local = threading.local()

    def serve(self, replier: Replier) -> None:
        """Where the answers to waiting locks go."""
        self.locks.replier = replier

    def getlk(self, request: Request, lock: Lock) -> Lock | None:
        """The lock that would be in the way."""
        return self.locks.test(self._lockable(request), lock)

    def setlk(self, request: Request, lock: Lock, wait: bool) -> Later | None:
        """Take or give up a lock, perhaps later."""
        ino = self._lockable(request)
        if not lock.flock and lock.kind != LockKind.UNLOCK:
            self.handles.file(lock.handle).lock_owners.add(lock.owner)
        return self.locks.take(request.unique, ino, lock, wait=wait)

    def interrupt(self, unique: int) -> None:
        """A process got a signal while it waited."""
        self.locks.interrupt(unique)

    def destroy(self) -> None:
        """Unmounted."""
        self._on_destroy()

    def abandon(self, handle: Handle) -> None:
        """Let go of a handle that nobody will release any more."""
        if isinstance(handle, FileHandle):
            handle.file.release()
        elif isinstance(handle, VirtualHandle):
            handle.close()

    def figures(self) -> dict[str, float]:
        """For `.stats`."""
        return {
            "open_handles": len(self.handles),
            "locks_waiting": self.locks.waiting,
            "passthrough_files": self.modes.backings.count,
        }

    def _lockable(self, request: Request) -> int:
        if self.virtual.is_node(request.node):
            raise OSError(errno.ENOLCK, "no locks here")
        return self.nodes.ino(request.node)
