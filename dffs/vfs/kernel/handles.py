"""What the kernel has open: files, directories, and the mount's own virtual files."""

from __future__ import annotations

import errno
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence

from dffs.meta.types import Entry
from dffs.vfs.api import OpenFileApi

# How many names of a directory are asked for at once.
PAGE = 1000


class FileHandle:
    """An open file. `backing_id` is 0 unless the kernel reads it by itself."""

    __slots__ = ("backing_id", "file", "flags", "ino", "lock_owners", "node", "touched")

    def __init__(
        self, file: OpenFileApi, ino: int, node: int, flags: int, backing_id: int = 0
    ) -> None:
        self.file = file
        self.ino = ino
        self.node = node
        self.flags = flags
        self.backing_id = backing_id
        # Who took record locks through it: the file itself may own some (OFD locks).
        self.lock_owners: set[int] = set()
        self.touched = False


class VirtualHandle:
    """An open virtual file: `read` gives its bytes, `close` ends it."""

    __slots__ = ("close", "node", "read")

    def __init__(
        self, node: int, read: Callable[[int, int], bytes], close: Callable[[], None]
    ) -> None:
        self.node = node
        self.read = read
        self.close = close


class DirHandle:
    """An open directory: a listing that is fetched page by page while it is read.

    Position 0 is ".", 1 is "..", n + 2 the n-th name. The names that were given are kept, so that a
    program can return to any position.
    """

    __slots__ = ("_fetch", "_lock", "_names", "_page", "_start", "ino", "node")

    def __init__(
        self,
        ino: int,
        node: int,
        fetch: Callable[[bytes | None, bool], list[Entry]],
        names: Sequence[bytes] = (),
    ) -> None:
        self.ino = ino
        self.node = node
        self._fetch = fetch
        self._lock = threading.Lock()
        self._names = list(names)
        self._page: list[Entry] = []
        self._start = 0  # the index of the page's first entry

    @property
    def names(self) -> list[bytes]:
        """What was read so far, in its order."""
        return self._names

    def entries(self, index: int, with_attr: bool) -> Iterator[tuple[int, Entry]]:
        """The names from `index` on, with their index. From 0 the directory is read anew."""
        with self._lock:
            if index == 0:
                self._names, self._page, self._start = [], [], 0
            while page := self._page_at(index, with_attr):
                for entry in page[index - self._start :]:
                    yield index, entry
                    index += 1
                if len(page) < PAGE:
                    return

    def _page_at(self, index: int, with_attr: bool) -> list[Entry]:
        if self._start <= index < self._start + len(self._page):
            return self._page
        last_page = self._page and len(self._page) < PAGE
        if index > len(self._names) or (last_page and index == self._start + len(self._page)):
            return []
        after = self._names[index - 1] if index else None
        page = self._fetch(after, with_attr)
        self._start, self._page = index, page
        self._names[index : index + len(page)] = [entry.name for entry in page]
        return page


Handle = FileHandle | DirHandle | VirtualHandle


class HandleTable:
    """Open handles by their number, which is never used twice."""

    def __init__(self) -> None:
        self._handles: dict[int, Handle] = {}
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._handles)

    def add(self, handle: Handle) -> int:
        """Gives the handle's number."""
        number = next(self._numbers)
        self._handles[number] = handle
        return number

    def file(self, number: int) -> FileHandle:
        """An open file. EBADF."""
        handle = self._handles.get(number)
        if type(handle) is not FileHandle:
            raise OSError(errno.EBADF, "not an open file")
        return handle

    def any(self, number: int) -> Handle | None:
        """Whatever has this number."""
        return self._handles.get(number)

    def directory(self, number: int) -> DirHandle:
        """An open directory. EBADF."""
        handle = self._handles.get(number)
        if type(handle) is not DirHandle:
            raise OSError(errno.EBADF, "not an open directory")
        return handle

    def pop(self, number: int) -> Handle | None:
        """Forget a handle."""
        return self._handles.pop(number, None)

    def items(self) -> list[tuple[int, Handle]]:
        """All of them, with their numbers."""
        return list(self._handles.items())

    def adopt(self, number: int, handle: Handle) -> None:
        """Put a predecessor's handle under its number."""
        self._handles[number] = handle
        if number >= (following := next(self._numbers)):
            following = number + 1
        self._numbers = itertools.count(following)
