"""A volume, really mounted: SQLite, objects in a directory."""

# ruff: noqa: SIM115 - what is open here outlives blocks

from __future__ import annotations

import errno
import fcntl
import json
import mmap
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dffs.fuse.mount import find_mount
from dffs.vfs.kernel.handover import inherit
from tests.component.dffs_fuse.mounted import (
    MountProcess,
    eventually,
    needs_fuse,
    start_volume,
    volume_mount,
)

pytestmark = needs_fuse
BLOCK = 1 << 20


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/meta.db"


@pytest.fixture
def served(url: str, tmp_path: Path) -> Iterator[MountProcess]:
    with volume_mount(url, tmp_path / "mnt", f"cache={tmp_path}/cache") as process:
        yield process


def _figures(point: Path) -> dict[str, float]:
    lines = (point / ".stats").read_text().splitlines()
    return {name: float(value) for name, value in (line.split() for line in lines)}


def test_what_is_written_is_read_after_the_mount_has_gone_and_come(
    url: str, tmp_path: Path
) -> None:
    data = os.urandom(3 * BLOCK + 17)
    point = tmp_path / "mnt"
    with volume_mount(url, point):
        (point / "dir").mkdir()
        (point / "dir" / "file").write_bytes(data)
        with open(point / "dir" / "file", "r+b") as file:
            file.seek(BLOCK - 3)
            file.write(b"across")
        data = data[: BLOCK - 3] + b"across" + data[BLOCK + 3 :]
        assert (point / "dir" / "file").read_bytes() == data
    assert list(point.iterdir()) == []
    with volume_mount(url, point):
        assert (point / "dir" / "file").read_bytes() == data


def test_a_complete_file_is_read_by_the_kernel(served: MountProcess) -> None:
    path = served.point / "model"
    data = os.urandom(4 * BLOCK)
    path.write_bytes(data)
    _have_the_kernel_read(path)
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        before = _figures(served.point)["fuse_read_bytes_total"]
        assert file.read() == data
        assert mapped[:] == data
        assert _figures(served.point)["passthrough_files"] == 1
        assert _figures(served.point)["fuse_read_bytes_total"] < before + len(data)


def _have_the_kernel_read(path: Path) -> None:
    """Until the file is complete in the node's cache; skips where the kernel or we cannot do it."""

    def happens() -> bool:
        with open(path, "rb") as file:
            # What the kernel has kept of it we would never be asked for.
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            file.read()
            return _figures(path.parent)["passthrough_files"] > 0

    if not eventually(happens):
        pytest.skip("NO PASSTHROUGH HERE")


def test_a_file_that_is_all_hole_has_its_length_whoever_reads_it(served: MountProcess) -> None:
    for name in ("one", "two", "three"):
        path = served.point / name
        path.touch()
        os.truncate(path, 5)
        assert path.read_bytes() == bytes(5)
        assert path.read_bytes() == bytes(5)


def test_writing_to_a_file_that_the_kernel_reads(served: MountProcess) -> None:
    """The reader goes on with what it opened; whoever opens it later sees what was written."""
    path = served.point / "model"
    data = os.urandom(2 * BLOCK)
    path.write_bytes(data)
    _have_the_kernel_read(path)
    with open(path, "rb", buffering=0) as reader:
        assert reader.read(10) == data[:10]
        with open(path, "r+b") as writer:
            writer.write(b"0123456789")
        with open(path, "ab") as writer:
            writer.write(b"end")
        assert path.read_bytes() == b"0123456789" + data[10:] + b"end"
        assert path.stat().st_size == len(data) + 3
        assert os.fstat(reader.fileno()).st_ino == path.stat().st_ino
        assert reader.read(10) == data[10:20]
    assert path.read_bytes() == b"0123456789" + data[10:] + b"end"


