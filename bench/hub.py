"""The published table of a swarm in front of the Hugging Face Hub, with the real client.

Five ways to one file: from the Hub itself; through a cold swarm; through a node whose neighbour has it;
through a node that has it; from the client's own cache. The Hub is the stand-in, its CDN's link shaped
to ``rate`` in a network namespace of this benchmark's own (needs root).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from bench import report
from bench.cli import json_option, measured
from bench.olah import Olah
from dfcore.errors import ConfigError
from dfcore.quantities import parse_size
from tests.clients.run import start_client
from tests.standin.process import StandInProcess
from tests.swarm.swarm import Swarm

INSIDE = "MEGANEURA_BENCH_NAMESPACE"
CDN = "127.0.0.2"
CLIENT = "2.4.0"
REPO = "org/model"
DOWNLOAD = """
import time
began = time.monotonic()
hf_hub_download({repo!r}, {name!r})
print(time.monotonic() - began)
"""


@click.command(
    "hub", help="Direct, cold, remote hit, local hit, client's cache; real client. Root."
)
@click.option(
    "--size", "sizes", multiple=True, default=("512MiB", "2GiB", "6GiB"), show_default=True
)
@click.option("--rate", default=1000, show_default=True, help="Mbit/s of the Hub's link.")
@click.option("--olah/--no-olah", "with_olah", default=True, show_default=True)
@json_option
def command(sizes: tuple[str, ...], rate: int, with_olah: bool, json_file: Path | None) -> None:
    if os.environ.get(INSIDE) is None:
        _enter_namespace()
    _shape(rate)
    measured(
        f"real client, Hub at {rate} Mbit/s, seconds",
        json_file,
        lambda folder: hub(folder, sizes, with_olah=with_olah),
    )


def hub(folder: Path, sizes: tuple[str, ...], *, with_olah: bool) -> report.Figures:
    """Seconds by size and way, and their ratios."""
    figures: report.Figures = {}
    rows: dict[str, list[float]] = {}
    for size in sizes:
        took = _size(folder / size, parse_size(size), with_olah=with_olah)
        for way, seconds in took.items():
            figures[f"{way}_s_{size}"] = seconds
            rows.setdefault(way, []).append(seconds)
        figures[f"cold_over_direct_ratio_{size}"] = took["cold"] / took["direct"]
        figures[f"direct_over_local_ratio_{size}"] = took["direct"] / took["local_hit"]
    report.bars("hub", "hf_hub_download, Hub's link shaped", "seconds", list(sizes), rows, log=True)
    return figures


def _size(folder: Path, size_bytes: int, *, with_olah: bool) -> dict[str, float]:
    with StandInProcess(folder / "hub") as standin:
        standin.create(REPO, {"a.safetensors": {"generated": size_bytes, "seed": 1}})
        hub_url, homes = standin.hub_url, folder / "homes"
        took = {"direct": _download(homes / "direct", hub_url)}
        with Swarm(folder / "swarm", hub=hub_url, nodes=2) as swarm:
            first, second = (node.proxy_url for node in swarm.nodes)
            took["cold"] = _download(homes / "cold", first)
            took["remote_hit"] = _download(homes / "remote", second)
            took["local_hit"] = _download(homes / "local", first)
            took["client_cache"] = _download(homes / "kept", first, twice=True)
        shutil.rmtree(folder / "swarm")
        if with_olah:
            with Olah(folder / "olah", hub_url) as olah:
                took["olah_cold"] = _download(homes / "olah", olah.url)
                took["olah_hit"] = _download(homes / "olah", olah.url)
        shutil.rmtree(folder, ignore_errors=True)
    return took


def _download(home: Path, endpoint: str, *, twice: bool = False) -> float:
    """Seconds of one download by the real client, its own start not counted."""
    code = DOWNLOAD.format(repo=REPO, name="a.safetensors") * (2 if twice else 1)
    client = start_client(CLIENT, code, home=home, endpoint=endpoint)
    out, err = client.communicate(timeout=1800)
    if client.returncode:
        raise RuntimeError(f"the client failed: {err[-2000:]}")
    shutil.rmtree(home)
    return float(out.strip().splitlines()[-1])


def _enter_namespace() -> None:
    """Run this command again in a network namespace of its own, and end with its status."""
    if os.geteuid() != 0:
        raise ConfigError("the Hub's link is shaped in a network namespace: it needs root")
    command = ["unshare", "--net", sys.executable, "-m", "bench", *sys.argv[1:]]
    sys.exit(subprocess.run(command, env={**os.environ, INSIDE: "1"}, check=False).returncode)


def _shape(rate_mbit: int) -> None:
    """Loopback as it is, but for what the CDN sends."""
    for line in (
        "ip link set lo up",
        "tc qdisc add dev lo root handle 1: htb default 1 r2q 100000",
        "tc class add dev lo parent 1: classid 1:1 htb rate 100gbit",
        f"tc class add dev lo parent 1: classid 1:2 htb rate {rate_mbit}mbit burst 512k",
        f"tc filter add dev lo parent 1: protocol ip u32 match ip src {CDN}/32 flowid 1:2",
    ):
        subprocess.run(line.split(), check=True)
