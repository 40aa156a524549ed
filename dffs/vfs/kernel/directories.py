"""Reading directories."""

from __future__ import annotations

from collections.abc import Sequence

from dffs.fuse import wire
from dffs.fuse.operations import Data, Request
from dffs.fuse.wire import OpenOut
from dffs.meta.types import Caller, Entry, FileKind
from dffs.vfs.kernel.base import OperationsBase
from dffs.vfs.kernel.handles import PAGE, DirHandle

_DIRECTORY_MODE = int(FileKind.DIRECTORY) << 12
_DOTS = 2  # "." and ".." come first
# What READDIRPLUS says of a name whose attributes are not to be kept: an entry of zeros.
_NO_ENTRY = bytes(128)


class DirectoryOperations(OperationsBase):
    """Operations on open directories."""

    def opendir(self, request: Request) -> OpenOut:
        """Open a directory; the kernel has checked the rights."""
        node = request.node
        handle = self.directory_handle(self.searcher(request), self.nodes.ino(node), node)
        return wire.open_out(self.handles.add(handle))

    def directory_handle(
        self, caller: Caller, ino: int, node: int, names: Sequence[bytes] = ()
    ) -> DirHandle:
        """An open directory, of which `names` have been read."""

        def fetch(after: bytes | None, with_attr: bool) -> list[Entry]:
            return self.meta.readdir(caller, ino, after=after, limit=PAGE, with_attr=with_attr)

        return DirHandle(ino, node, fetch, names)

    def readdir(self, request: Request, handle: int, offset: int, size: int, plus: bool) -> Data:
        """Names from a position on, with attributes if `plus`, as many as fit."""
        opened = self.handles.directory(handle)
        out = bytearray()
        for position in range(offset, _DOTS):
            name = b"..."[: position + 1]
            row = wire.dirent(opened.ino, position + 1, name, _DIRECTORY_MODE)
            out += _NO_ENTRY + row if plus else row
        room = size - len(out)
        for index, entry in opened.entries(max(0, offset - _DOTS), plus):
            name, ino, kind, attr = entry
            row = wire.dirent(ino, index + _DOTS + 1, name, kind << 12)
            needed = len(row) + 128 if plus else len(row)
            if needed > room:
                break
            room -= needed
            if plus:
                out += _NO_ENTRY if attr is None else self.entry_out(attr)
            out += row
        return out

    def releasedir(self, request: Request, handle: int) -> None:
        """The directory is closed."""
        self.handles.pop(handle)

    def fsyncdir(self, request: Request, handle: int, data_only: bool) -> None:
        """Names are durable when the engine says so."""
        self.meta.sync()
