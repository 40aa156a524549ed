"""Jobs as a part of the manager: what ``manager.app`` asks for."""

from __future__ import annotations

from manager.jobs.means import dispatching, means, unlocking
from manager.parts import Core, Part
from manager.rest import jobs


def part(core: Core) -> Part:
    """Routes and services of jobs."""
    shared = means(core)
    return Part(
        routes=jobs.routes(shared),
        services=(unlocking(shared), dispatching(shared)),
    )