def test_readers_and_writers_of_a_complete_file_do_not_get_in_each_others_way(
    served: MountProcess,
) -> None:
    path = served.point / "model"
    path.write_bytes(bytes(100_000))
    _have_the_kernel_read(path)
    done = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        while not done.is_set():
            assert len(path.read_bytes()) == 100_000

    def write() -> None:
        for number in range(40):
            with open(path, "r+b") as file:
                file.write(b"%d" % number)

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=guarded, args=(read,)) for _ in range(3)]
    for reader in readers:
        reader.start()
    guarded(write)
    done.set()
    for reader in readers:
        reader.join(30)
    assert failures == []
    assert path.read_bytes()[:2] == b"39"


def test_a_file_without_a_name_lives_while_it_is_open(served: MountProcess) -> None:
    with open(served.point / "file", "w+b") as file:
        (served.point / "file").unlink()
        file.write(b"still here")
        file.flush()
        file.seek(0)
        assert file.read() == b"still here"
        assert os.fstat(file.fileno()).st_nlink == 0
    assert os.listdir(served.point) == []


def test_times_that_were_set_while_writing_stay(served: MountProcess) -> None:
    with open(served.point / "file", "wb") as file:
        file.write(b"x" * 100)
        file.flush()
        os.utime(file.fileno(), ns=(1_000_000_001, 2_000_000_002))
    seen = (served.point / "file").stat()
    assert (seen.st_atime_ns, seen.st_mtime_ns, seen.st_size) == (1_000_000_001, 2_000_000_002, 100)


def test_listing_a_large_directory_while_removing_it(served: MountProcess) -> None:
    folder = served.point / "many"
    folder.mkdir()
    for number in range(1500):
        (folder / f"{number:05}").touch()
    assert len({entry.name for entry in os.scandir(folder) if entry.stat().st_size == 0}) == 1500
    for entry in os.scandir(folder):
        Path(entry).unlink()
    folder.rmdir()


def test_holes_are_found_and_copies_are_alike(served: MountProcess) -> None:
    path = served.point / "sparse"
    with open(path, "wb") as file:
        file.truncate(10 * BLOCK)
        file.seek(4 * BLOCK)
        file.write(b"data")
    with open(path, "rb") as file, open(served.point / "copy", "wb") as copy:
        assert os.lseek(file.fileno(), 0, os.SEEK_DATA) == 4 * BLOCK
        assert os.lseek(file.fileno(), 4 * BLOCK, os.SEEK_HOLE) > 4 * BLOCK
        done = 0
        while done < 10 * BLOCK:
            done += os.copy_file_range(file.fileno(), copy.fileno(), 10 * BLOCK - done, done, done)
    assert (served.point / "copy").read_bytes() == path.read_bytes()


def test_the_mounts_own_files(served: MountProcess) -> None:
    (served.point / "file").write_bytes(b"x" * 1000)
    figures = _figures(served.point)
    assert figures["fuse_written_bytes_total"] == 1000
    assert figures["fuse_create_total"] == 1
    assert json.loads((served.point / ".config").read_text()) == {"volume": "test"}
    assert sorted(os.listdir(served.point)) == ["file"]
    with pytest.raises(PermissionError):
        (served.point / ".stats").unlink()
    with pytest.raises(PermissionError):
        (served.point / ".config").write_text("")
    with pytest.raises(PermissionError):
        (served.point / "file").rename(served.point / ".stats")


def test_the_access_log_tells_what_is_asked_for(served: MountProcess) -> None:
    with open(served.point / ".accesslog", "rb", buffering=0) as log:
        (served.point / "some name").write_bytes(b"x" * 1000)
        with pytest.raises(FileNotFoundError):
            (served.point / "no such name").stat()
        lines = b""
        while b"no such name" not in lines:
            lines += log.read(1 << 16)
    text = lines.decode()
    line = r"\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d\.\d{6} \[uid:0,gid:0,pid:\d+\] "
    assert re.search(line + r"create \(1,some name\): OK \[\d+\] <0\.\d{6}>", text)
    assert re.search(line + r"write \(\d+,1000,0,\d+\): OK", text)
    assert re.search(line + r"lookup \(1,no such name\): No such file or directory <", text)


