from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from dffs.meta.types import Attr, Entry, FileKind
from dffs.vfs.kernel import handles
from dffs.vfs.kernel.handles import DirHandle, Fetcher, HandleTable, VirtualHandle


class _Directory:
    def __init__(self, count: int) -> None:
        self.names = [b"%05d" % number for number in range(count)]
        self.fetches = 0
        self.error: OSError | None = None

    def fetch(self, after: bytes | None, with_attr: bool) -> list[Entry]:
        if self.error is not None:
            raise self.error
        self.fetches += 1
        rest = [name for name in self.names if after is None or name > after]
        attr = Attr(9, FileKind.FILE, 0o644, 0, 0, 1, 0, 0, 0, 0, 0, 1) if with_attr else None
        return [Entry(name, 9, FileKind.FILE, attr) for name in rest[: handles.PAGE]]


def _names(handle: DirHandle, start: int = 0, count: int = 10**6) -> list[bytes]:
    names: list[bytes] = []
    while rows := list(
        itertools.islice(handle.entries(start + len(names), False), count - len(names))
    ):
        names += [entry.name for _, entry in rows]
    return names


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_a_directory_is_read_in_pages_and_whole(count: int) -> None:
    directory = _Directory(count)
    assert _names(DirHandle(1, 1, Fetcher(directory.fetch))) == directory.names
    assert directory.fetches == count // handles.PAGE + 1


def test_reading_goes_on_at_any_position() -> None:
    directory = _Directory(2500)
    handle = DirHandle(1, 1, Fetcher(directory.fetch))
    assert _names(handle, 0, 1500) == directory.names[:1500]
    assert _names(handle, 1500) == directory.names[1500:]
    assert _names(handle, 700, 400) == directory.names[700:1100]
    assert _names(handle, 2499) == directory.names[2499:]
    assert _names(handle, 2500) == []


def test_a_directory_that_shrinks_while_it_is_read_gives_the_others() -> None:
    directory = _Directory(2500)
    handle = DirHandle(1, 1, Fetcher(directory.fetch))
    position, seen = 0, []
    while batch := _names(handle, position, 100):
        seen += batch
        position += len(batch)
        directory.names = [name for name in directory.names if name not in batch]
    assert len(seen) == len(set(seen)) == 2500


def test_from_the_start_a_directory_is_read_anew() -> None:
    directory = _Directory(3)
    handle = DirHandle(1, 1, Fetcher(directory.fetch))
    _names(handle)
    directory.names.append(b"new")
    assert _names(handle)[-1] == b"new"


def test_an_end_that_is_known_is_not_asked_for_again() -> None:
    directory = _Directory(3)
    handle = DirHandle(1, 1, Fetcher(directory.fetch))
    _names(handle)
    assert _names(handle, 3) == []
    assert directory.fetches == 1


class _Ahead:
    """A thread that works when it is told to."""

    def __init__(self) -> None:
        self.works: list[tuple[Callable[[], Any], Future[Any]]] = []
        self.changes = 0

    def later(self, work: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        self.works.append((work, future))
        return future

    def run(self) -> None:
        work, future = self.works.pop()
        try:
            future.set_result(work())
        except OSError as error:
            future.set_exception(error)


def _with_attributes(
    count: int,
) -> tuple[_Directory, _Ahead, Callable[[int], list[tuple[bytes, Attr | None]]]]:
    directory, ahead = _Directory(count), _Ahead()
    handle = DirHandle(1, 1, Fetcher(directory.fetch, lambda: ahead.changes, ahead.later))

    def read(index: int) -> list[tuple[bytes, Attr | None]]:
        return [(entry.name, entry.attr) for _, entry in handle.entries(index, True)]

    return directory, ahead, read


def test_the_next_page_is_fetched_while_this_one_is_looked_at() -> None:
    directory, ahead, read = _with_attributes(1500)
    assert len(read(0)) == handles.PAGE
    ahead.run()
    assert directory.fetches == 2
    last = read(handles.PAGE)
    assert [name for name, _ in last] == directory.names[handles.PAGE :]
    assert all(attr is not None for _, attr in last)
    assert read(1500) == []
    assert (directory.fetches, ahead.works) == (2, [])


def test_a_page_from_before_a_change_is_fetched_once_more() -> None:
    directory, ahead, read = _with_attributes(1500)
    read(0)
    ahead.run()
    ahead.changes += 1
    directory.names.append(b"new")
    assert read(handles.PAGE)[-1][0] == b"new"
    assert directory.fetches == 3


def test_a_page_that_could_not_be_had_is_asked_for_once_more() -> None:
    directory, ahead, read = _with_attributes(1500)
    read(0)
    directory.error = OSError("the engine is away")
    ahead.run()
    directory.error = None
    assert len(read(handles.PAGE)) == 500


def test_attributes_from_before_a_change_are_not_told() -> None:
    _, ahead, read = _with_attributes(10)
    assert all(attr is not None for _, attr in read(0))
    assert all(attr is not None for _, attr in read(5))
    ahead.changes += 1
    assert [name for name, attr in read(5) if attr is None] == [b"%05d" % n for n in range(5, 10)]


def test_handles_have_numbers_of_their_own_also_after_a_takeover() -> None:
    table = HandleTable()
    first = table.add(_handle())
    table.adopt(17, _handle())
    assert table.add(_handle()) > 17
    assert first != 17
    with pytest.raises(OSError, match="not an open file"):
        table.file(17)


def _handle() -> VirtualHandle:
    return VirtualHandle(1, lambda offset, size: b"", lambda: None)
