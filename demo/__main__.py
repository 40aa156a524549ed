"""``make demo``: three nodes want one model at once; the origin sends it once.

A stand-in Hub, a scheduler, a seed and the nodes start on this machine; the real ``huggingface_hub``
downloads a repository through each node, all at the same time. The last line is for scripts:
``demo: ok nodes=3 origin_ratio=1.00 sha256=ok seconds=…``; exit code 1 if the origin sent more than
1.01 times the files or a byte is wrong.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import click
import psutil
from rich.console import Console

from demo import stage
from demo.show import Screen
from dfcore.errors import BadInput
from dfcore.quantities import format_size, parse_size
from dfinfra.command import HELP_OPTIONS, entry
from tests.clients import packages
from tests.swarm.daemon import DaemonError

CACHE = packages.REPOSITORY / ".cache" / "demo"
MOST_ORIGIN_RATIO = 1.01
SPARE_BYTES = 1 << 30


@dataclass(frozen=True)
class Options:
    """What is asked for; the size is that of the generated weights."""

    size_bytes: int
    nodes: int
    keep: bool


@click.command("demo", help=__doc__, context_settings=HELP_OPTIONS)
@click.option("--size", default="1GiB", envvar="DEMO_SIZE", show_default=True)
@click.option(
    "--nodes", default=3, envvar="DEMO_NODES", type=click.IntRange(1, 32), show_default=True
)
@click.option("--keep", is_flag=True, help="Keep the folder with configuration, logs and caches.")
def command(size: str, nodes: int, keep: bool) -> int:
    """Run the demo; returns the exit code."""
    return _demo(Options(parse_size(size), nodes, keep))


def main() -> int:
    """The entry of ``python -m demo``."""
    signal.signal(signal.SIGTERM, _ended)
    # A shell without job control starts what is in the background with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return entry(command, "demo")()


def _ended(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


def _demo(options: Options) -> int:
    console = Console(highlight=False)
    CACHE.mkdir(parents=True, exist_ok=True)
    _tidy_up()
    _check_room(options)
    _install_clients(console)
    folder = Path(tempfile.mkdtemp(prefix=f"run-{os.getpid()}-", dir=CACHE))
    try:
        with Screen(console) as screen:
            result = stage.play(folder, CACHE, options.size_bytes, options.nodes, screen)
        screen.table(result)
        return _verdict(result, console)
    except DaemonError as error:
        console.print(f"demo: FAILED {error}", markup=False, soft_wrap=True)
        return 1
    finally:
        # What is half done must not be left by an impatient second Ctrl-C.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if options.keep:
            console.print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _verdict(result: stage.Result, console: Console) -> int:
    right = all(host.verified for host in result.nodes)
    good = right and result.origin_ratio <= MOST_ORIGIN_RATIO
    for problem in result.problems:
        console.print(problem, style="red", markup=False, soft_wrap=True)
    if not good:
        console.print(f"logs: {stage.logs_of_failure(CACHE)}", soft_wrap=True)
    console.print(
        f"demo: {'ok' if good else 'FAILED'} nodes={len(result.nodes)}"
        f" origin_ratio={result.origin_ratio:.2f} sha256={'ok' if right else 'WRONG'}"
        f" seconds={result.seconds:.1f}",
        markup=False,
        soft_wrap=True,
    )
    return 0 if good else 1


def _tidy_up() -> None:
    """Remove what runs have left that were killed before they could do it themselves."""
    for folder in CACHE.glob("run-*"):
        pid = folder.name.split("-")[1]
        if not (pid.isdigit() and psutil.pid_exists(int(pid))):
            shutil.rmtree(folder, ignore_errors=True)


def _check_room(options: Options) -> None:
    """The weights lie once at the origin and the seed, and twice per node: cache and client."""
    needed = options.size_bytes * (2 + 2 * options.nodes) + SPARE_BYTES
    free = shutil.disk_usage(CACHE).free
    if free < needed:
        raise BadInput(
            f"{CACHE}: {format_size(needed)} are needed and {format_size(free)} are free;"
            " set DEMO_SIZE to less, for example DEMO_SIZE=64MiB"
        )


def _install_clients(console: Console) -> None:
    """The real client and a real model, in an environment of their own; quick when done."""
    if not packages.model_folder().exists():
        console.print("installing huggingface_hub and a small model (once, about 100 MB) …")
    script = packages.REPOSITORY / "tests" / "clients" / "install"
    done = subprocess.run(
        [sys.executable, str(script), "--demo"],
        stdin=subprocess.DEVNULL,
        env=os.environ,
        check=False,
    )
    if done.returncode != 0:
        raise BadInput("the client could not be installed (see above)")


if __name__ == "__main__":
    sys.exit(main())