def test_a_read_only_mount(url: str, tmp_path: Path) -> None:
    with volume_mount(url, tmp_path / "mnt"):
        (tmp_path / "mnt" / "file").write_bytes(b"x")
    with volume_mount(url, tmp_path / "mnt", "ro=1"):
        assert (tmp_path / "mnt" / "file").read_bytes() == b"x"
        with pytest.raises(OSError) as caught:
            (tmp_path / "mnt" / "other").touch()
        assert caught.value.errno == errno.EROFS


def test_a_directory_of_the_volume_as_the_mounts_root(url: str, tmp_path: Path) -> None:
    with volume_mount(url, tmp_path / "mnt"):
        (tmp_path / "mnt" / "a" / "b").mkdir(parents=True)
        (tmp_path / "mnt" / "a" / "file").touch()
    with volume_mount(url, tmp_path / "mnt", "subdir=/a"):
        assert sorted(os.listdir(tmp_path / "mnt")) == ["b", "file"]
        (tmp_path / "mnt" / "b" / "deep").write_bytes(b"y")
        assert (tmp_path / "mnt" / "b" / ".." / "b" / "deep").read_bytes() == b"y"
        assert (tmp_path / "mnt" / ".stats").exists()


def test_a_successor_takes_over_and_open_files_go_on(url: str, tmp_path: Path) -> None:
    point = tmp_path / "mnt"
    with volume_mount(url, point) as first:
        (point / "dir").mkdir()
        for number in range(1200):
            (point / "dir" / f"{number:04}").touch()
        listing = os.scandir(point / "dir")
        names = [next(listing).name for _ in range(600)]
        written = open(point / "file", "wb", buffering=0)
        written.write(b"before ")
        nameless = open(point / "gone", "w+b", buffering=0)
        nameless.write(b"no name")
        (point / "gone").unlink()
        holder = open(point / "lock", "w")
        fcntl.flock(holder, fcntl.LOCK_EX)
        waiter = _lock_in_a_process(point / "lock")
        second = start_volume(url, point)
        try:
            second.ready()
            assert first.process.wait(10) == 0
            written.write(b"after")
            written.close()
            assert (point / "file").read_bytes() == b"before after"
            assert os.pread(nameless.fileno(), 100, 0) == b"no name"
            nameless.close()
            assert [*names, *(entry.name for entry in listing)] == sorted(
                f"{number:04}" for number in range(1200)
            )
            assert waiter.poll() is None
            holder.close()
            assert waiter.communicate(timeout=60)[0] == "locked\n"
        finally:
            second.end()
    assert find_mount(point) is None


def test_a_successor_has_the_nodes_cache(url: str, tmp_path: Path) -> None:
    point, cache = tmp_path / "mnt", f"cache={tmp_path}/cache"
    with volume_mount(url, point, cache):
        (point / "model").write_bytes(os.urandom(3 * BLOCK))
        _have_the_kernel_read(point / "model")
        second = start_volume(url, point, cache)
        try:
            second.ready()
            with open(point / "model", "rb"):
                assert _figures(point)["passthrough_files"] == 1
        finally:
            second.end()


def test_another_volume_does_not_take_a_mount_over(url: str, tmp_path: Path) -> None:
    point = tmp_path / "mnt"
    with volume_mount(url, point) as served:
        with open(point / "file", "wb", buffering=0) as file:
            file.write(b"before ")
            other = [f"sqlite:///{tmp_path}/other.db", str(point), f"bucket={tmp_path}/others"]
            module = "tests.component.dffs_fuse.volume_mount"
            done = subprocess.run(
                [sys.executable, "-m", module, *other], check=False, capture_output=True, text=True
            )
            assert done.returncode != 0
            assert "another volume is mounted there" in done.stderr
            file.write(b"after")
        assert (point / "file").read_bytes() == b"before after"
        assert served.process.poll() is None


