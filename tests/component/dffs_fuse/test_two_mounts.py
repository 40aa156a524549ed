"""Two mounts of one volume: what one does, the other sees, and locks hold between them."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.component.dffs_fuse.mounted import eventually, needs_fuse, volume_mount

pytestmark = needs_fuse
_TTL = "ttl=0.05"


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    base = tmp_path_factory.mktemp("two")
    url = f"sqlite:///{base}/meta.db"
    with volume_mount(url, base / "one", _TTL), volume_mount(url, base / "two", _TTL):
        yield base / "one", base / "two"


@pytest.fixture
def mounts(points: tuple[Path, Path], request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """The same folder, new for each test, on both mounts."""
    name = request.node.name
    (points[0] / name).mkdir()
    assert eventually((points[1] / name).is_dir)
    return points[0] / name, points[1] / name


def test_what_was_closed_on_one_is_there_on_the_other(mounts: tuple[Path, Path]) -> None:
    one, two = mounts
    for content in (b"first", b"second, longer", b"3rd"):
        (one / "file").write_bytes(content)
        assert (two / "file").read_bytes() == content
        (two / "answer").write_bytes(content[::-1])
        assert (one / "answer").read_bytes() == content[::-1]


def test_an_open_reader_sees_the_old_or_the_new_and_a_new_one_the_new(
    mounts: tuple[Path, Path],
) -> None:
    one, two = mounts
    (one / "file").write_bytes(b"a" * 100_000)
    with open(two / "file", "rb", buffering=0) as reader:
        assert reader.read(10) == b"a" * 10
        (one / "file").write_bytes(b"b" * 100_000)
        assert set(os.pread(reader.fileno(), 100_000, 0)) <= {ord("a"), ord("b")}
        assert (two / "file").read_bytes() == b"b" * 100_000


def test_names_that_come_go_and_move(mounts: tuple[Path, Path]) -> None:
    one, two = mounts
    (one / "dir").mkdir()
    (one / "dir" / "a").touch()
    assert eventually((two / "dir" / "a").exists)
    (two / "dir" / "a").rename(two / "dir" / "b")
    assert eventually(lambda: os.listdir(one / "dir") == ["b"])
    (one / "dir" / "b").unlink()
    (one / "dir").rmdir()
    assert eventually(lambda: not (two / "dir").exists())


def test_a_file_that_is_open_there_and_removed_here(mounts: tuple[Path, Path]) -> None:
    one, two = mounts
    (one / "file").write_bytes(b"kept")
    with open(two / "file", "rb") as reader:
        (one / "file").unlink()
        assert reader.read() == b"kept"


def test_whole_file_locks_hold_between_mounts(mounts: tuple[Path, Path]) -> None:
    one, two = mounts
    (one / "lock").touch()
    with open(one / "lock") as mine, open(two / "lock") as theirs:
        fcntl.flock(mine, fcntl.LOCK_SH)
        fcntl.flock(theirs, fcntl.LOCK_SH)
        with pytest.raises(BlockingIOError):
            fcntl.flock(theirs, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(mine, fcntl.LOCK_UN)
        fcntl.flock(theirs, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(BlockingIOError):
            fcntl.flock(mine, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_closing_gives_a_lock_up_for_the_other_mount(mounts: tuple[Path, Path]) -> None:
    one, two = mounts
    (one / "lock").touch()
    with open(two / "lock", "r+b") as theirs:
        with open(one / "lock", "r+b") as mine:
            fcntl.flock(mine, fcntl.LOCK_EX)
            fcntl.lockf(mine, fcntl.LOCK_EX, 10, 0)
        fcntl.flock(theirs, fcntl.LOCK_EX)
        fcntl.lockf(theirs, fcntl.LOCK_EX, 10, 0)


def test_record_locks_hold_between_mounts_byte_by_byte(mounts: tuple[Path, Path]) -> None:
    one, two = mounts
    (one / "lock").write_bytes(bytes(100))
    with open(one / "lock", "r+b") as mine, open(two / "lock", "r+b") as theirs:
        fcntl.lockf(mine, fcntl.LOCK_EX, 10, 20)
        fcntl.lockf(theirs, fcntl.LOCK_EX | fcntl.LOCK_NB, 20, 0)
        fcntl.lockf(theirs, fcntl.LOCK_EX | fcntl.LOCK_NB, 70, 30)
        with pytest.raises(OSError) as caught:
            fcntl.lockf(theirs, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 29)
        assert caught.value.errno in {errno.EAGAIN, errno.EACCES}
        fcntl.lockf(mine, fcntl.LOCK_UN, 5, 25)
        fcntl.lockf(theirs, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 29)
        start, length = _in_the_way(mine.fileno())
        assert (start, length) == (0, 20)


def _in_the_way(fd: int) -> tuple[int, int]:
    """F_GETLK of the whole file: start and length of the first lock."""
    layout = "hhqqi4x"
    asked = struct.pack(layout, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    kind, _, start, length, _ = struct.unpack(layout, fcntl.fcntl(fd, fcntl.F_GETLK, asked))
    assert kind == fcntl.F_WRLCK
    return start, length


def test_who_waits_on_one_mount_gets_the_lock_of_the_other(mounts: tuple[Path, Path]) -> None:
    one, two = mounts
    (one / "lock").touch()
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'r+b'); print('waits', flush=True);"
        "fcntl.lockf(f, fcntl.LOCK_EX); print('locked')"
    )
    with open(one / "lock", "r+b") as mine:
        fcntl.lockf(mine, fcntl.LOCK_EX)
        with subprocess.Popen(
            [sys.executable, "-c", code, str(two / "lock")], stdout=subprocess.PIPE, text=True
        ) as waiter:
            assert waiter.stdout is not None
            assert waiter.stdout.readline() == "waits\n"
            fcntl.lockf(mine, fcntl.LOCK_UN)
            assert waiter.stdout.readline() == "locked\n"


def test_locks_of_an_open_file_hold_between_mounts_and_end_with_it(
    mounts: tuple[Path, Path],
) -> None:
    one, two = mounts
    (one / "lock").touch()
    with open(two / "lock", "r+b") as theirs:
        with open(one / "lock", "r+b") as mine:
            _lock_by_open_file(mine.fileno())
            with pytest.raises(BlockingIOError):
                _lock_by_open_file(theirs.fileno())
        assert eventually(lambda: _lock_by_open_file_if_free(theirs.fileno()))


def _lock_by_open_file_if_free(fd: int) -> bool:
    try:
        _lock_by_open_file(fd)
    except BlockingIOError:
        return False
    return True


def _lock_by_open_file(fd: int) -> None:
    """F_OFD_SETLK."""
    fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))


def test_a_counter_under_a_lock_counts_right_from_both_sides(mounts: tuple[Path, Path]) -> None:
    for name in ("lock", "counter"):
        (mounts[0] / name).write_bytes(b"0")
    code = (
        "import fcntl, sys; from pathlib import Path; point = Path(sys.argv[1])\n"
        "with open(point / 'lock', 'r+b') as lock:\n"
        "    for _ in range(15):\n"
        "        fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "        value = int((point / 'counter').read_bytes())\n"
        "        (point / 'counter').write_bytes(b'%d' % (value + 1))\n"
        "        fcntl.flock(lock, fcntl.LOCK_UN)\n"
    )
    command = [sys.executable, "-c", code]
    workers = [subprocess.Popen([*command, str(point)]) for point in (*mounts, *mounts)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0, 0]
    assert (mounts[0] / "counter").read_bytes() == b"60"


def test_only_one_of_many_makes_a_name(mounts: tuple[Path, Path]) -> None:
    made = 0
    for _ in range(10):
        for point in (*mounts, *mounts):
            try:
                os.close(os.open(point / "once", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                made += 1
            except FileExistsError:
                pass
    assert made == 1


def test_appends_from_both_sides_all_arrive(mounts: tuple[Path, Path]) -> None:
    one, two = mounts
    (one / "log").touch()
    for number in range(6):
        with open((one, two)[number % 2] / "log", "ab") as log:
            log.write(b"%d\n" % number)
    assert (one / "log").read_bytes() == b"0\n1\n2\n3\n4\n5\n"


def test_with_a_change_feed_long_times_do_not_hide_what_others_do(tmp_path: Path) -> None:
    url, options = f"sqlite:///{tmp_path}/meta.db", ("ttl=3600", "negative=3600", "changelog=1")
    one, two = tmp_path / "one", tmp_path / "two"
    with volume_mount(url, one, *options), volume_mount(url, two, *options):
        (one / "file").write_bytes(b"1")
        (one / "dir").mkdir()
        assert (two / "file").stat().st_size == 1
        assert not (two / "dir" / "new").exists()
        (one / "file").write_bytes(b"22")
        (one / "dir" / "new").touch()
        assert eventually(lambda: (two / "file").stat().st_size == 2)
        assert eventually((two / "dir" / "new").exists)
        (one / "file").rename(one / "moved")
        assert eventually(lambda: not (two / "file").exists())
