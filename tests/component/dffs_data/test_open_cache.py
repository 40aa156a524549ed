"""--open-cache: opening again asks nobody, and never hides what this process itself has changed."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from dffs.meta.types import ROOT_CALLER, ROOT_INO, Attr, Caller, FileKind
from dffs.vfs.openings import Openings
from dffs.vfs.parts import FilesPolicy
from dffs.volume import Volume
from tests.component.dffs_data.conftest import Opener
from tests.component.dffs_data.test_files import content, write

CACHED = FilesPolicy(buffer_bytes=4 << 20, max_uploads=4, open_cache_s=3600.0)


def counted(volume: Volume, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The inodes of which the engine was asked for an open."""
    asked: list[int] = []
    true_open = volume.meta.open

    def note(caller: Caller, ino: int, flags: int) -> Attr:
        asked.append(ino)
        return true_open(caller, ino, flags)

    monkeypatch.setattr(volume.meta, "open", note)
    return asked


def overwrite(volume: Volume, ino: int, data: bytes) -> None:
    file = volume.files.open(ROOT_CALLER, ino, os.O_WRONLY)
    file.write(0, data)
    file.flush()
    file.release()


def test_a_file_is_opened_again_without_asking(
    open_volume: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = open_volume(files=CACHED), open_volume()
    ino = write(there, "a", b"old")
    asked = counted(here, monkeypatch)
    assert [content(here, ino) for _ in range(3)] == [b"old"] * 3
    assert asked == [ino]
    overwrite(there, ino, b"new")
    assert content(here, ino) == b"old"
    here.files.forget_opening(ino)  # a change feed has told
    assert content(here, ino) == b"new"


def test_what_was_changed_here_is_seen_at_once(open_volume: Opener) -> None:
    here = open_volume(files=CACHED)
    ino = write(here, "a", b"old")
    assert content(here, ino) == b"old"
    overwrite(here, ino, b"new")
    assert content(here, ino) == b"new"
    here.files.truncate(ROOT_CALLER, ino, 1)
    assert content(here, ino) == b"n"
    with_both_open = here.files.open(ROOT_CALLER, ino, os.O_RDWR)
    with_both_open.write(1, b"ot")
    with_both_open.flush()
    assert content(here, ino) == b"not"
    with_both_open.release()
    assert content(here, ino) == b"not"
    here.files.open(ROOT_CALLER, ino, os.O_WRONLY | os.O_TRUNC).release()
    assert content(here, ino) == b""


def test_an_unlinked_file_lives_until_who_opened_it_from_memory_closes_it(
    open_volume: Opener,
) -> None:
    here = open_volume(files=CACHED)
    ino = write(here, "a", b"kept")
    content(here, ino)
    opened = here.files.open(ROOT_CALLER, ino, os.O_RDONLY)
    here.meta.unlink(ROOT_CALLER, ROOT_INO, b"a", skip_trash=True)
    assert here.meta.bury_orphans(grace_s=0) == 0
    assert opened.read(0, 10) == b"kept"
    opened.release()
    assert here.meta.bury_orphans(grace_s=0) == 1


def attr(ino: int, version: int = 1) -> Attr:
    return Attr(ino, FileKind.FILE, 0o644, 0, 0, 1, 0, 0, 0, 0, 0, 1, version)


@pytest.fixture
def made() -> tuple[Openings, Callable[[float], None]]:
    now = [0.0]
    return Openings(10.0, 2, lambda: now[0]), lambda seconds: now.__setitem__(0, seconds)


def test_it_is_remembered_for_a_time_of_so_many_files_and_for_who_was_let_in(
    made: tuple[Openings, Callable[[float], None]],
) -> None:
    openings, set_time = made
    alice, bob = Caller(1, 1), Caller(2, 2)
    openings.note(alice, attr(1))
    assert openings.find(alice, 1) == attr(1)
    assert openings.find(bob, 1) is None
    set_time(9.0)
    openings.note(bob, attr(1))
    assert openings.find(alice, 1) == openings.find(bob, 1) == attr(1)
    set_time(10.0)
    assert openings.find(alice, 1) is None
    for ino in (1, 2, 3):
        openings.note(alice, attr(ino))
    assert [openings.find(alice, ino) is not None for ino in (1, 2, 3)] == [False, True, True]
    openings.note(bob, attr(2, version=2))
    assert openings.find(alice, 2) is None
    openings.forget(2)
    assert openings.find(bob, 2) is None
