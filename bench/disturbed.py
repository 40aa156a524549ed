"""Swarms that something happens to: one slow host, loss, late joiners, a parent that dies.

What counts is what the others feel: their last one's time over that of an undisturbed swarm.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench import measure, swarm
from bench.netbed.bed import ORIGIN, PORTS, Bed, BedPlan

SLOW_SHARE = 0.1
LOSS = 0.01
PROXY = f"http://127.0.0.1:{PORTS.proxy}"
Case = Callable[[Bed, str, float], dict[int, float]]


def all_of(folder: Path, plan: BedPlan, size_bytes: int, undisturbed_s: float) -> dict[str, float]:
    """Each disturbance in a bed of its own; the others' last time over the undisturbed one."""
    slow = replace(plan, slow={0: plan.rate_mbit * SLOW_SHARE})
    cases: dict[str, tuple[BedPlan, Case]] = {
        "slow_host": (slow, _others_of_the_slow),
        "loss": (replace(plan, loss=LOSS), _everybody),
        "late": (plan, _late),
        "killed_parent": (plan, _killed),
    }
    figures: dict[str, float] = {}
    for name, (other, case) in cases.items():
        with Bed(folder / name, other) as bed:
            swarm.make_files(bed.root, size_bytes, 1)
            before = bed.sent_bytes(ORIGIN)
            took = case(bed, f"{bed.origin_url}/file-0.bin", undisturbed_s)
            figures[f"{name}_others_over_undisturbed"] = max(took.values()) / undisturbed_s
            figures[f"{name}_origin_ratio"] = (bed.sent_bytes(ORIGIN) - before) / size_bytes
    return figures


def _start(bed: Bed, url: str, index: int):  # type: ignore[no-untyped-def]
    return measure.start_curl(url, proxy=PROXY, prefix=bed.net.inside(f"n{index}"))


def _everybody(bed: Bed, url: str, _: float) -> dict[int, float]:
    curls = {index: _start(bed, url, index) for index in range(bed.plan.nodes)}
    return {index: measure.ended(curl).total_s for index, curl in curls.items()}


def _others_of_the_slow(bed: Bed, url: str, _: float) -> dict[int, float]:
    curls = {index: _start(bed, url, index) for index in range(bed.plan.nodes)}
    took = {i: measure.ended(curl).total_s for i, curl in curls.items() if i != 0}
    curls[0].kill()
    curls[0].communicate()
    return took


def _late(bed: Bed, url: str, undisturbed_s: float) -> dict[int, float]:
    """Half of the hosts come when the others are half-way; each counts from its own start."""
    half = max(1, bed.plan.nodes // 2)
    curls = {index: _start(bed, url, index) for index in range(half)}
    time.sleep(undisturbed_s / 2)
    curls |= {index: _start(bed, url, index) for index in range(half, bed.plan.nodes)}
    return {index: measure.ended(curl).total_s for index, curl in curls.items()}


def _killed(bed: Bed, url: str, undisturbed_s: float) -> dict[int, float]:
    """The first host's daemon dies half-way."""
    curls = {index: _start(bed, url, index) for index in range(bed.plan.nodes)}
    time.sleep(undisturbed_s / 2)
    bed.nodes[0].kill()
    took = {i: measure.ended(curl).total_s for i, curl in curls.items() if i != 0}
    curls[0].communicate()
    return took
