"""Counts and times of a mount's requests, and the text of its file `.stats`.

The text is one `name value` per line, all numbers growing unless they are called so: uptime_seconds,
cpu_seconds_total, memory_bytes (gauge), threads (gauge), open_handles (gauge), locks_waiting (gauge),
passthrough_files (gauge), fuse_requests_total, fuse_request_seconds_total, fuse_read_bytes_total,
fuse_written_bytes_total, per kind fuse_OP_total and fuse_OP_seconds_total, and what other parts of
the process add under prefixes of their own. `dffs stats` reads it once a second.
"""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable, Mapping

from dffs.fuse.operations import Request
from dffs.fuse.wire import OPCODES, Opcode

Source = Callable[[], Mapping[str, float]]

_READ, _WRITE = int(Opcode.READ), int(Opcode.WRITE)
_WRITE_HEAD = 40


class OpStats:
    """Counts by opcode. `record` is called for every request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = [0] * OPCODES
        self._seconds = [0.0] * OPCODES
        self._errors = 0
        self._read_bytes = 0
        self._written_bytes = 0
        self._began = time.monotonic()
        self._sources: list[tuple[str, Source]] = []

    def add_source(self, prefix: str, source: Source) -> None:
        """Figures of another part, shown as prefix + name."""
        self._sources.append((prefix, source))

    def record(
        self, request: Request, body: memoryview, taken_s: float, error: int, size: int
    ) -> None:
        """One request that was answered."""
        opcode = request.opcode
        if opcode >= OPCODES:
            return
        with self._lock:
            self._counts[opcode] += 1
            self._seconds[opcode] += taken_s
            if error:
                self._errors += 1
            elif opcode == _READ:
                self._read_bytes += size
            elif opcode == _WRITE:
                self._written_bytes += len(body) - _WRITE_HEAD

    def figures(self) -> dict[str, float]:
        """Every figure by its name."""
        with self._lock:
            counts, seconds = list(self._counts), list(self._seconds)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        figures: dict[str, float] = {
            "uptime_seconds": time.monotonic() - self._began,
            "cpu_seconds_total": usage.ru_utime + usage.ru_stime,
            "memory_bytes": _resident_bytes(),
            "threads": threading.active_count(),
            "fuse_requests_total": sum(counts),
            "fuse_request_seconds_total": sum(seconds),
            "fuse_errors_total": self._errors,
            "fuse_read_bytes_total": self._read_bytes,
            "fuse_written_bytes_total": self._written_bytes,
        }
        for opcode in Opcode:
            if counts[opcode]:
                figures[f"fuse_{opcode.name.lower()}_total"] = counts[opcode]
                figures[f"fuse_{opcode.name.lower()}_seconds_total"] = seconds[opcode]
        for prefix, source in self._sources:
            figures.update((prefix + name, value) for name, value in source().items())
        return figures

    def text(self) -> bytes:
        """The file `.stats`."""
        rows = (f"{name} {_number(value)}\n" for name, value in self.figures().items())
        return "".join(rows).encode()


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6f}"


def _resident_bytes() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
