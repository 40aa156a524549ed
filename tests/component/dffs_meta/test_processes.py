"""Several processes on one engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dffs.meta.fs import open_meta
from dffs.meta.types import ROOT_CALLER, ROOT_INO, FileKind, LockKind, Settings
from dfinfra.clock import SystemClock
from tests.servers.engines import engine_url
from tests.servers.programs import REPOSITORY

ROUNDS = 60


@pytest.mark.parametrize("kind", ["sqlite", "redis", "postgresql", "mysql"])
def test_processes_do_not_step_on_each_other(kind: str, tmp_path: Path) -> None:
    url = engine_url(kind, tmp_path)
    meta = open_meta(url)
    meta.create_volume(Settings(block_size_bytes=65536), b"{}")
    shared = meta.mknod(ROOT_CALLER, ROOT_INO, b"shared", FileKind.FILE, 0o644).ino
    command = [sys.executable, "-m", "tests.component.dffs_meta.worker", url]
    workers = [
        subprocess.Popen(
            [*command, str(number), str(ROUNDS)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
        )
        for number in range(2)
    ]
    outputs = [worker.communicate(timeout=100)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    added = sum(map(int, outputs))
    assert meta.getattr(shared).size_bytes == added * 65536 > 0
    assert list(meta.check()) == []
    meta.bury_orphans(grace_s=0)
    assert list(meta.check()) == []
    meta.close()


class InAnHour(SystemClock):
    """The clock of a client for which all others have been silent for long."""

    def time(self) -> float:
        return super().time() + 3600


@pytest.mark.parametrize("kind", ["sqlite", "redis", "postgresql", "mysql"])
def test_a_killed_process_leaves_no_contradiction(kind: str, tmp_path: Path) -> None:
    url = engine_url(kind, tmp_path)
    meta = open_meta(url, clock=InAnHour())
    meta.create_volume(Settings(block_size_bytes=65536), b"{}")
    shared = meta.mknod(ROOT_CALLER, ROOT_INO, b"shared", FileKind.FILE, 0o644).ino
    command = [sys.executable, "-m", "tests.component.dffs_meta.worker", url]
    worker = subprocess.Popen([*command, "1", "1000000"], cwd=REPOSITORY)
    while meta.getattr(shared).version < 10:
        assert worker.poll() is None
    worker.kill()
    worker.wait()
    assert list(meta.check()) == []
    assert meta.reap() == 1
    assert meta.flock(shared, 1, LockKind.WRITE) and meta.flock(shared, 1, LockKind.UNLOCK)
    meta.bury_orphans(grace_s=-7200)
    assert list(meta.check()) == []
    meta.close()
