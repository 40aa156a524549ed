"""``dffs debug``: everything that helps to understand a mount, in one archive, without secrets."""

from __future__ import annotations

import io
import platform
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from dfcore.errors import MeganeuraError
from dffs.control.client import ask
from dffs.control.places import MountedPath, locate
from dffs.doctor.gather import Gatherer
from dffs.doctor.judge import judge
from dffs.places import log_file
from dfinfra.redact import redact_text

_LOG_BYTES = 8 << 20


@click.command("debug")
@click.argument("path", type=click.Path(path_type=Path), metavar="PATH")
@click.option("--out-dir", type=click.Path(file_okay=False, path_type=Path), default=Path("debug"),
              show_default=True)  # fmt: skip
@click.option("--stats-sec", type=click.FloatRange(0), default=5.0, show_default=True)
@click.option("--trace-sec", type=click.FloatRange(0), default=5.0, show_default=True)
@click.option("--profile-sec", type=click.FloatRange(0), default=10.0, show_default=True)
@click.option("--log", "logs", multiple=True, type=click.Path(exists=True, path_type=Path),
              help="A log of the mount, if it is not at the usual place. Repeatable.")  # fmt: skip
def command(
    path: Path,
    out_dir: Path,
    stats_sec: float,
    trace_sec: float,
    profile_sec: float,
    logs: tuple[Path, ...],
) -> None:
    """Collect configuration, figures, requests, stacks, a profile, findings and logs of a mount."""
    mounted = locate(path)
    out_dir.mkdir(parents=True, exist_ok=True)
    name = time.strftime("dffs-debug-%Y%m%d-%H%M%S")
    archive = out_dir / f"{name}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for file, content in _contents(mounted, stats_sec, trace_sec, profile_sec, logs):
            text = _or_error(content)
            _add(tar, f"{name}/{file}", redact_text(text))
    archive.chmod(0o600)
    click.echo(str(archive))


def _contents(
    mounted: MountedPath, stats_s: float, trace_s: float, profile_s: float, logs: tuple[Path, ...]
) -> list[tuple[str, Callable[[], str]]]:
    point = mounted.point
    found: list[tuple[str, Callable[[], str]]] = [
        ("system.txt", _system),
        ("mount.txt", lambda: _mount_line(mounted)),
        ("config.json", (point / ".config").read_text),
        ("stats-1.txt", (point / ".stats").read_text),
        ("accesslog.txt", lambda: _access_log(point, trace_s)),
        ("stacks.txt", lambda: _stacks(mounted)),
        ("profile.txt", lambda: _sample(mounted, profile_s)),
        ("doctor.txt", lambda: _doctor(mounted)),
        ("stats-2.txt", lambda: _later(point, stats_s)),
    ]
    usual = (log_file(),) if log_file().exists() else ()
    for number, log in enumerate(logs or usual):
        found.append((f"logs/{number}-{log.name}", lambda log=log: _tail(log)))  # type: ignore[misc]
    return found


def _or_error(content: Callable[[], str]) -> str:
    try:
        return content()
    except (OSError, MeganeuraError, ValueError) as error:
        return f"could not be had: {error}\n"


def _add(tar: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode(errors="replace")
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = len(data), int(time.time()), 0o600
    tar.addfile(info, io.BytesIO(data))


def _system() -> str:
    memory = Path("/proc/meminfo").read_text()
    pressure = "".join(
        f"{file.name}: {file.read_text()}" for file in sorted(Path("/proc/pressure").glob("*"))
    )
    return f"{platform.platform()}\nPython {sys.version}\n{memory}\n{pressure}"


def _mount_line(mounted: MountedPath) -> str:
    lines = Path("/proc/self/mountinfo").read_text().splitlines(keepends=True)
    return "".join(line for line in lines if line.split()[2] == f"0:{mounted.minor}")


def _access_log(point: Path, seconds: float) -> str:
    end, lines = time.monotonic() + seconds, bytearray()
    with (point / ".accesslog").open("rb", buffering=0) as log:
        while time.monotonic() < end and len(lines) < _LOG_BYTES:
            lines += log.read(65536)
    return lines.decode(errors="replace")


def _stacks(mounted: MountedPath) -> str:
    told = ask(mounted, "stacks", {})["stacks"]
    return "\n".join(f"{name}\n{''.join(lines)}" for name, lines in told.items())


def _sample(mounted: MountedPath, seconds: float) -> str:
    return str(ask(mounted, "sample", {"seconds": seconds})["stacks"])


def _doctor(mounted: MountedPath) -> str:
    found = judge(Gatherer(mounted).facts(None, 0))
    return "\n".join(f"{one.level.value} {one.subject}: {one.what}" for one in found) + "\n"


def _later(point: Path, seconds: float) -> str:
    time.sleep(seconds)
    return (point / ".stats").read_text()


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(log.stat().st_size - _LOG_BYTES, 0))
        return file.read().decode(errors="replace")
