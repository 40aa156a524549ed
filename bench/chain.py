"""origin → seed → node → client on one machine, against the same client at the origin."""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median

from bench import measure
from bench.nginx import Nginx, NginxCache
from tests.swarm.swarm import Swarm

MIB = 1 << 20
NO_HUB = "http://hub.invalid"


def chain(folder: Path, *, size_bytes: int, rounds: int) -> dict[str, float]:
    """Speeds of direct, cold and warm downloads (medians), their ratios, CPU per GB.

    The caches are at their limit, so that each download takes the room of the one before: fresh
    memory of a virtual machine may cost its host more than the whole download.
    """
    root = folder / "origin"
    root.mkdir(parents=True)
    _fill(root / "file-0.bin", size_bytes)
    for index in range(1, rounds + 1):
        os.link(root / "file-0.bin", root / f"file-{index}.bin")
    limits = {"storage": {"sizeLimit": f"{size_bytes * 5 // 4 // MIB}MiB"}}
    with (
        Nginx(folder / "nginx", root) as origin,
        Swarm(folder / "swarm", hub=NO_HUB, nodes=1, node=limits, seed=limits) as swarm,
    ):
        node, pids = swarm.nodes[0], [swarm.seed.pid, swarm.nodes[0].pid]
        proxy = node.proxy_url
        measure.fetch(f"{origin.url}/file-0.bin", proxy=proxy)
        direct, cold, warm, cold_cpu, warm_cpu = [], [], [], [], []
        for index in range(1, rounds + 1):
            url = f"{origin.url}/file-{index}.bin"
            direct.append(measure.fetch(url).bytes_s)
            before = measure.cpu_s(pids)
            cold.append(measure.fetch(url, proxy=proxy).bytes_s)
            cold_cpu.append(measure.cpu_s(pids) - before)
            before = measure.cpu_s(pids)
            warm.append(measure.fetch(url, proxy=proxy).bytes_s)
            warm_cpu.append(measure.cpu_s(pids) - before)
            direct.append(measure.fetch(url).bytes_s)
        traffic = node.figures().traffic
        nginx = _nginx_hops(folder, origin, size_bytes, rounds)
    base = median(direct)
    return {
        "direct_mb_s": base / 1e6,
        "cold_mb_s": median(cold) / 1e6,
        "warm_mb_s": median(warm) / 1e6,
        "cold_to_direct_ratio": median(cold) / base,
        "warm_to_direct_ratio": median(warm) / base,
        "cold_cpu_s_per_gb": median(cold_cpu) / size_bytes * 1e9,
        "cold_cpu_s_per_gb_and_host": median(cold_cpu) / size_bytes * 1e9 / len(pids),
        "warm_cpu_s_per_gb": median(warm_cpu) / size_bytes * 1e9,
        "nginx_hops_cold_mb_s": nginx / 1e6,
        "nginx_hops_cold_to_direct_ratio": nginx / base,
        "node_bytes_from_seed_ratio": traffic.seed / (size_bytes * rounds),
    }


def _nginx_hops(folder: Path, origin: Nginx, size_bytes: int, rounds: int) -> float:
    """Bytes a second through two nginx caches, as seed and node would be; nothing is verified."""
    room = size_bytes * 5 // 4
    with (
        NginxCache(folder / "hop-1", origin.url, room) as first,
        NginxCache(folder / "hop-2", first.url, room) as second,
    ):
        took = [
            measure.fetch(f"{second.url}/file-{index}.bin").bytes_s for index in range(rounds + 1)
        ]
    return median(took[1:])


def memory(folder: Path, *, size_bytes: int, total_bytes: int) -> dict[str, float]:
    """Resident memory of a node while it moves ``total_bytes`` cold, file after file."""
    root = folder / "origin"
    root.mkdir(parents=True)
    _fill(root / "file-0.bin", size_bytes)
    count = total_bytes // size_bytes
    for index in range(1, count + 1):
        os.link(root / "file-0.bin", root / f"file-{index}.bin")
    rss: list[int] = []
    limits = {"storage": {"sizeLimit": f"{4 * size_bytes // MIB}MiB"}}
    with (
        Nginx(folder / "nginx", root) as origin,
        Swarm(folder / "swarm", hub=NO_HUB, nodes=1, node=limits, seed=limits) as swarm,
    ):
        node = swarm.nodes[0]
        for index in range(1, count + 1):
            curl = measure.start_curl(f"{origin.url}/file-{index}.bin", proxy=node.proxy_url)
            while curl.poll() is None:
                rss.append(node.figures().rss_bytes)
            measure.ended(curl)
    half = len(rss) // 2
    return {
        "moved_gib": count * size_bytes / 2**30,
        "largest_rss_mib": max(rss) / MIB,
        "first_half_rss_mib": median(rss[:half]) / MIB,
        "second_half_rss_mib": median(rss[half:]) / MIB,
    }


def _fill(path: Path, size_bytes: int) -> None:
    with path.open("wb") as file:
        for _ in range(size_bytes // MIB):
            file.write(os.urandom(MIB))
