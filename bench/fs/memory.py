"""Resident memory of the mount's process after it has shown many names and moved many bytes."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from bench.fs.mounts import Mount, Where, drop_caches, ours
from bench.fs.reading import Figures, read_s, write_file
from dffs.meta.fs import open_meta
from dffs.meta.types import ROOT_CALLER, ROOT_INO, FileKind

_MIB = 1 << 20
_PER_FOLDER = 1000


def memory(folder: Path, where: Where, fast: Path, *, files: int, read_bytes: int) -> Figures:
    """MiB at the start, after walking, after reading. The reads go through the process (no
    passthrough), which is the dearer way."""
    with ours(folder, where, "--no-passthrough", cache=fast / "cache-memory") as mount:
        started = _rss_mib(mount)
        _make_names(where.ours, files)
        seen = sum(len(names) for _, _, names in os.walk(mount.point))
        if seen < files:
            raise RuntimeError(f"{seen} of {files} files were seen")
        walked = _rss_mib(mount)
        size = min(read_bytes, 1024 * _MIB)
        write_file(mount.point / "big", size)
        done = 0
        while done < read_bytes:
            drop_caches()
            read_s(mount.point / "big")
            done += size
        return {
            "rss_mib_start": started,
            "rss_mib_walked": walked,
            "rss_mib_read": _rss_mib(mount),
        }


def _make_names(url: str, count: int) -> None:
    meta = open_meta(url)
    try:
        for number in range(count):
            if number % _PER_FOLDER == 0:
                name = b"d%d" % (number // _PER_FOLDER)
                parent = meta.mkdir(ROOT_CALLER, ROOT_INO, name, 0o755).ino
            meta.mknod(ROOT_CALLER, parent, b"f%d" % number, FileKind.FILE, 0o644)
    finally:
        meta.close()


def _rss_mib(mount: Mount) -> float:
    return float(psutil.Process(mount.pid).memory_info().rss) / _MIB
