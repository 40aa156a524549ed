"""How fast a large file is written to a real S3 server."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.fs.mounts import Where, juicefs, juicefs_program, ours, settle
from bench.fs.reading import Figures, write_file
from tests.servers.processes import SeaweedFS


def writing(folder: Path, where: Where, fast: Path, *, size_bytes: int, rounds: int) -> Figures:
    """MB/s until fsync has returned; by turns, each to a bucket of its own, the best round of each.

    Both keep what they write in their caches, which lie in memory: the server has the disk. Ours puts
    a file together after it is closed; that is waited for before the rival has its turn.
    """
    with SeaweedFS(folder / "s3") as server, ExitStack() as stack:
        there = _there(where, server, "ours")
        mounts = {"": stack.enter_context(ours(folder, there, cache=fast / "cache-writing"))}
        if juicefs_program() is not None:
            there = _there(where, server, "juicefs")
            cache = fast / "cache-writing-juicefs"
            mounts["juicefs_"] = stack.enter_context(
                juicefs(folder, there, "--cache-large-write", cache=cache)
            )
        best = dict.fromkeys(mounts, 0.0)
        for mount in mounts.values():
            # The server makes room for a bucket when its first objects come.
            write_file(mount.point / "first", min(size_bytes, 64 << 20), seed=1)
        for number in range(rounds):
            for name, mount in mounts.items():
                settle(mounts.values())
                spent = write_file(mount.point / "big", size_bytes, seed=2 + number)
                best[name] = max(best[name], size_bytes / spent / 1e6)
    figures = {f"{name}write_s3_mb_s": speed for name, speed in best.items()}
    if "juicefs_" in best:
        figures["write_s3_over_juicefs"] = best[""] / best["juicefs_"]
    return figures


def _there(where: Where, server: SeaweedFS, who: str) -> Where:
    return replace(
        where,
        storage="s3",
        bucket=f"{server.url}/{server.create_bucket(f'bench-{who}')}",
        access_key=server.access_key,
        secret_key=server.secret_key,
    )
