"""Learns the facts of a mount: from the kernel, its virtual files, its process, engine and store."""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from dfcore.errors import MeganeuraError
from dffs.control.client import ask
from dffs.control.places import MountedPath
from dffs.doctor.judge import Facts, Faults, FileFacts

T = TypeVar("T")
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "ceph", "9p"}
_FILES = 200


class Gatherer:
    """The facts of one mount. What cannot be learnt is noted, not raised."""

    def __init__(self, mounted: MountedPath) -> None:
        self._mounted = mounted
        self._problems: list[str] = []

    def facts(self, pid: int | None, seconds: float) -> Facts:
        """All of them; `pid` is a process whose load is looked at for some seconds."""
        config = self._try("configuration", self._config) or {}
        stats = self._try("figures", self._stats) or {}
        cache = config.get("cache") or {}
        dirs = tuple(str(one) for one in cache.get("dirs", ())) if "cache" in config else None
        latency = self._try("latencies", self._latency) or {}
        return Facts(
            kernel=kernel_version(platform.release()),
            is_root_mount=self._try("mount", self._root_mount),
            passthrough_wanted=config.get("passthrough"),
            passthrough_files=stats.get("passthrough_files"),
            read_ahead_kib=self._try("readahead", self._read_ahead),
            engine_ms=latency.get("engine_ms"),
            engine=str(config.get("meta", "")).partition(":")[0],
            object_ms=latency.get("object_ms"),
            cache_dirs=dirs,
            cache_free_ratio=self._try("cache", lambda: _free_ratio(dirs)) if dirs else None,
            cache_on_network=self._try("cache", lambda: _on_network(dirs)) if dirs else None,
            daemon=self._try("daemon", lambda: _has_daemon(config)) if config else None,
            files=tuple(self._try("files", self._files) or ()),
            faults=self._try("process", lambda: faults_of(pid, seconds)) if pid else None,
            problems=tuple(self._problems),
        )

    def _try(self, what: str, call: Callable[[], T]) -> T | None:
        try:
            return call()
        except (OSError, MeganeuraError, ValueError) as error:
            self._problems.append(f"{what} could not be learnt: {error}")
            return None

    def _config(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self._mounted.point / ".config").read_text())
        return found

    def _stats(self) -> dict[str, float]:
        rows = (self._mounted.point / ".stats").read_text().split("\n")
        return {row.split()[0]: float(row.split()[1]) for row in rows if " " in row}

    def _latency(self) -> dict[str, Any]:
        return ask(self._mounted, "latency", {})

    def _read_ahead(self) -> int:
        path = Path(f"/sys/class/bdi/0:{self._mounted.minor}/read_ahead_kb")
        return int(path.read_text())

    def _root_mount(self) -> bool:
        return self._mounted.owner == 0

    def _files(self) -> list[FileFacts]:
        path = {"path": self._mounted.inner, "limit": _FILES}
        told = ask(self._mounted, "cached", path)
        return [
            FileFacts(one["path"], one["size_bytes"], one["cached_bytes"]) for one in told["files"]
        ]


def _has_daemon(config: dict[str, Any]) -> bool | None:
    if "daemon_socket" not in config:
        return None
    socket = config["daemon_socket"]
    return bool(socket) and Path(str(socket)).is_socket()


def kernel_version(release: str) -> tuple[int, int] | None:
    """Major and minor of `6.18.44-generic`."""
    match = re.match(r"(\d+)\.(\d+)", release)
    return (int(match[1]), int(match[2])) if match else None


def _free_ratio(dirs: tuple[str, ...]) -> float:
    ratios = []
    for folder in dirs:
        told = os.statvfs(folder)
        ratios.append(told.f_bavail / max(told.f_blocks, 1))
    return min(ratios)


def _on_network(dirs: tuple[str, ...]) -> bool:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    kinds = {line.split()[4]: line.partition(" - ")[2].split()[0] for line in lines}
    for folder in dirs:
        points = [point for point in kinds if Path(folder).is_relative_to(point)]
        if points and kinds[max(points, key=len)] in _NETWORK:
            return True
    return False


def faults_of(pid: int, seconds: float) -> Faults:
    """Look at a process for some seconds."""
    before, read_before, then = _major_faults(pid), _read_bytes(pid), time.monotonic()
    time.sleep(seconds)
    after, read_after = _major_faults(pid), _read_bytes(pid)
    spent = time.monotonic() - then
    return Faults(pid, (after - before) / spent, (read_after - read_before) / spent)


def _major_faults(pid: int) -> int:
    # Fields are counted after the command, which may hold spaces and brackets.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[9])


def _read_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("rchar:"):
            return int(line.split()[1])
    return 0
