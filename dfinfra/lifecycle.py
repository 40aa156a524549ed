"""Starts and stops a process: signals, order, deadline, exit code.

A service's ``__main__`` is ``sys.exit(main_guard("scheduler", run_it))`` around
``run([grpc_server, admin, …], grace_s=…)``. Services start in list order and stop in
reverse. SIGTERM or SIGINT begins the stop, a second one cuts it short; a crashed vital job
(``jobs.spawn(vital=True)``) begins it too and makes the exit code 1. Works as PID 1.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Protocol

from dfcore.errors import MeganeuraError
from dfinfra import jobs
from dfinfra.logs import get_logger
from dfinfra.redact import redact_text

# After the deadline: what each remaining stop still gets, twice (to end, to be cancelled).
LAST_MOMENT_S = 0.2
# After all has stopped: what the interpreter gets to wind up.
LINGER_S = 3.0

_FIRST = asyncio.FIRST_COMPLETED
_USERS_MISTAKES = (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL)
_log = get_logger("lifecycle")


class Service(Protocol):
    """A part of a process that is started and stopped as a whole."""

    @property
    def name(self) -> str:
        """For logs."""
        ...

    async def start(self) -> None:
        """Returns when the service is ready for what comes after it in the list.

        A start that fails or is cancelled cleans up after itself: stop() is not called.
        """
        ...

    async def stop(self) -> None:
        """Finish what is under way and let go of everything. Cancelled at the deadline."""
        ...


class _Process:
    """What the signals and crashes of one process have brought about so far."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.hurried = asyncio.Event()
        self.exit_code = 0

    def on_signal(self, number: signal.Signals) -> None:
        if self.stopping.is_set():
            self.hurried.set()
        else:
            _log.info("stopping", signal=number.name)
            self.stopping.set()

    def on_crash(self, job: str, error: BaseException) -> None:
        _log.critical("vital job ended, stopping", job=job, error=str(error))
        self.exit_code = 1
        self.stopping.set()


async def run(
    services: Sequence[Service],
    *,
    grace_s: float = 30.0,
    ready_file: Path | None = None,
    on_ready: Callable[[], None] | None = None,
) -> int:
    """Run the services until a signal or a crash; returns the exit code.

    ``ready_file`` is written when all have started and removed when the stop begins;
    ``on_ready`` is called right after. An error of a start stops what has started
    and is raised.
    """
    process = _Process()
    _watch_signals(process)
    jobs.on_crash(process.on_crash)
    started: list[Service] = []
    try:
        if await _start_all(services, started, process):
            if ready_file is not None:
                ready_file.write_text(f"{os.getpid()}\n")
            if on_ready is not None:
                on_ready()
            await process.stopping.wait()
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
        if not await _stop_all(started, grace_s, process):
            process.exit_code = process.exit_code or 1
    return process.exit_code


def _watch_signals(process: _Process) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.on_signal, number)


async def _start_all(
    services: Sequence[Service], started: list[Service], process: _Process
) -> bool:
    """Start one after the other; False if a signal or crash came before the last was up."""
    stopping = jobs.spawn(process.stopping.wait(), name="wait for a signal")
    try:
        for service in services:
            job = jobs.spawn(service.start(), name=f"start {service.name}", on_error=_raised)
            await asyncio.wait({job, stopping}, return_when=_FIRST)
            if not job.done():
                job.cancel()
                await asyncio.wait({job})
            if job.cancelled():
                return False
            await job
            started.append(service)
            _log.debug("started", part=service.name)
            if process.stopping.is_set():
                return False
    finally:
        stopping.cancel()
    return True


async def _stop_all(started: Sequence[Service], grace_s: float, process: _Process) -> bool:
    """Stop in reverse order; False if the deadline or a second signal cut it short."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + grace_s
    hurried = jobs.spawn(process.hurried.wait(), name="wait for a second signal")
    in_time = True
    for service in reversed(started):
        job = jobs.spawn(service.stop(), name=f"stop {service.name}")
        if not hurried.done():
            left_s = max(deadline - loop.time(), 0.0)
            await asyncio.wait({job, hurried}, timeout=left_s, return_when=_FIRST)
        # Those that come after the deadline still get a moment to close their files.
        if not job.done() and not await _ends(job, LAST_MOMENT_S):
            in_time = False
            _log.warning("stop cut short", part=service.name)
            job.cancel()
            await _ends(job, LAST_MOMENT_S)
    hurried.cancel()
    return in_time


async def _ends(job: asyncio.Task[None], within_s: float) -> bool:
    done, _ = await asyncio.wait({job}, timeout=within_s)
    return bool(done)


def run_loop(main: Callable[[], Coroutine[Any, Any, int]], *, loop: str = "uvloop") -> int:
    """Run ``main`` on a new loop, ``uvloop`` or ``asyncio``; returns its exit code.

    Whatever hangs afterwards (a job that ignores its cancellation, a thread in a system
    call), the process ends within a few seconds.
    """
    code = 1
    with asyncio.Runner(loop_factory=_loop_factory(loop)) as runner:
        try:
            code = runner.run(main())
        finally:
            last_resort = threading.Timer(LINGER_S, os._exit, (code,))
            last_resort.daemon = True
            last_resort.start()
    return code


def _loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if name == "asyncio":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop


def main_guard(fn: Callable[[], int | None], *, prog: str | None = None) -> int:
    """Run ``fn`` and return the exit code; errors become one line ``<prog>: …`` on stderr.

    What is not ours to explain (a bug) is told with its traceback, without secrets.
    """
    name = prog or _prog()
    try:
        return fn() or 0
    except MeganeuraError as error:
        _say(f"{name}: {error}")
        return error.exit_code
    except OSError as error:
        if error.errno not in _USERS_MISTAKES:
            return _bug(name)
        what = error.strerror or str(error)
        _say(f"{name}: {what}" + (f": {error.filename}" if error.filename else ""))
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception:
        return _bug(name)


def _bug(name: str) -> int:
    text = redact_text(traceback.format_exc())
    sys.stderr.write(text)
    _say(f"{name}: {text.strip().splitlines()[-1]}")
    return 1


def _say(line: str) -> None:
    sys.stderr.write(redact_text(" ".join(line.split())) + "\n")


def _prog() -> str:
    path = Path(sys.argv[0])
    return path.parent.name if path.name == "__main__.py" else path.name


def _raised(_: BaseException) -> None:
    """A failed start is raised by run itself."""
