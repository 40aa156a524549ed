"""Downloads by curl, and what they took; CPU and memory of processes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

SWARM_HEADER = "X-Dragonfly-Use-P2P: true"
_FORMAT = (
    '{"status": %{http_code}, "first_byte_s": %{time_starttransfer}, '
    '"total_s": %{time_total}, "size_bytes": %{size_download}}'
)


@dataclass(frozen=True)
class Fetched:
    """One download by curl. Times in seconds from the start of the request."""

    status: int
    first_byte_s: float
    total_s: float
    size_bytes: int

    @property
    def bytes_s(self) -> float:
        return self.size_bytes / self.total_s


def start_curl(
    url: str, *, proxy: str | None = None, prefix: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """A curl under way that throws the body away."""
    command = [
        *prefix,
        "curl",
        "-sS",
        "-o",
        "/dev/null",
        "-w",
        _FORMAT,
        "--noproxy",
        "",
        "-m",
        "600",
    ]
    if proxy is not None:
        command += ["-x", proxy, "-H", SWARM_HEADER]
    return subprocess.Popen([*command, url], stdout=subprocess.PIPE, text=True)


def ended(curl: subprocess.Popen[str]) -> Fetched:
    """What a curl took. Raises RuntimeError if it failed."""
    out, _ = curl.communicate()
    if curl.returncode:
        raise RuntimeError(f"curl ended with {curl.returncode}")
    fetched = Fetched(**json.loads(out))
    if fetched.status != 200:
        raise RuntimeError(f"the answer was {fetched.status}")
    return fetched


def fetch(url: str, *, proxy: str | None = None) -> Fetched:
    return ended(start_curl(url, proxy=proxy))


def cpu_s(pids: Sequence[int]) -> float:
    """User and system seconds that the processes have used so far."""
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)
