"""How the demo looks: a bar per node while it runs, a table at the end.

On a terminal the bars move; elsewhere (a log, a pipe) a line per node is printed now and then.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from demo.stage import HostResult, Result
from dfcore.quantities import format_size
from tests.swarm.figures import Traffic

PLAIN_EVERY_S = 2.0


class Screen:
    """The audience of ``stage.play``."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TextColumn("{task.fields[sources]}", style="dim"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._bars: dict[str, TaskID] = {}
        self._step: TaskID | None = None
        self._total_bytes = 1
        self._said: dict[str, tuple[float, str]] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def step(self, text: str) -> None:
        """Say what begins."""
        self._console.print(f"• {text}")

    def downloading(self, total_bytes: int, names: list[str]) -> None:
        """Show a bar per host."""
        self._total_bytes = total_bytes
        self.step(
            f"the nodes download {format_size(total_bytes)}, all at once, with huggingface_hub"
        )
        for name in names:
            self._bars[name] = self._progress.add_task(name, total=total_bytes, sources="")

    def progress(self, name: str, traffic: Traffic, *, done: bool) -> None:
        """Move a bar."""
        sources = _sources(traffic)
        self._progress.update(
            self._bars[name], completed=min(traffic.total, self._total_bytes), sources=sources
        )
        if not self._console.is_terminal and (done or self._is_time(name, sources)):
            percent = min(100 * traffic.total / self._total_bytes, 100)
            self._console.print(f"  {name} {percent:3.0f} %  {sources}", soft_wrap=True)

    def table(self, result: Result) -> None:
        """Show where every byte came from."""
        table = Table(title=f"{format_size(result.total_bytes)} on {len(result.nodes)} nodes")
        table.add_column("host")
        for title in ("from origin", "from seed", "from peers", "local", "seconds"):
            table.add_column(title, justify="right")
        table.add_column("sha256")
        for host in result.seeds:
            table.add_row(*_row(host), "", "")
        for host in result.nodes:
            seconds = "" if host.seconds is None else f"{host.seconds:.1f}"
            table.add_row(*_row(host), seconds, "ok" if host.verified else "WRONG")
        self._console.print(table)
        self._console.print(
            f"the origin sent {format_size(result.origin_bytes)}"
            f" = {result.origin_ratio:.2f} x {format_size(result.total_bytes)}"
        )

    def _is_time(self, name: str, text: str) -> bool:
        now = time.monotonic()
        before, said = self._said.get(name, (0.0, ""))
        if text == said or now - before < PLAIN_EVERY_S:
            return False
        self._said[name] = (now, text)
        return True


def _sources(traffic: Traffic) -> str:
    parts = {"origin": traffic.origin, "seed": traffic.seed, "peers": traffic.peer}
    return "  ".join(f"{name} {format_size(size)}" for name, size in parts.items() if size)


def _row(host: HostResult) -> tuple[str, ...]:
    traffic = host.traffic
    sizes = (traffic.origin, traffic.seed, traffic.peer, traffic.local)
    return (host.name, *(format_size(size) for size in sizes))
