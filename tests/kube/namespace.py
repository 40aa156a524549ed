"""A network namespace of its own for everything that opens ports: docker's bridge, a cluster.

It has its own loopback, bridges and firewall, and no way out, so that nothing meets the machine's own
network and all of it is gone with the namespace. Programs enter by ``nsenter``, which leaves mounts
as they are.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self


class Namespace:
    """Made when entered, deleted when left, together with the processes that were started in it."""

    def __init__(self, name: str) -> None:
        self.name = f"{name}-{os.getpid()}"
        self.path = Path("/run/netns") / self.name
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.run("ip", "link", "set", "lo", "up")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in reversed(self._processes):
            end(process)
        subprocess.run(["ip", "netns", "delete", self.name], check=False)

    def command(self, *words: str | Path) -> list[str]:
        """The command line that runs ``words`` in here."""
        return ["nsenter", f"--net={self.path}", *map(str, words)]

    def run(self, *words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run to the end; raises CalledProcessError."""
        return subprocess.run(self.command(*words), check=True, text=True, **options)

    def try_run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run to the end, quietly; the caller looks at the exit code and the output."""
        return subprocess.run(self.command(*words), check=False, text=True, capture_output=True)

    def start(
        self, words: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a process that is ended with the namespace, the last one first."""
        output: IO[bytes]
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command(*words),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if environment is None else {**os.environ, **environment},
                start_new_session=True,
                text=True,
            )
        self._processes.append(process)
        return process


def end(process: subprocess.Popen[str], patience_s: float = 30.0) -> None:
    """Ask a process to stop, and make it when it does not."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
