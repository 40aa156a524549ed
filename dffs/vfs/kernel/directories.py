"""Reading directories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from dffs.fuse import wire
from dffs.fuse.operations import Data, Request
from dffs.fuse.wire import OpenOut
from dffs.meta.types import Caller, Entry, FileKind
from dffs.vfs.kernel.base import OperationsBase
from dffs.vfs.kernel.handles import PAGE, DirHandle, Fetcher

T = TypeVar("T")

_DIRECTORY = int(FileKind.DIRECTORY)
_LISTERS = 2
_DOTS = 2  # "." and ".." come first
# What READDIRPLUS says of a name whose attributes are not to be kept: an entry of zeros.
_NO_ENTRY = bytes(128)
# A row's head, and what rounds its name up to eight bytes.
_ROW = 24 + 7
_ROW_PLUS = 128 + 24 + 7


class DirectoryOperations(OperationsBase):
    """Operations on open directories."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._listers = ThreadPoolExecutor(_LISTERS, "listing")
        self._heard = 0

    def changed_elsewhere(self, ino: int) -> int:
        """The kernel is about to be told: what was fetched ahead is outdated. Gives the inode's node."""
        self._heard += 1
        self.files.forget_opening(ino)
        return self.nodes.node(ino)

    def stop_listing(self) -> None:
        """Nothing more is fetched ahead; returns when nothing is under way."""
        self._listers.shutdown(cancel_futures=True)

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

        fetcher = Fetcher(fetch, lambda: (self.meta.change_count, self._heard), self._later)
        return DirHandle(ino, node, fetcher, names)

    def _later(self, work: Callable[[], T]) -> Future[T] | None:
        try:
            return self._listers.submit(work)
        except RuntimeError:
            return None  # the mount is about to end

    def readdir(self, request: Request, handle: int, offset: int, size: int, plus: bool) -> Data:
        """Names from a position on, with attributes if `plus`, as many as fit."""
        opened = self.handles.directory(handle)
        out = bytearray()
        for position in range(offset, _DOTS):
            name = b"..."[: position + 1]
            row = wire.dirent(opened.ino, position + 1, name, _DIRECTORY)
            out += _NO_ENTRY + row if plus else row
        room = size - len(out)
        for index, (name, ino, kind, attr) in opened.entries(max(0, offset - _DOTS), plus):
            # As long as the row will be: a row that does not fit must not be told to the nodes.
            room -= (_ROW_PLUS if plus else _ROW) + len(name) & ~7
            if room < 0:
                break
            following = index + _DOTS + 1
            if not plus:
                out += wire.dirent(ino, following, name, kind)
            elif attr is None:
                out += _NO_ENTRY + wire.dirent(ino, following, name, kind)
            else:
                out += self.directory_row(attr, following, name)
        return out

    def releasedir(self, request: Request, handle: int) -> None:
        """The directory is closed."""
        self.handles.pop(handle)

    def fsyncdir(self, request: Request, handle: int, data_only: bool) -> None:
        """Names are durable when the engine says so."""
        self.meta.sync()
