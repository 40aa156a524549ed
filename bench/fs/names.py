"""How many names a second: create, stat, readdir with stat, unlink, on each engine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.fs.mounts import Mount, Where, drop_caches, juicefs, juicefs_program, ours
from bench.fs.reading import Figures

VERBS = ("create", "stat", "readdir", "unlink")


def names(folder: Path, engine: str, where: Where, *, count: int, rounds: int) -> Figures:
    """Figures of one engine: `create_per_s_sqlite` and so on, and ours over the rival's.

    By turns; the best round of each counts, because whatever else runs here only slows.
    """
    with ExitStack() as stack:
        mounts = [stack.enter_context(ours(folder, where))]
        if juicefs_program() is not None:
            mounts.append(stack.enter_context(juicefs(folder, where)))
        best: list[dict[str, float]] = [{} for _ in mounts]
        for _ in range(rounds):
            for mount, rates in zip(mounts, best, strict=True):
                for verb, rate in _rates(mount, count).items():
                    rates[verb] = max(rate, rates.get(verb, 0.0))
    figures = {f"{verb}_per_s_{engine}": best[0][verb] for verb in VERBS}
    for theirs in best[1:]:
        for verb in VERBS:
            figures[f"{verb}_over_juicefs_{engine}"] = best[0][verb] / theirs[verb]
    return figures


def _rates(mount: Mount, count: int) -> dict[str, float]:
    folder = mount.point / "names"
    folder.mkdir()
    files = [folder / f"file-{number:06d}" for number in range(count)]
    rates = {}
    rates["create"] = count / _spent(lambda: [_create(file) for file in files])
    drop_caches()
    rates["stat"] = count / _spent(lambda: [file.stat() for file in files])
    drop_caches()
    rates["readdir"] = count / _spent(
        lambda: [entry.stat(follow_symlinks=False) for entry in os.scandir(folder)]
    )
    rates["unlink"] = count / _spent(lambda: [file.unlink() for file in files])
    folder.rmdir()
    return rates


def _create(file: Path) -> None:
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))


def _spent(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
