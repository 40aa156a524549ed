"""Looks on while the manager does a job, by its stream of events.

On a terminal a bar for all of it, one for each of its hosts, and one for each file on a host that is at
work; what failed is told as it happens. Elsewhere, unless it shall be quiet, one line for each step.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from dfcore.errors import Unavailable
from dfdaemon.cli.job_api import ManagerApi
from dfdaemon.cli.tables import size

AGAIN_S = 0.5
ATTEMPTS = 20
"""So often in a row the manager may be away: another replica goes on with the job meanwhile."""
MOST_HOSTS, MOST_STEPS = 20, 8
Json = dict[str, Any]


async def follow(api: ManagerApi, job_id: int, *, quiet: bool) -> Json:
    """Wait until the job is over and return it; tells on stderr how far it is."""
    console = Console(stderr=True, soft_wrap=True)
    if quiet:
        return await _told(api, job_id, _Silence())
    if not console.is_terminal:
        return await _told(api, job_id, _Lines(console))
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
    )
    with progress:
        return await _told(api, job_id, _Bars(progress))


class _Listener(Protocol):
    def job(self, job: Json) -> None: ...

    def step(self, step: Json) -> None: ...


async def _told(api: ManagerApi, job_id: int, listener: _Listener) -> Json:
    last, failures = "", 0
    while True:
        try:
            async for event in _events(api, job_id, last):
                last, failures = event.id, 0
                if event.name == "step":
                    listener.step(event.data)
                else:
                    listener.job(event.data)
                if event.name == "over":
                    return event.data
        except Unavailable:
            failures += 1
            if failures == ATTEMPTS:
                raise
        await asyncio.sleep(AGAIN_S)


@dataclass(frozen=True, slots=True)
class _Event:
    name: str
    id: str
    data: Json


async def _events(api: ManagerApi, job_id: int, last: str) -> AsyncIterator[_Event]:
    """The stream, until it ends or breaks. Raises what the manager says."""
    fields: dict[str, str] = {}
    async for line in api.lines(f"/api/v1/jobs/{job_id}/events", {"Last-Event-ID": last}):
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif "data" in fields:
            data = api.parsed(fields["data"])
            yield _Event(fields.get("event", ""), fields.get("id", ""), data)
            fields = {}
        else:
            fields = {}


class _Silence:
    def job(self, job: Json) -> None:
        """Nothing."""

    def step(self, step: Json) -> None:
        """Nothing."""


class _Lines:
    """One line for each step that is over: for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def job(self, job: Json) -> None:
        """Nothing: what it comes to is told at the end."""

    def step(self, step: Json) -> None:
        """A line, if the step is over."""
        if step["state"] not in ("pending", "running"):
            self._console.print(Text(step_line(step)))


class _Bars:
    """Bars, and a line for what failed."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._all = progress.add_task("waiting", total=None)
        self._hosts: dict[str, TaskID] = {}
        self._steps: dict[tuple[str, str], TaskID] = {}
        self._known: dict[str, dict[str, Json]] = defaultdict(dict)

    def job(self, job: Json) -> None:
        """Show the job as it is now."""
        sums = job["progress"]
        self._progress.update(
            self._all,
            description=_line(job),
            completed=sums["done_bytes"],
            total=sums["total_bytes"] or None,
        )

    def step(self, step: Json) -> None:
        """Show the step, and what it makes of its host."""
        host, file = step["hostname"], step["file"]
        if step["state"] == "failed":
            self._progress.console.print(Text(step_line(step)))
        self._show_host(host, step)
        key = host, file
        if step["state"] == "running" and (key in self._steps or len(self._steps) < MOST_STEPS):
            if key not in self._steps:
                self._steps[key] = self._progress.add_task("", total=None)
            self._progress.update(
                self._steps[key],
                description=f"    {file}",
                completed=step["done_bytes"],
                total=step["size_bytes"] or None,
            )
        elif key in self._steps and step["state"] != "running":
            self._progress.remove_task(self._steps.pop(key))

    def _show_host(self, host: str, step: Json) -> None:
        if host not in self._hosts:
            if len(self._hosts) >= MOST_HOSTS:
                return
            self._hosts[host] = self._progress.add_task(f"  {host}", total=None)
        known = self._known[host]
        known[step["file"]] = step
        done = sum(one["state"] == "done" for one in known.values())
        total = sum(max(one["size_bytes"] or 0, one["done_bytes"]) for one in known.values())
        self._progress.update(
            self._hosts[host],
            description=f"  {host}  {done} files",
            completed=sum(one["done_bytes"] for one in known.values()),
            total=total or None,
        )


def step_line(step: Json) -> str:
    """A step that is over, in one line."""
    where = f"{step['hostname']}: {step['file']}"
    if step["state"] == "done":
        return f"{where}: done, {size(step['done_bytes'])} in {step['took_ms'] / 1000:.1f} s"
    return f"{where}: {step['state']}" + (f": {step['error']}" if step["error"] else "")


def _line(job: Json) -> str:
    sums = job["progress"]
    if job["phase"] == "PENDING":
        return "waiting for a manager"
    if not sums["total_steps"]:
        return "asking the origin what there is"
    failed = f", {sums['failed_steps']} failed" if sums["failed_steps"] else ""
    return f"{sums['done_steps']} of {sums['total_steps']} done{failed}"
