"""``python -m bench swarm``: whole clusters, undisturbed and disturbed, beside what others would use."""

from __future__ import annotations

from pathlib import Path

import click

from bench import disturbed, report, swarm
from bench.cli import json_option, measured
from bench.netbed.bed import BedPlan
from dfcore.quantities import parse_size


@click.command("swarm", help="Until the last of N hosts has the file, over the bound. Needs root.")
@click.option("--hosts", multiple=True, type=int, default=(4,), show_default=True)
@click.option("--rate", default=100.0, show_default=True, help="Mbit/s of every host.")
@click.option("--size", default="256MiB", show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--origin-rate", type=float, help="Mbit/s of the origin; the hosts' by default.")
@click.option("--seed-rate", type=float, help="Mbit/s of the seed; the hosts' by default.")
@click.option("--rivals", "with_rivals", is_flag=True, help="BitTorrent, nginx and direct, too.")
@click.option("--faults", is_flag=True, help="A slow host, loss, late ones, a parent that dies.")
@json_option
def command(
    hosts: tuple[int, ...],
    rate: float,
    size: str,
    rounds: int,
    origin_rate: float | None,
    seed_rate: float | None,
    with_rivals: bool,
    faults: bool,
    json_file: Path | None,
) -> None:
    size_bytes = parse_size(size)
    plans = [BedPlan(count, rate, seed_mbit=seed_rate, origin_mbit=origin_rate) for count in hosts]

    def work(folder: Path) -> report.Figures:
        figures: report.Figures = {}
        for plan in plans:
            part = folder / str(plan.nodes)
            runs = swarm.spread(part / "plain", plan, size_bytes=size_bytes, rounds=rounds)
            figures |= _named(plan, swarm.figures(plan, runs))
            if with_rivals:
                rivals = swarm.against_rivals(part / "rivals", plan, size_bytes=size_bytes)
                figures |= _named(plan, rivals)
            if faults:
                undisturbed_s = figures[f"last_host_s_{plan.nodes}_hosts"]
                found = disturbed.all_of(part, plan, size_bytes, undisturbed_s)
                figures |= _named(plan, found)
        _draw(f"swarm-{rate:g}mbit-{size}", hosts, figures, with_rivals=with_rivals)
        return figures

    measured(f"swarm, {rate:g} Mbit/s, {size}", json_file, work)


def _named(plan: BedPlan, figures: report.Figures) -> report.Figures:
    return {f"{name}_{plan.nodes}_hosts": value for name, value in figures.items()}


def _draw(name: str, hosts: tuple[int, ...], figures: report.Figures, *, with_rivals: bool) -> None:
    keys = {"ours": "ratio_to_bound"}
    if with_rivals:
        keys |= {
            "BitTorrent": "bittorrent_ratio_to_bound",
            "super-seeding": "bittorrent_super_seeding_ratio_to_bound",
            "nginx cache": "nginx_cache_ratio_to_bound",
            "direct": "direct_ratio_to_bound",
        }
    series = {
        label: [figures[f"{key}_{count}_hosts"] for count in hosts] for label, key in keys.items()
    }
    groups = [f"{count} hosts" for count in hosts]
    report.bars(name, "until the last host has the file, over the bound", "× bound", groups, series)
