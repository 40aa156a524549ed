"""`dffs mount` as a user types it: in the background, again, over a dead one, and its end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from dffs.fuse.mount import abort, find_mount, umount
from tests.component.dffs_fuse.mounted import ROOT, eventually, needs_fuse

pytestmark = needs_fuse


class _Commands:
    def __init__(self, base: Path) -> None:
        self.url = f"sqlite:///{base}/meta.db"
        self.point = base / "mnt"
        self.point.mkdir()
        self._environment = dict(os.environ, HOME=str(base), PYTHONPATH=str(ROOT))
        self.run("format", self.url, "models", "--bucket", str(base / "objects"))

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "dffs.cli.main", *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env=self._environment,
            cwd="/",
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def mount(self) -> None:
        self.run("mount", "-d", self.url, str(self.point))

    def processes(self) -> list[psutil.Process]:
        """Those that serve our mount."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if self.url in process.cmdline():
                    found.append(process)
        return found


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[_Commands]:
    made = _Commands(tmp_path)
    try:
        yield made
    finally:
        while (mounted := find_mount(made.point)) is not None:
            abort(mounted.minor)
            umount(made.point, lazy=True)
        for process in made.processes():
            with suppress(psutil.Error):
                process.kill()


def test_mounting_again_takes_over_and_unmounting_ends_the_process(commands: _Commands) -> None:
    commands.mount()
    (first,) = commands.processes()
    with open(commands.point / "file", "wb", buffering=0) as file:
        file.write(b"one ")
        commands.mount()
        assert eventually(lambda: not first.is_running())
        file.write(b"two")
    assert (commands.point / "file").read_bytes() == b"one two"
    commands.run("umount", str(commands.point))
    assert find_mount(commands.point) is None
    assert eventually(lambda: not commands.processes())


def test_a_mount_that_was_killed_is_mounted_again(commands: _Commands) -> None:
    commands.mount()
    (commands.point / "file").write_bytes(b"kept")
    (process,) = commands.processes()
    process.kill()
    assert eventually(lambda: not commands.processes())
    commands.mount()
    assert (commands.point / "file").read_bytes() == b"kept"


def test_a_mount_that_hangs_can_be_taken_away(commands: _Commands) -> None:
    commands.mount()
    (process,) = commands.processes()
    process.suspend()
    try:
        commands.run("umount", "--force", str(commands.point))
        assert find_mount(commands.point) is None
    finally:
        process.resume()
    assert eventually(lambda: not commands.processes())
