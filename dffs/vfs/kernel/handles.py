"""What the kernel has open: files, directories, and the mount's own virtual files."""

from __future__ import annotations

import errno
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import NamedTuple

from dffs.meta.types import Entry
from dffs.vfs.api import OpenFileApi

# How many names of a directory are asked for at once.
PAGE = 1000
# For so long attributes that nobody changed here pass for those of now.
_TRUE_S = 0.25


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


class _Page(NamedTuple):
    """Some names of a directory, the first of which has the index `start`."""

    start: int
    entries: list[Entry]
    seen: object  # what was known to be changed when it was asked for
    at: float

    @property
    def end(self) -> int:
        return self.start + len(self.entries)

    @property
    def is_last(self) -> bool:
        return len(self.entries) < PAGE


_NOTHING = _Page(0, [], None, 0.0)


class Fetcher:
    """Pages of one directory: `fetch` asks for one, `later` does so on another thread.

    `changes` gives something else after each change that this mount makes or hears of.
    """

    def __init__(
        self,
        fetch: Callable[[bytes | None, bool], list[Entry]],
        changes: Callable[[], object] = lambda: None,
        later: Callable[[Callable[[], _Page]], Future[_Page] | None] = lambda _work: None,
    ) -> None:
        self._fetch = fetch
        self._changes = changes
        self._later = later

    def page(self, start: int, after: bytes | None, with_attr: bool) -> _Page:
        """The names after one that is known, now."""
        seen = self._changes()
        return _Page(start, self._fetch(after, with_attr), seen, time.monotonic())

    def ahead(self, start: int, after: bytes, with_attr: bool) -> Future[_Page] | None:
        """The same, while others do something else."""
        return self._later(lambda: self.page(start, after, with_attr))

    def is_true(self, page: _Page) -> bool:
        """Whether the kernel may be told these attributes, though they were asked for before it asked.

        What changes while it waits for an answer, it knows itself.
        """
        return page.seen == self._changes() and time.monotonic() - page.at < _TRUE_S


class DirHandle:
    """An open directory: a listing that is fetched page by page while it is read.

    Position 0 is ".", 1 is "..", n + 2 the n-th name. The names that were given are kept, so that a
    program can return to any position. While a program looks at one page, the next one is fetched.
    """

    __slots__ = ("_ahead", "_fetcher", "_lock", "_names", "_page", "ino", "node")

    def __init__(self, ino: int, node: int, fetcher: Fetcher, names: Sequence[bytes] = ()) -> None:
        self.ino = ino
        self.node = node
        self._fetcher = fetcher
        self._lock = threading.Lock()
        self._names = list(names)
        self._page = _NOTHING
        self._ahead: tuple[int, bool, Future[_Page]] | None = None

    @property
    def names(self) -> list[bytes]:
        """What was read so far, in its order."""
        return self._names

    def entries(self, index: int, with_attr: bool) -> Iterator[tuple[int, Entry]]:
        """The names from `index` on, with their index, up to the end of a page: nothing only at the
        end of the directory. From 0 the directory is read anew. Attributes are missing where they
        may be outdated."""
        with self._lock:
            if index == 0:
                self._names, self._page, self._ahead = [], _NOTHING, None
            page, is_true = self._page_at(index, with_attr)
            for entry in page.entries[index - page.start :]:
                yield index, entry if is_true else entry._replace(attr=None)
                index += 1

    def _page_at(self, index: int, with_attr: bool) -> tuple[_Page, bool]:
        """A page that has the index, empty at the end; and whether its attributes hold."""
        page = self._page
        if page.start <= index < page.end:
            return page, not with_attr or self._fetcher.is_true(page)
        known_end = page.entries and page.is_last and index == page.end
        if index > len(self._names) or known_end:
            return _Page(index, [], None, 0.0), True
        after = self._names[index - 1] if index else None
        self._page = page = self._fetched_ahead(index, with_attr) or self._fetcher.page(
            index, after, with_attr
        )
        self._names[index : page.end] = [entry.name for entry in page.entries]
        if not page.is_last:
            following = self._fetcher.ahead(page.end, page.entries[-1].name, with_attr)
            self._ahead = None if following is None else (page.end, with_attr, following)
        return page, True

    def _fetched_ahead(self, index: int, with_attr: bool) -> _Page | None:
        ahead, self._ahead = self._ahead, None
        if ahead is None or ahead[:2] != (index, with_attr):
            return None
        try:
            page = ahead[2].result()
        except Exception:
            return None  # asked for once more, it tells its error to whoever asks
        return page if self._fetcher.is_true(page) else None


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
