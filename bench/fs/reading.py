"""How fast a file is read: through the mounts, and directly."""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.fs.mounts import Mount, Where, juicefs, juicefs_program, ours

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
    """Seconds to map a file and copy all of it out of the map, a MiB at a time."""
    buffer = bytearray(MIB)
    began = time.perf_counter()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        with memoryview(mapped) as view:
            for at in range(0, len(view), MIB):
                part = view[at : at + MIB]
                buffer[: len(part)] = part
                part.release()
    return time.perf_counter() - began


def sealed_blob(mount: Mount, size_bytes: int) -> Path:
    """The file of the cache that is the whole content."""
    for path in mount.cache.rglob("*"):
        if path.is_file() and path.stat().st_size == size_bytes:
            return path
    raise RuntimeError(f"no file of {size_bytes} bytes in {mount.cache}: nothing was sealed")


def forget(path: Path) -> None:
    """Have the kernel drop the mounted file's pages; those of the cache below it stay."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)


def _rounds(rounds: int, file: Path, **calls: Callable[[], float]) -> dict[str, float]:
    """The least seconds of each call, by turns, each with no pages of the mounted file.

    The least, because whatever else runs on the machine only adds.
    """
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            forget(file)
            spent[name].append(call())
    return {name: min(times) for name, times in spent.items()}


def first_reads(folder: Path, where: Where, *, size_bytes: int, rounds: int) -> Figures:
    """The first read of what was just written: its blocks are here, nobody has read the file yet.

    The disk is given the time to write first: it would be measured instead.
    """
    figures: Figures = {}
    with ExitStack() as stack:
        mounts = {"unsealed_read": stack.enter_context(ours(folder, where))}
        if juicefs_program() is not None:
            mounts["juicefs_first_read"] = stack.enter_context(
                juicefs(folder, where, "--cache-large-write")
            )
        for number in range(rounds):
            for name, one in mounts.items():
                file = one.point / f"first-{number}.bin"
                write_file(file, size_bytes, seed=number)
                os.sync()
                forget(file)
                speed = size_bytes / read_s(file) / _GB
                figures[f"{name}_gb_s"] = max(speed, figures.get(f"{name}_gb_s", 0.0))
                file.unlink()
    if len(mounts) > 1:
        rival = figures["juicefs_first_read_gb_s"]
        figures["unsealed_read_over_juicefs"] = figures["unsealed_read_gb_s"] / rival
    return figures


def reading(folder: Path, where: Where, *, size_bytes: int, rounds: int) -> Figures:
    """Sealed reads and maps."""
    with ours(folder, where) as mount:
        file = mount.point / "model.bin"
        write_file(file, size_bytes)
        read_s(file)
        blob = sealed_blob(mount, size_bytes)
        read_s(blob)
        told = _rounds(
            3 * rounds,  # these take milliseconds, in which other work is soon in the way
            file,
            read=lambda: read_s(file),
            direct=lambda: read_s(blob),
            map=lambda: mmap_s(file),
            map_direct=lambda: mmap_s(blob),
        )
    figures = {
        "sealed_read_gb_s": size_bytes / told["read"] / _GB,
        "direct_read_gb_s": size_bytes / told["direct"] / _GB,
        "sealed_read_ratio": told["direct"] / told["read"],
        "sealed_mmap_gb_s": size_bytes / told["map"] / _GB,
        "direct_mmap_gb_s": size_bytes / told["map_direct"] / _GB,
        "sealed_mmap_ratio": told["map_direct"] / told["map"],
    }
    if juicefs_program() is not None:
        figures |= _rival(folder, where, size_bytes, rounds)
        for kind in ("read", "mmap"):
            rival = figures[f"juicefs_{kind}_gb_s"]
            figures[f"sealed_{kind}_over_juicefs"] = figures[f"sealed_{kind}_gb_s"] / rival
    return figures


def _rival(folder: Path, where: Where, size_bytes: int, rounds: int) -> Figures:
    # What it writes is in its cache only with this option, as it always is in ours.
    with juicefs(folder, where, "--cache-large-write") as mount:
        file = mount.point / "model.bin"
        write_file(file, size_bytes)
        told = _rounds(rounds, file, read=lambda: read_s(file), map=lambda: mmap_s(file))
    return {
        "juicefs_read_gb_s": size_bytes / told["read"] / _GB,
        "juicefs_mmap_gb_s": size_bytes / told["map"] / _GB,
    }
