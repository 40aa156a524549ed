"""A Range makes the whole file come, in the background, if the configuration or the client says so.

Dragonfly's prefetch: whoever reads a part of a model will want the rest. One per task at a time,
and not many at once. Called by the server after it has decided to serve a range.
"""

from __future__ import annotations

from dfcore.errors import MeganeuraError
from dfdaemon.task.service import TaskService
from dfdaemon.task.spec import TaskSpec
from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger

_log = get_logger("proxy")


class Prefetcher:
    """Reads whole tasks that nobody waits for."""

    def __init__(self, tasks: TaskService, *, at_once: int = 8) -> None:
        self._tasks = tasks
        self._at_once = at_once
        self._jobs = JobGroup("prefetch")
        self._under_way: set[str] = set()

    def start(self, spec: TaskSpec) -> None:
        """Begin, unless it is under way or enough others are."""
        if spec.task_id in self._under_way or len(self._under_way) >= self._at_once:
            return
        self._under_way.add(spec.task_id)
        self._jobs.spawn(self._fetch(spec), name=spec.task_id[:12])

    async def aclose(self) -> None:
        """Leave all that is under way."""
        await self._jobs.cancel_all()

    async def _fetch(self, spec: TaskSpec) -> None:
        try:
            handle = await self._tasks.open(spec)
            try:
                await handle.finished()
            finally:
                await handle.aclose()
        except MeganeuraError as error:
            _log.info("prefetch ended", task=spec.task_id, error=str(error))
        finally:
            self._under_way.discard(spec.task_id)
