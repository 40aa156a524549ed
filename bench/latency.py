"""How soon small files come: cold, from another node, from this node, beside the origin itself."""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median, quantiles

import click

from bench import measure, report
from bench.cli import json_option, measured
from bench.nginx import Nginx
from dfcore.quantities import format_size
from tests.swarm.swarm import Swarm

KIB = 1 << 10
SIZES = (0, 2 * KIB, 64 * KIB, 1024 * KIB, 8192 * KIB)
NO_HUB = "http://hub.invalid"


@click.command("latency", help="First byte and whole time of 0 B to 8 MiB: cold, remote, local.")
@click.option("--rounds", default=25, show_default=True)
@json_option
def command(rounds: int, json_file: Path | None) -> None:
    measured("latency, ms", json_file, lambda folder: latency(folder, rounds))


def latency(folder: Path, rounds: int) -> report.Figures:
    """Milliseconds by size and way, median and 99th percentile."""
    root = folder / "origin"
    root.mkdir(parents=True)
    for size in SIZES:
        for index in range(rounds):
            (root / f"{size}-{index}.bin").write_bytes(os.urandom(size))
    took: dict[tuple[int, str], list[measure.Fetched]] = {}
    with (
        Nginx(folder / "nginx", root) as origin,
        Swarm(folder / "swarm", hub=NO_HUB, nodes=2) as swarm,
    ):
        first, second = (node.proxy_url for node in swarm.nodes)
        ways = {"direct": None, "cold": first, "local": first, "remote": second}
        for index in range(rounds):
            for size in SIZES:
                url = f"{origin.url}/{size}-{index}.bin"
                for way, proxy in ways.items():
                    took.setdefault((size, way), []).append(measure.fetch(url, proxy=proxy))
    labels = [format_size(size) for size in SIZES]
    report.bars(
        "latency", "median time to the whole file", "ms", labels,
        {way: [_ms([f.total_s for f in took[size, way]]) for size in SIZES] for way in ways},
        log=True,
    )  # fmt: skip
    figures: report.Figures = {}
    for (size, way), fetched in took.items():
        name = f"{way}_{size}_bytes"
        figures[f"first_byte_ms_{name}"] = _ms([f.first_byte_s for f in fetched])
        figures[f"whole_ms_{name}"] = _ms([f.total_s for f in fetched])
        figures[f"whole_p99_ms_{name}"] = quantiles([f.total_s for f in fetched], n=100)[98] * 1e3
    small = 2 * KIB
    direct = figures[f"first_byte_ms_direct_{small}_bytes"]
    figures["cold_over_direct_ms"] = figures[f"first_byte_ms_cold_{small}_bytes"] - direct
    figures["local_ms"] = figures[f"whole_ms_local_{small}_bytes"]
    return figures


def _ms(seconds: list[float]) -> float:
    return median(seconds) * 1e3
