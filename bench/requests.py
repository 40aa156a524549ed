"""Small files that the node holds already: how many it serves a second, beside nginx and olah."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import click

from bench import report
from bench.cli import json_option, measured
from bench.nginx import Nginx
from bench.olah import Olah
from dfcore.errors import ConfigError
from tests.standin.process import StandInProcess
from tests.swarm.swarm import Swarm

FILES = 64
SIZE_BYTES = 2048
CONNECTIONS = (1, 8, 32, 128, 256)
REPO = "org/small"
# Every request of a connection is for another file, and none is like the one before.
SCRIPT = """
local n = math.random(0, {files} - 1)
function request()
  n = (n + 7) % {files}
  return wrk.format("GET", "{path}" .. n .. ".bin")
end
"""


@click.command("requests", help="Cached 2 KiB files per second, 1 to 256 connections. Needs wrk.")
@click.option("--seconds", default=4, show_default=True, help="Time of one measurement.")
@json_option
def command(seconds: int, json_file: Path | None) -> None:
    measured("cached 2 KiB files a second", json_file, lambda folder: requests(folder, seconds))


def requests(folder: Path, seconds: int) -> report.Figures:
    """Requests a second by number of connections, of ours, nginx and olah."""
    if shutil.which("wrk") is None:
        raise ConfigError("wrk is not installed: it makes the requests")
    root = folder / "files"
    root.mkdir(parents=True)
    contents = {f"{n}.bin": os.urandom(SIZE_BYTES) for n in range(FILES)}
    for name, content in contents.items():
        (root / name).write_bytes(content)
    with (
        StandInProcess(folder / "hub") as hub,
        Nginx(folder / "nginx", root) as nginx,
        Swarm(folder / "swarm", hub=hub.hub_url, nodes=1) as swarm,
        Olah(folder / "olah", hub.hub_url) as olah,
    ):
        hub.create(
            REPO, {name: {"generated": SIZE_BYTES, "seed": n} for n, name in enumerate(contents)}
        )
        resolve = f"/{REPO}/resolve/main/"
        places = {
            "ours": (swarm.nodes[0].proxy_url, resolve),
            "nginx": (nginx.url, "/"),
            "olah": (olah.url, resolve),
        }
        rates = {
            name: [_rate(folder, url, path, seconds, n) for n in CONNECTIONS]
            for name, (url, path) in places.items()
        }
    report.bars(
        "requests", "cached 2 KiB files", "requests a second",
        [f"{n} connections" for n in CONNECTIONS], rates, log=True,
    )  # fmt: skip
    figures: report.Figures = {
        f"{name}_requests_s_{n}_connections": rate
        for name, found in rates.items()
        for n, rate in zip(CONNECTIONS, found, strict=True)
    }
    for n, ours, theirs in zip(CONNECTIONS, rates["ours"], rates["nginx"], strict=True):
        figures[f"ratio_to_nginx_{n}_connections"] = ours / theirs
    return figures


def _rate(folder: Path, url: str, path: str, seconds: int, connections: int) -> float:
    """Requests a second; the files are asked for once before, so that they are cached."""
    for n in range(FILES):
        _run(["curl", "-sSfL", "-o", "/dev/null", f"{url}{path}{n}.bin"])
    script = folder / "script.lua"
    script.write_text(SCRIPT.format(files=FILES, path=path))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url]
    out = _run(command)
    if "Non-2xx" in out:
        raise RuntimeError(f"{url} answered with errors: {out}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", out)
    if found is None:
        raise RuntimeError(f"wrk said nothing of its rate: {out}")
    return float(found[1])


def _run(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
