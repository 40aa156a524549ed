"""``python -m bench SUBCOMMAND``: each prints a table and, with ``--json FILE``, flat figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from bench import chain, hub, latency, manager, origin, requests, scheduler, small, swarm_cli
from bench.cli import json_option, measured
from bench.fs import command as fs
from bench.report import RESULTS, show
from bench.simulate import figures as simulated
from bench.simulate.scenario import Scenario, Unfairness
from dfcore.quantities import parse_size
from dfinfra.command import entry


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command("chain", help="origin → seed → node → client, cold and warm, against the origin.")
@click.option("--size", default="1GiB", show_default=True)
@click.option("--rounds", default=5, show_default=True)
@json_option
def chain_command(size: str, rounds: int, json_file: Path | None) -> None:
    measured(
        f"chain, {size}",
        json_file,
        lambda folder: chain.chain(folder, size_bytes=parse_size(size), rounds=rounds),
    )


@main.command("memory", help="Resident memory of a node while it moves many bytes.")
@click.option("--size", default="1GiB", show_default=True)
@click.option("--total", default="10GiB", show_default=True)
@json_option
def memory_command(size: str, total: str, json_file: Path | None) -> None:
    measured(
        f"memory, {total}",
        json_file,
        lambda folder: chain.memory(
            folder, size_bytes=parse_size(size), total_bytes=parse_size(total)
        ),
    )


@main.command("origin", help="Bytes that leave the origin when N cold nodes want one file at once.")
@click.option("--nodes", default=8, show_default=True)
@click.option("--size", default="256MiB", show_default=True)
@json_option
def origin_command(nodes: int, size: str, json_file: Path | None) -> None:
    measured(
        f"origin bytes, {nodes} nodes, {size}",
        json_file,
        lambda folder: origin.origin_bytes(folder, nodes=nodes, size_bytes=parse_size(size)),
    )


@main.command("hub-requests", help="Requests to the Hub for a 50-file snapshot by N nodes.")
@click.option("--nodes", default=8, show_default=True)
@json_option
def hub_requests_command(nodes: int, json_file: Path | None) -> None:
    measured(
        f"Hub requests, {nodes} nodes",
        json_file,
        lambda folder: origin.hub_requests(folder, nodes=nodes),
    )


@main.command("simulate", help="The real planner, slots and scheduler core on a virtual clock.")
@click.option("--hosts", default=16, show_default=True)
@click.option("--units", default=256, show_default=True)
@click.option("--unit", default="1MiB", show_default=True, help="Size of a unit.")
@click.option("--rate", default=100.0, show_default=True, help="Mbit/s of every node.")
@click.option("--seed-rate", default=None, type=float, help="Mbit/s; the nodes' by default.")
@click.option("--origin-rate", default=None, type=float, help="Mbit/s; default: the seed has all.")
@click.option(
    "--arrivals",
    type=click.Choice(["flash", "rolling", "churn"]),
    default="flash",
    show_default=True,
    help="All at once, over the time of one file, or with a quarter that dies half-way.",
)
@click.option(
    "--rates",
    type=click.Choice(["equal", "mixed", "slow"]),
    default="equal",
    show_default=True,
    help="Equal, 30 % to either side, or one node at a tenth.",
)
@click.option("--unfair", default=0.0, show_default=True, help="Sigma of TCP's unfairness.")
@click.option("--reader", is_flag=True, help="A client on every node reads as bytes come.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--key-rows", is_flag=True, help="The leading rows of the simulation study instead.")
@json_option
def simulate_command(
    hosts: int,
    units: int,
    unit: str,
    rate: float,
    seed_rate: float | None,
    origin_rate: float | None,
    arrivals: str,
    rates: str,
    unfair: float,
    reader: bool,
    rounds: int,
    key_rows: bool,
    json_file: Path | None,
) -> None:
    scenario = Scenario(
        nodes=hosts,
        units=units,
        unit_bytes=parse_size(unit),
        rate_mbit=rate,
        seed_mbit=rate if seed_rate is None else seed_rate,
        origin_mbit=origin_rate,
        unfair=Unfairness(unfair),
        reader=reader,
    )
    if key_rows:
        show("simulated key rows", simulated.key_rows(scenario, rounds), json_file)
        return
    scenario = simulated.arranged(simulated.with_rates(scenario, rates), arrivals)
    title = f"simulated, {hosts} hosts, {units} units of {unit}, {arrivals}, {rates} rates"
    show(title, simulated.runs(scenario, rounds), json_file)


for command in (
    fs.fs_command,
    hub.command,
    latency.command,
    requests.command,
    scheduler.command,
    small.command,
    swarm_cli.command,
):
    main.add_command(command)
main.add_command(manager.main, "manager")


EVERYTHING = {
    "swarm": [
        "swarm",
        "--hosts",
        "4",
        "--hosts",
        "8",
        "--hosts",
        "16",
        "--rounds",
        "5",
        "--rivals",
    ],
    "swarm-faults": ["swarm", "--hosts", "8", "--rounds", "3", "--faults"],
    "swarm-400mbit": ["swarm", "--hosts", "8", "--rate", "400", "--size", "2GiB", "--rounds", "3"],
    "chain": ["chain"],
    "latency": ["latency"],
    "requests": ["requests"],
    "small-files": ["small-files"],
    "hub": ["hub"],
    "hub-requests": ["hub-requests"],
    "origin": ["origin"],
    "memory": ["memory"],
    "scheduler": ["scheduler"],
    "manager": ["manager"],
    "fs": ["fs"],
    "simulate-16": ["simulate", "--key-rows"],
    "simulate-100000": ["simulate", "--hosts", "100000", "--units", "128", "--rounds", "1"],
}


@main.command("all", help="Every benchmark, one after the other; figures go to bench/results.")
def all_command() -> None:
    failed = []
    for name, arguments in EVERYTHING.items():
        command = [
            sys.executable,
            "-m",
            "bench",
            *arguments,
            "--json",
            str(RESULTS / f"{name}.json"),
        ]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    if failed:
        raise click.ClickException(f"these failed: {', '.join(failed)}")


if __name__ == "__main__":
    sys.exit(entry(main, "bench")())
