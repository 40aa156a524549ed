"""Mounts for tests, in processes of their own, with a way out of every trap.

A FUSE server that hangs leaves its clients in a state that no signal ends. Whatever a test does, the
connection is aborted and the mount detached at its end, and a watchdog does so after a while.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dffs.fuse.mount import abort, find_mount, umount
from dffs.vfs.kernel.mounting import KIND

ROOT = Path(__file__).parents[3]
WATCHDOG_S = 120.0

needs_fuse = pytest.mark.skipif(
    os.geteuid() != 0 or not os.access("/dev/fuse", os.R_OK | os.W_OK),
    reason="mounting needs root and /dev/fuse: THE MOUNT IS NOT TESTED HERE",
)


class MountProcess:
    """A process that serves a mount, and its conversation with the test."""

    def __init__(self, point: Path, command: list[str], **environment: str) -> None:
        self.point = point
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(os.environ, PYTHONPATH=str(ROOT), **environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.minor = -1
        self._watchdog = threading.Timer(WATCHDOG_S, self.cut)
        self._watchdog.daemon = True
        self._watchdog.start()

    def ready(self) -> None:
        assert self.read() == "ready"
        mounted = find_mount(self.point)
        assert mounted is not None
        self.minor = mounted.minor

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, command: str) -> str:
        assert self.process.stdin is not None
        print(command, file=self.process.stdin, flush=True)
        return self.read()

    def cut(self) -> None:
        """The way out: whatever hangs gets an error."""
        mounted = find_mount(self.point)
        # Only what is mounted there now: numbers of connections are used again at once.
        if mounted is not None and mounted.kind == KIND:
            abort(mounted.minor)
        self.process.kill()

    def end(self) -> None:
        """However it stands: nothing of it is left."""
        self._watchdog.cancel()
        try:
            with suppress(OSError):
                umount(self.point)
            if find_mount(self.point) is None:
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(10)
        finally:
            self.cut()
            with suppress(OSError):
                umount(self.point, lazy=True)
            self.process.wait(10)
            for pipe in (self.process.stdin, self.process.stdout):
                assert pipe is not None
                pipe.close()


@contextmanager
def folder_for_everybody() -> Iterator[Path]:
    """A folder that other users reach: pytest's own are root's, and made so again by every run."""
    with tempfile.TemporaryDirectory(prefix="meganeura-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextmanager
def memory_mount(point: Path) -> Iterator[MountProcess]:
    """The file system in memory, mounted at `point` until the block ends."""
    point.mkdir(exist_ok=True)
    module = "tests.component.dffs_fuse.memory_mount"
    served = MountProcess(point, [sys.executable, "-m", module, str(point)])
    try:
        served.ready()
        yield served
    finally:
        served.end()


@contextmanager
def volume_mount(url: str, point: Path, *options: str) -> Iterator[MountProcess]:
    """A volume, made if there is none, mounted at `point` until the block ends."""
    served = start_volume(url, point, *options)
    try:
        served.ready()
        yield served
    finally:
        served.end()


def start_volume(url: str, point: Path, *options: str) -> MountProcess:
    """The same, to be waited for and ended by the caller."""
    if find_mount(point) is None:
        point.mkdir(exist_ok=True)
    module = "tests.component.dffs_fuse.volume_mount"
    return MountProcess(point, [sys.executable, "-m", module, url, str(point), *options])


def eventually(happened: object, *, within_s: float = 30.0) -> bool:
    """Whether `happened()` becomes true in time."""
    assert callable(happened)
    deadline = time.monotonic() + within_s
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
