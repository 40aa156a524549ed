"""What the console brings to the manager: its pages, and the collector of live state."""

from __future__ import annotations

from manager.console.server import Console
from manager.console.targets import active_schedulers
from manager.console.views import PAGES
from manager.observe.collector import Collector, Pace, Targets
from manager.observe.source import GrpcSource, Source
from manager.parts import Core, Part


def part(
    core: Core,
    source: Source | None = None,
    targets: Targets | None = None,
    pace: Pace | None = None,
) -> Part:
    """Routes and services. Tests bring a swarm of their own."""
    collector = Collector(
        targets or active_schedulers(core.database),
        source or GrpcSource(core.channels),
        core.clock,
        pace,
    )
    console = Console(collector, lambda: core.table)
    return Part(routes=console.routes(PAGES), services=(collector,))
