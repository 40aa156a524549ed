from __future__ import annotations

import itertools

import pytest

from dffs.meta.types import Entry, FileKind
from dffs.vfs.kernel import handles
from dffs.vfs.kernel.handles import DirHandle, HandleTable, VirtualHandle


class _Directory:
    def __init__(self, count: int) -> None:
        self.names = [b"%05d" % number for number in range(count)]
        self.fetches = 0

    def fetch(self, after: bytes | None, with_attr: bool) -> list[Entry]:
        self.fetches += 1
        rest = [name for name in self.names if after is None or name > after]
        return [Entry(name, 9, FileKind.FILE) for name in rest[: handles.PAGE]]


def _names(handle: DirHandle, start: int = 0, count: int = 10**6) -> list[bytes]:
    rows = itertools.islice(handle.entries(start, False), count)
    return [entry.name for _, entry in rows]


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_a_directory_is_read_in_pages_and_whole(count: int) -> None:
    directory = _Directory(count)
    assert _names(DirHandle(1, 1, directory.fetch)) == directory.names
    assert directory.fetches == count // handles.PAGE + 1


def test_reading_goes_on_at_any_position() -> None:
    directory = _Directory(2500)
    handle = DirHandle(1, 1, directory.fetch)
    assert _names(handle, 0, 1500) == directory.names[:1500]
    assert _names(handle, 1500) == directory.names[1500:]
    assert _names(handle, 700, 400) == directory.names[700:1100]
    assert _names(handle, 2499) == directory.names[2499:]
    assert _names(handle, 2500) == []


def test_a_directory_that_shrinks_while_it_is_read_gives_the_others() -> None:
    directory = _Directory(2500)
    handle = DirHandle(1, 1, directory.fetch)
    position, seen = 0, []
    while batch := _names(handle, position, 100):
        seen += batch
        position += len(batch)
        directory.names = [name for name in directory.names if name not in batch]
    assert len(seen) == len(set(seen)) == 2500


def test_from_the_start_a_directory_is_read_anew() -> None:
    directory = _Directory(3)
    handle = DirHandle(1, 1, directory.fetch)
    _names(handle)
    directory.names.append(b"new")
    assert _names(handle)[-1] == b"new"


def test_an_end_that_is_known_is_not_asked_for_again() -> None:
    directory = _Directory(3)
    handle = DirHandle(1, 1, directory.fetch)
    _names(handle)
    assert _names(handle, 3) == []
    assert directory.fetches == 1


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
