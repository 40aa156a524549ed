"""How fast a large file is written to a real S3 server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.fs.mounts import Where, juicefs, juicefs_program, ours
from bench.fs.reading import Figures, write_file
from tests.servers.processes import SeaweedFS


def writing(folder: Path, where: Where, *, size_bytes: int) -> Figures:
    """MB/s until fsync has returned; each to a bucket of its own."""
    with SeaweedFS(folder / "s3") as server:
        figures = {"write_s3_mb_s": _one(folder, where, server, "ours", size_bytes)}
        if juicefs_program() is not None:
            rival = _one(folder, where, server, "juicefs", size_bytes)
            figures["juicefs_write_s3_mb_s"] = rival
            figures["write_s3_over_juicefs"] = figures["write_s3_mb_s"] / rival
    return figures


def _one(folder: Path, where: Where, server: SeaweedFS, who: str, size_bytes: int) -> float:
    bucket = f"{server.url}/{server.create_bucket(f'bench-{who}')}"
    there = replace(
        where,
        storage="s3",
        bucket=bucket,
        access_key=server.access_key,
        secret_key=server.secret_key,
    )
    opened = ours if who == "ours" else juicefs
    with opened(folder, there) as mount:
        # The server makes room for a bucket when its first objects come.
        write_file(mount.point / "first", min(size_bytes, 64 << 20), seed=2)
        return size_bytes / write_file(mount.point / "big", size_bytes, seed=1) / 1e6
