"""``dffs bench``: how fast a folder is, on a mount or anywhere: large file, small files, attributes."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from dfcore.errors import BadInput
from dffs.cli.entry import SIZE

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done by each of `threads` threads; sizes in bytes."""

    block_bytes: int = _MIB
    big_bytes: int = 1024 * _MIB
    small_bytes: int = 128 << 10
    small_count: int = 100
    threads: int = 1


@click.command("bench")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--block-size", type=SIZE, default=_MIB, show_default="1M", help="Of one write.")
@click.option("--big-file-size", type=SIZE, default=1024 * _MIB, show_default="1G")
@click.option("--small-file-size", type=SIZE, default=128 << 10, show_default="128K")
@click.option("--small-file-count", type=click.IntRange(0), default=100, show_default=True)
@click.option("-p", "--threads", type=click.IntRange(1, 256), default=1, show_default=True)
@click.option("--drop-caches", is_flag=True, help="Drop the kernel's caches in between (root).")
@click.option("--json", "as_json", is_flag=True)
def command(
    path: Path,
    block_size: int,
    big_file_size: int,
    small_file_size: int,
    small_file_count: int,
    threads: int,
    drop_caches: bool,
    as_json: bool,
) -> None:
    """Measure large and small files in PATH; what was written is removed afterwards."""
    plan = Plan(block_size, big_file_size, small_file_size, small_file_count, threads)
    folder = Path(tempfile.mkdtemp(prefix="dffs-bench-", dir=path))
    try:
        figures = measure(folder, plan, drop if drop_caches else lambda: None)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        click.echo(json.dumps(figures, indent=2))
        return
    table = Table(title=f"{path}, {threads} threads")
    table.add_column("what")
    table.add_column("value", justify="right")
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), f"{value:,.1f}")
    Console().print(table)


def measure(folder: Path, plan: Plan, between: Callable[[], None]) -> dict[str, float]:
    """Figures by name: MiB/s for large files, files or calls a second for small ones."""
    figures: dict[str, float] = {}
    # Random, so that nothing is compressed or stored once.
    blocks = [os.urandom(plan.block_bytes) for _ in range(4)]
    if plan.big_bytes:
        total = plan.big_bytes * plan.threads / _MIB
        spent = _timed(plan, lambda n: _write_big(folder / f"big-{n}", plan, blocks, n))
        figures["big_write_mib_per_s"] = total / spent
        between()
        spent = _timed(plan, lambda n: _read_big(folder / f"big-{n}", plan))
        figures["big_read_mib_per_s"] = total / spent
    if plan.small_count:
        count = plan.small_count * plan.threads
        content = os.urandom(plan.small_bytes)
        spent = _timed(plan, lambda n: _write_small(folder, n, plan, content))
        figures["small_files_written_per_s"] = count / spent
        between()
        spent = _timed(plan, lambda n: _read_small(folder, n, plan))
        figures["small_files_read_per_s"] = count / spent
        spent = _timed(plan, lambda n: _stat_small(folder, n, plan))
        figures["stats_per_s"] = count / spent
        spent = _timed(plan, lambda n: _remove_small(folder, n, plan))
        figures["removed_per_s"] = count / spent
    return figures


def _timed(plan: Plan, work: Callable[[int], None]) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(plan.threads) as pool:
        list(pool.map(work, range(plan.threads)))
    return max(time.perf_counter() - began, 1e-9)


def _write_big(file: Path, plan: Plan, blocks: list[bytes], number: int) -> None:
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        for index in range(0, plan.big_bytes, plan.block_bytes):
            # A few bytes make every block another one, cheaply.
            mark = b"%d %d" % (number, index)
            os.writev(fd, [mark, memoryview(blocks[index % 4])[len(mark) :]])
        os.fsync(fd)
    finally:
        os.close(fd)


def _read_big(file: Path, plan: Plan) -> None:
    buffer = bytearray(plan.block_bytes)
    with file.open("rb", buffering=0) as opened:
        while opened.readinto(buffer):
            pass


def _small(folder: Path, number: int, plan: Plan) -> list[Path]:
    return [folder / f"small-{number}-{index}" for index in range(plan.small_count)]


def _write_small(folder: Path, number: int, plan: Plan, content: bytes) -> None:
    for index, file in enumerate(_small(folder, number, plan)):
        file.write_bytes(b"%d %d" % (number, index) + content)


def _read_small(folder: Path, number: int, plan: Plan) -> None:
    for file in _small(folder, number, plan):
        file.read_bytes()


def _stat_small(folder: Path, number: int, plan: Plan) -> None:
    for file in _small(folder, number, plan):
        file.stat()


def _remove_small(folder: Path, number: int, plan: Plan) -> None:
    for file in _small(folder, number, plan):
        file.unlink()


def drop() -> None:
    """Have the kernel forget clean pages, names and attributes."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError as error:
        raise BadInput(f"--drop-caches: {error.strerror}") from error
