"""What all tests share: whole swarms that clean up after themselves, a limit of time, and proof that
nothing is left.

A test that is skipped because a client or a program is missing is counted aloud at the end: a run
that skipped them has not shown what it should.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import psutil
import pytest
from pytest_timeout import timeout_timer

from tests.standin.process import StandInProcess
from tests.swarm.swarm import Swarm

SwarmMaker = Callable[..., Swarm]
_SWARMS = pytest.StashKey[list[Swarm]]()
_STDERR = pytest.StashKey[TextIO]()


def pytest_configure(config: pytest.Config) -> None:
    """`kill -USR1 <pid>` prints every thread's stack: for a run that hangs."""
    # A copy of stderr as it is before tests are captured.
    config.stash[_STDERR] = os.fdopen(os.dup(2), "w")
    faulthandler.register(signal.SIGUSR1, file=config.stash[_STDERR], all_threads=True)


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool:
    """A test that hangs ends its worker, with every job's and thread's stack: no signal gets through
    to a loop that waits in C, and none to a thread that waits for a file system."""

    def too_late() -> None:
        stderr = item.config.stash[_STDERR]
        print(f"not done after {settings.timeout:g} s: {item.nodeid}", file=stderr)
        for job in (found for found in gc.get_objects() if isinstance(found, asyncio.Task)):
            if not job.done():
                job.print_stack(file=stderr)
        stderr.flush()
        faulthandler.dump_traceback(file=stderr, all_threads=True)
        timeout_timer(item, settings)

    timer = threading.Timer(settings.timeout, too_late)
    timer.daemon = True
    timer.start()

    def cancel() -> None:
        timer.cancel()
        timer.join()

    item.cancel_timeout = cancel  # type: ignore[attr-defined]
    return True


@pytest.fixture(autouse=True, scope="module")
def _nothing_left() -> Iterator[None]:
    """A test module leaves no child process behind, and its garbage is collected under its name."""
    before = {child.pid for child in psutil.Process().children()}
    yield
    gc.collect()
    left = [child for child in psutil.Process().children() if child.pid not in before]
    assert not left, f"processes left running: {[(p.pid, p.name()) for p in left]}"


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[StandInProcess]:
    """A stand-in Hub as a process, empty."""
    with StandInProcess(tmp_path / "standin") as process:
        yield process


@pytest.fixture
def start_swarm(
    request: pytest.FixtureRequest, tmp_path: Path, standin: StandInProcess
) -> Iterator[SwarmMaker]:
    """Starts swarms (the options of ``Swarm``) against the stand-in; all stop at the end."""
    swarms = request.node.stash.setdefault(_SWARMS, [])

    def start(**options: Any) -> Swarm:
        options.setdefault("hub", standin.hub_url)
        swarm = Swarm(tmp_path / f"swarm-{len(swarms) + 1}", **options)
        swarms.append(swarm)
        swarm.start()
        return swarm

    yield start
    for swarm in swarms:
        swarm.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failed test shows the last words of its daemons, and keeps their logs if asked to.

    MEGANEURA_TEST_LOGS names the folder.
    """
    report: pytest.TestReport = yield
    if report.failed:
        for swarm in item.stash.get(_SWARMS, []):
            report.sections.append((f"swarm in {swarm.folder}", swarm.tails()))
            if kept := os.environ.get("MEGANEURA_TEST_LOGS"):
                swarm.collect_logs(Path(kept) / item.name)
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say aloud what was not tested, and why."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        where = report.longrepr
        reasons[where[2] if isinstance(where, tuple) else str(where)] += 1
    if not reasons:
        return
    terminalreporter.section(f"{sum(reasons.values())} NOT TESTED", yellow=True, bold=True)
    for reason, count in reasons.most_common():
        terminalreporter.line(f"{count:5}  {reason}")