def test_if_a_successor_fails_the_predecessor_goes_on(url: str, tmp_path: Path) -> None:
    point = tmp_path / "mnt"
    with volume_mount(url, point, f"cache={tmp_path}/cache") as served:
        written = open(point / "file", "wb", buffering=0)
        written.write(b"before ")
        nameless = open(point / "gone", "w+b", buffering=0)
        nameless.write(b"no name")
        (point / "gone").unlink()
        fcntl.flock(written, fcntl.LOCK_EX)
        inherit(served.minor).refuse()
        written.write(b"after")
        assert os.pread(nameless.fileno(), 100, 0) == b"no name"
        with open(point / "file", "rb") as other:
            assert other.read() == b"before after"
            with pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        written.close()
        nameless.close()
        assert served.process.poll() is None


def test_a_request_during_a_takeover_waits_and_is_answered(url: str, tmp_path: Path) -> None:
    point = tmp_path / "mnt"
    failures: list[BaseException] = []
    done = threading.Event()

    def work() -> None:
        try:
            for number in range(10**6):
                if done.is_set():
                    return
                (point / f"{number % 50}").write_bytes(b"x" * number)
                assert (point / f"{number % 50}").stat().st_size == number
        except BaseException as error:
            failures.append(error)

    with volume_mount(url, point):
        worker = threading.Thread(target=work)
        worker.start()
        second = start_volume(url, point)
        try:
            second.ready()
            done.wait(0.2)
        finally:
            done.set()
            worker.join(30)
            second.end()
    assert not worker.is_alive()
    assert failures == []


def _lock_in_a_process(path: Path) -> subprocess.Popen[str]:
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'w'); print('waits', flush=True);"
        "fcntl.flock(f, fcntl.LOCK_EX); print('locked')"
    )
    waiter = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert waiter.stdout is not None
    assert waiter.stdout.readline() == "waits\n"
    return waiter


def test_a_signal_unmounts_and_what_was_written_is_there(url: str, tmp_path: Path) -> None:
    point = tmp_path / "mnt"
    with volume_mount(url, point) as process:
        file = open(point / "file", "wb", buffering=0)
        file.write(b"in an open file")
        process.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: find_mount(point) is None)
        assert process.process.poll() is None  # the file is still open
        file.write(b", and more")
        file.close()
        assert process.process.wait(10) == 0
    with volume_mount(url, point):
        assert (point / "file").read_bytes() == b"in an open file, and more"


def test_a_second_signal_cuts_off_who_will_not_let_go(url: str, tmp_path: Path) -> None:
    point = tmp_path / "mnt"
    with volume_mount(url, point) as process:
        file = open(point / "file", "wb", buffering=0)
        file.write(b"flushed at the end")
        process.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: find_mount(point) is None)
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(20) == 0
        with pytest.raises(OSError):
            file.write(b"x")
        with pytest.raises(OSError):
            file.close()
    with volume_mount(url, point):
        assert (point / "file").read_bytes() == b"flushed at the end"


def test_a_mount_whose_process_was_killed_is_cleared_away(url: str, tmp_path: Path) -> None:
    point = tmp_path / "mnt"
    with volume_mount(url, point) as first:
        (point / "file").write_bytes(b"x")
        first.process.kill()
        first.process.wait()
        second = start_volume(url, point)
        try:
            second.ready()
            assert (point / "file").read_bytes() == b"x"
        finally:
            second.end()


def test_a_mount_point_that_is_not_there_is_an_error_of_one_line(url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.component.dffs_fuse.volume_mount", url]
    done = subprocess.run(
        [*command, str(tmp_path / "none")], check=False, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "is not a directory" in done.stderr
