"""The only place that makes asyncio tasks, which this project calls jobs.

The loop keeps weak references only, and nobody looks at a failed task that is not awaited.
Here every job has a name, is kept referenced until it ends, and its error is logged or
handed to ``on_error``. A *vital* job is one without which the process is of no use: its
end is reported to the lifecycle, which ends the process. Every package calls this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self, TypeVar

from dfinfra.logs import get_logger

T = TypeVar("T")
ErrorHandler = Callable[[BaseException], None]
CrashHandler = Callable[[str, BaseException], None]

_log = get_logger("jobs")
_running: set[asyncio.Task[Any]] = set()
_crash_handler: ContextVar[CrashHandler | None] = ContextVar("crash_handler", default=None)


class VitalJobError(RuntimeError):
    """A vital job returned, which it never should do."""


def spawn(
    coro: Coroutine[Any, Any, T],
    *,
    name: str,
    on_error: ErrorHandler | None = None,
    vital: bool = False,
) -> asyncio.Task[T]:
    """Start a job on the running loop.

    ``on_error`` gets the exception of a failed job (never a cancellation); without it the
    failure is logged. The end of a vital job, other than by cancellation, is a crash.
    """
    job = asyncio.get_running_loop().create_task(coro, name=name)
    _running.add(job)
    crashed = _crash_handler.get() if vital else None

    def finished(done: asyncio.Task[T]) -> None:
        _running.discard(done)
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            _report(name, error, on_error)
        if vital:
            _crash(name, error or VitalJobError(f"job {name} returned"), crashed)

    job.add_done_callback(finished)
    return job


def on_crash(handler: CrashHandler) -> None:
    """Make ``handler`` hear of vital jobs that this context and its children start."""
    _crash_handler.set(handler)


def running() -> list[str]:
    """Names of the jobs that have not ended yet, for diagnosis and tests."""
    return sorted(job.get_name() for job in _running)


def _report(name: str, error: BaseException, on_error: ErrorHandler | None) -> None:
    if on_error is not None:
        on_error(error)
    else:
        _log.error("job failed", job=name, exc_info=error)


def _crash(name: str, error: BaseException, handler: CrashHandler | None) -> None:
    if handler is not None:
        handler(name, error)
    else:
        _log.critical("vital job ended", job=name, error=repr(error))


class JobGroup:
    """Jobs that end with their owner.

    As a context manager it waits for its jobs, or cancels them if the block failed. A
    service keeps one and calls :meth:`cancel_all` in its ``stop``.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._jobs)

    def spawn(
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: str,
        on_error: ErrorHandler | None = None,
        vital: bool = False,
    ) -> asyncio.Task[T]:
        """Start a job that belongs to this group."""
        job = spawn(coro, name=f"{self._name}/{name}", on_error=on_error, vital=vital)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return job

    async def cancel_all(self) -> None:
        """Cancel every job and wait until all have ended. The caller's own job is spared."""
        while others := self._others():
            for job in others:
                job.cancel()
            await asyncio.wait(others)

    async def join(self) -> None:
        """Wait until every job has ended, those included that start meanwhile."""
        while others := self._others():
            await asyncio.wait(others)

    def _others(self) -> set[asyncio.Task[Any]]:
        # A job that has ended leaves the group one tick later: do not wait for it again.
        me = asyncio.current_task()
        return {job for job in self._jobs if job is not me and not job.done()}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                await self.join()
            finally:
                await self.cancel_all()
        else:
            await self.cancel_all()
