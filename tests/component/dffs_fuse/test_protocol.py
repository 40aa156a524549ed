"""The protocol module against the kernel: a file system in memory, really mounted."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.component.dffs_fuse.mounted import MountProcess, memory_mount, needs_fuse

pytestmark = needs_fuse
_READ = "15"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[MountProcess]:
    with memory_mount(tmp_path / "mnt") as process:
        yield process


def test_files_directories_links_and_attributes(served: MountProcess) -> None:
    point = served.point
    data = os.urandom(3 << 20)
    (point / "file").write_bytes(data)
    assert (point / "file").read_bytes() == data
    (point / "dir").mkdir(mode=0o750)
    (point / "dir" / "link").symlink_to("../file")
    assert (point / "dir" / "link").read_bytes() == data
    os.link(point / "file", point / "hard")
    assert (point / "hard").stat().st_nlink == 2
    (point / "hard").chmod(0o640)
    os.utime(point / "file", ns=(1, -5_000_000_001))
    seen = (point / "file").stat()
    assert stat.filemode(seen.st_mode) == "-rw-r-----"
    assert (seen.st_atime_ns, seen.st_mtime_ns) == (1, -5_000_000_001)
    os.truncate(point / "file", 5)
    assert (point / "hard").read_bytes() == data[:5]
    (point / "hard").rename(point / "dir" / "moved")
    assert sorted(os.listdir(point)) == ["dir", "file"]
    os.mkfifo(point / "pipe")
    assert stat.S_ISFIFO((point / "pipe").stat().st_mode)


def test_extended_attributes_and_their_sizes(served: MountProcess) -> None:
    os.setxattr(served.point, "user.a", b"x" * 300)
    assert os.getxattr(served.point, "user.a") == b"x" * 300
    assert os.listxattr(served.point) == ["user.a"]
    os.removexattr(served.point, "user.a")
    with pytest.raises(OSError) as caught:
        os.getxattr(served.point, "user.a")
    assert caught.value.errno == errno.ENODATA


def test_a_large_directory_is_listed_whole_with_attributes(served: MountProcess) -> None:
    for number in range(700):
        (served.point / f"name-{number:04}").touch()
    rows = {entry.name: entry.stat().st_size for entry in os.scandir(served.point)}
    assert len(rows) == 700


def test_a_bug_in_a_handler_is_an_error_for_the_caller_and_not_a_hang(served: MountProcess) -> None:
    (served.point / "file").write_bytes(b"x")
    os.setxattr(served.point / "file", "user.bug", b"1")
    with pytest.raises(OSError) as caught:
        _read_directly(served.point / "file")
    assert caught.value.errno == errno.EIO
    assert os.listdir(served.point) == ["file"]


def _read_directly(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        return os.pread(fd, 10, 0)
    finally:
        os.close(fd)


def test_open_files_go_on_when_the_server_is_replaced(served: MountProcess) -> None:
    with open(served.point / "file", "wb", buffering=0) as file:
        file.write(b"before ")
        assert served.ask("swap") == "swapped"
        file.write(b"after")
        assert (served.point / "file").read_bytes() == b"before after"


def test_a_waiting_lock_is_given_when_it_is_free_and_leaves_the_others_alone(
    served: MountProcess,
) -> None:
    path = served.point / "lock"
    path.touch()
    with open(path, "w") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)
        waiter = _lock_in_a_process(path)
        (served.point / "other").touch()
        assert waiter.poll() is None
        fcntl.flock(mine, fcntl.LOCK_UN)
        assert waiter.communicate(timeout=60)[0] == "locked\n"


def test_a_process_that_waits_for_a_lock_can_be_killed(served: MountProcess) -> None:
    path = served.point / "lock"
    path.touch()
    with open(path, "w") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)
        waiter = _lock_in_a_process(path)
        time.sleep(0.1)  # that it waits in the kernel is likely now; the test holds either way
        waiter.send_signal(signal.SIGKILL)
        assert waiter.wait(10) == -signal.SIGKILL
        waiter.communicate()


def test_a_process_that_waits_for_an_answer_can_be_killed(served: MountProcess) -> None:
    path = served.point / "file"
    path.write_bytes(b"x" * 10)
    code = (
        "import os, signal, sys; signal.signal(signal.SIGUSR1, lambda *_: None);"
        "print('asks', flush=True); os.getxattr(sys.argv[1], 'user.slow')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "asks\n"
        reader.send_signal(signal.SIGUSR1)  # a signal alone ends nothing
        with pytest.raises(subprocess.TimeoutExpired):
            reader.wait(0.5)
        reader.send_signal(signal.SIGTERM)
        assert reader.wait(10) == -signal.SIGTERM
    assert served.ask("hurry") == "hurried"
    (served.point / "other").touch()


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


def test_the_kernel_reads_a_complete_file_by_itself(served: MountProcess) -> None:
    path = served.point / "file"
    path.write_bytes(bytes(1 << 20))
    os.setxattr(path, "user.backing", served.ask("back 1048576").encode())
    before = served.ask("seen").split().count(_READ)
    with open(path, "rb") as file:
        if served.ask("passthrough") != "True":
            pytest.skip(f"NO PASSTHROUGH HERE: {served.ask('passthrough')}")
        data = file.read()
        with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
            assert mapped[:] == data
    assert any(data)
    assert served.ask("seen").split().count(_READ) == before


def test_a_server_that_is_killed_leaves_errors_and_no_hangs(served: MountProcess) -> None:
    path = served.point / "file"
    path.write_bytes(b"x")
    served.process.kill()
    served.process.wait()
    with pytest.raises(OSError) as caught:
        os.listdir(served.point)
    assert caught.value.errno == errno.ENOTCONN
