"""How fast a file is read: through the mounts, and directly."""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy

from bench.fs.mounts import Mount, Where, drop_caches, juicefs, juicefs_program, ours

Figures = dict[str, float]
MIB = 1 << 20
_GB = 1e9


def write_file(path: Path, size_bytes: int, seed: int = 0) -> float:
    """Write blocks of which no two are equal, forced out; the seconds it took."""
    content = bytearray(os.urandom(4 * MIB))
    began = time.perf_counter()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        for index in range(0, size_bytes, len(content)):
            content[:16] = index.to_bytes(8, "big") + seed.to_bytes(8, "big")
            os.write(fd, memoryview(content)[: min(len(content), size_bytes - index)])
        os.fsync(fd)
    finally:
        os.close(fd)
    return time.perf_counter() - began


def read_s(path: Path) -> float:
    """Seconds to read a file from beginning to end, a MiB at a time."""
    buffer = bytearray(MIB)
    began = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return time.perf_counter() - began


def mmap_s(path: Path) -> float:
    """Seconds to map a file and touch each of its pages."""
    began = time.perf_counter()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        pages = numpy.frombuffer(mapped, numpy.uint8)[::4096]
        int(pages.sum(dtype=numpy.int64))
        del pages
    return time.perf_counter() - began


def sealed_blob(mount: Mount, size_bytes: int) -> Path:
    """The file of the cache that is the whole content."""
    for path in mount.cache.rglob("*"):
        if path.is_file() and path.stat().st_size == size_bytes:
            return path
    raise RuntimeError(f"no file of {size_bytes} bytes in {mount.cache}: nothing was sealed")


def _rounds(rounds: int, **calls: Callable[[], float]) -> dict[str, float]:
    """The least seconds of each call, by turns, each with cold kernel caches.

    The least, because whatever else runs on the machine only adds.
    """
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            drop_caches()
            spent[name].append(call())
    return {name: min(times) for name, times in spent.items()}


def reading(folder: Path, where: Where, fast: Path, *, size_bytes: int, rounds: int) -> Figures:
    """Sealed reads, maps, and the first read of what was just written."""
    figures: Figures = {}
    with ours(folder, where, cache=fast / "cache-ours") as mount:
        file = mount.point / "model.bin"
        write_file(file, size_bytes)
        drop_caches()
        figures["unsealed_read_gb_s"] = size_bytes / read_s(file) / _GB
        read_s(file)
        blob = sealed_blob(mount, size_bytes)
        told = _rounds(
            rounds,
            read=lambda: read_s(file),
            direct=lambda: read_s(blob),
            map=lambda: mmap_s(file),
            map_direct=lambda: mmap_s(blob),
        )
        again = _rounds_warm(rounds, file, blob)
    figures |= {
        "sealed_read_gb_s": size_bytes / told["read"] / _GB,
        "direct_read_gb_s": size_bytes / told["direct"] / _GB,
        "sealed_read_ratio": told["direct"] / told["read"],
        "sealed_mmap_gb_s": size_bytes / told["map"] / _GB,
        "sealed_mmap_ratio": told["map_direct"] / told["map"],
        "sealed_again_ratio": again,
    }
    if juicefs_program() is not None:
        figures |= _rival(folder, where, fast, size_bytes, rounds)
        for name, rival in (("read", "read"), ("mmap", "mmap")):
            figures[f"sealed_{name}_over_juicefs"] = (
                figures[f"sealed_{name}_gb_s"] / figures[f"juicefs_{rival}_gb_s"]
            )
        figures["unsealed_read_over_juicefs"] = (
            figures["unsealed_read_gb_s"] / figures["juicefs_first_read_gb_s"]
        )
    return figures


def _rounds_warm(rounds: int, file: Path, blob: Path) -> float:
    """Direct seconds over mounted seconds, with the pages in memory."""
    read_s(file)
    read_s(blob)
    pairs = [(read_s(blob), read_s(file)) for _ in range(rounds)]
    return min(direct for direct, _ in pairs) / min(mounted for _, mounted in pairs)


def _rival(folder: Path, where: Where, fast: Path, size_bytes: int, rounds: int) -> Figures:
    # What it writes is in its cache only with this option, as it always is in ours.
    with juicefs(folder, where, "--cache-large-write", cache=fast / "cache-juicefs") as mount:
        file = mount.point / "model.bin"
        write_file(file, size_bytes)
        drop_caches()
        first = read_s(file)
        told = _rounds(rounds, read=lambda: read_s(file), map=lambda: mmap_s(file))
    return {
        "juicefs_first_read_gb_s": size_bytes / first / _GB,
        "juicefs_read_gb_s": size_bytes / told["read"] / _GB,
        "juicefs_mmap_gb_s": size_bytes / told["map"] / _GB,
    }
