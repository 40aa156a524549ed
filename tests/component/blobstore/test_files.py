"""System calls and links, and what happens where the kernel says no."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from blobstore import files
from blobstore.link import link_or_copy
from dfcore.errors import BadInput

DATA = os.urandom(3 * files.COPY_BYTES + 17)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    path = tmp_path / "source"
    path.write_bytes(DATA)
    owned = files.OwnedFd(os.open(path, os.O_RDWR))
    yield path, owned.number


def refuse(code: int) -> object:
    def call(*_: object, **__: object) -> int:
        raise OSError(code, os.strerror(code))

    return call


def test_reserved_files_have_their_length(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    try:
        files.reserve(fd, 1 << 20)
        assert os.fstat(fd).st_size == 1 << 20
    finally:
        os.close(fd)


def test_reserving_tells_errors(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
            files.reserve(fd, 1 << 20)
    finally:
        os.close(fd)


def test_short_writes_and_reads_go_on(
    source: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, fd = source
    pwrite, preadv = os.pwrite, os.preadv
    monkeypatch.setattr(os, "pwrite", lambda fd, view, at: pwrite(fd, view[:1000], at))
    files.pwrite_all(fd, memoryview(DATA)[:5001], 7)
    monkeypatch.setattr(os, "preadv", lambda fd, views, at: preadv(fd, [views[0][:999]], at))
    buffer = bytearray(5001)
    assert files.preadv_all(fd, memoryview(buffer), 7) == 5001
    assert buffer == DATA[:5001]


@pytest.mark.parametrize("code", [None, errno.EXDEV, errno.EOPNOTSUPP, errno.EINVAL])
def test_copies_are_whole_with_and_without_the_kernels_help(
    source: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int | None
) -> None:
    if code is not None:
        monkeypatch.setattr(os, "copy_file_range", refuse(code))
    target = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
    try:
        files.copy_bytes(source[1], target, len(DATA))
    finally:
        os.close(target)
    assert (tmp_path / "target").read_bytes() == DATA


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_where_links_are_impossible_a_copy_is_made(
    source: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path, fd = source
    monkeypatch.setattr(os, "link", refuse(code))
    target = tmp_path / "target"
    assert not link_or_copy(path, fd, len(DATA), target, overwrite=False)
    assert target.read_bytes() == DATA
    assert target.stat().st_ino != path.stat().st_ino
    assert not link_or_copy(path, fd, len(DATA), target, overwrite=True)
    assert {file.name for file in tmp_path.iterdir()} == {"source", "target"}


def test_a_failed_copy_leaves_nothing(
    source: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, fd = source
    monkeypatch.setattr(os, "link", refuse(errno.EXDEV))
    monkeypatch.setattr(files, "copy_bytes", refuse(errno.ENOSPC))
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        link_or_copy(path, fd, len(DATA), tmp_path / "target", overwrite=False)
    assert {file.name for file in tmp_path.iterdir()} == {"source"}


def test_a_dangling_link_counts_as_existing(source: tuple[Path, int], tmp_path: Path) -> None:
    path, fd = source
    (tmp_path / "target").symlink_to(tmp_path / "nowhere")
    with pytest.raises(BadInput):
        link_or_copy(path, fd, len(DATA), tmp_path / "target", overwrite=False)
