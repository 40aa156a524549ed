"""Until the last of N hosts has the file: the figure that users judge a swarm by.

Against the bound max(F / origin rate, F / a node's rate, N·F / total upload), reckoned from what one
flow each way brings in the same bed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import measure, rivals
from bench.netbed.bed import ORIGIN, PORTS, Bed, BedPlan

MIB = 1 << 20


@dataclass(frozen=True)
class Spread:
    """One run: seconds until each node had the file, the bound, and what the origin sent."""

    node_s: list[float]
    bound_s: float
    origin_ratio: float

    @property
    def ratio(self) -> float:
        return max(self.node_s) / self.bound_s


def bound_s(plan: BedPlan, goodput: float, size_bytes: int) -> float:
    """The least time in which all nodes can have the file; ``goodput`` at the nodes' rate."""
    per_mbit = goodput / plan.rate_mbit
    nodes = [plan.node_mbit(i) * per_mbit for i in range(plan.nodes)]
    seed, origin = plan.seed_rate * per_mbit, plan.origin_rate * per_mbit
    return max(
        size_bytes / origin,
        size_bytes / seed,
        size_bytes / min(nodes),
        plan.nodes * size_bytes / (seed + sum(nodes)),
    )


def spread(folder: Path, plan: BedPlan, *, size_bytes: int, rounds: int) -> list[Spread]:
    """All nodes ask for one cold file at once, ``rounds`` times."""
    with Bed(folder, plan) as bed:
        make_files(bed.root, size_bytes, rounds)
        goodput = bed.goodput()
        least = bound_s(plan, goodput, size_bytes)
        return [_round(bed, index, size_bytes, least) for index in range(rounds)]


def make_files(root: Path, size_bytes: int, rounds: int) -> None:
    first = root / "file-0.bin"
    with first.open("wb") as file:
        for _ in range(size_bytes // MIB):
            file.write(os.urandom(MIB))
    for index in range(1, rounds):
        os.link(first, root / f"file-{index}.bin")


def _round(bed: Bed, index: int, size_bytes: int, least_s: float) -> Spread:
    url = f"{bed.origin_url}/file-{index}.bin"
    proxy = f"http://127.0.0.1:{PORTS.proxy}"
    before = bed.sent_bytes(ORIGIN)
    curls = [
        measure.start_curl(url, proxy=proxy, prefix=bed.net.inside(f"n{i}"))
        for i in range(bed.plan.nodes)
    ]
    took = [measure.ended(curl).total_s for curl in curls]
    return Spread(took, least_s, (bed.sent_bytes(ORIGIN) - before) / size_bytes)


def against_rivals(folder: Path, plan: BedPlan, *, size_bytes: int) -> dict[str, float]:
    """Us and what a user would take instead, one after the other in one bed: last host's time over
    the bound."""
    with Bed(folder, plan) as bed:
        make_files(bed.root, size_bytes, 5)
        least = bound_s(plan, bed.goodput(), size_bytes)
        took = {
            "ours": max(_round(bed, 0, size_bytes, least).node_s),
            "bittorrent": rivals.torrent(bed, "file-1.bin", super_seeding=False),
            "bittorrent_super_seeding": rivals.torrent(bed, "file-2.bin", super_seeding=True),
            "nginx_cache": rivals.nginx_cache(bed, "file-3.bin"),
            "direct": rivals.direct(bed, "file-4.bin"),
        }
    return {"hosts": plan.nodes, "bound_s": least} | {
        f"{name}_ratio_to_bound": seconds / least for name, seconds in took.items()
    }


def figures(plan: BedPlan, runs: list[Spread]) -> dict[str, float]:
    return {
        "hosts": plan.nodes,
        "rate_mbit": plan.rate_mbit,
        "bound_s": runs[0].bound_s,
        "last_host_s": median(max(run.node_s) for run in runs),
        "ratio_to_bound": median(run.ratio for run in runs),
        "worst_ratio_to_bound": max(run.ratio for run in runs),
        "first_host_s": median(min(run.node_s) for run in runs),
        "origin_ratio": median(run.origin_ratio for run in runs),
    }
