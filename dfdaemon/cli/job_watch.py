"""Looks on while the manager does a job: a bar for all of it, and one for each of its hosts."""

from __future__ import annotations

import asyncio
from typing import Any

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

from dfdaemon.cli.job_api import ManagerApi

POLL_S = 0.5
_OVER = ("SUCCESS", "FAILURE", "CANCELLED")


async def follow(api: ManagerApi, job_id: int, *, quiet: bool) -> dict[str, Any]:
    """Wait until the job is over and return it; shows bars if stderr is a terminal."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        return await _wait(api, job_id, None)
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
    )
    with progress:
        return await _wait(api, job_id, _Display(progress))


async def _wait(api: ManagerApi, job_id: int, display: _Display | None) -> dict[str, Any]:
    while True:
        job: dict[str, Any] = await api.ask("GET", f"/api/v1/jobs/{job_id}")
        if display is not None:
            hosts = await api.ask("GET", f"/api/v1/jobs/{job_id}/hosts", query={"per_page": 20})
            display.show(job, hosts)
        if job["phase"] in _OVER:
            return job
        await asyncio.sleep(POLL_S)


class _Display:
    """One bar for the job, and one for each of its first hosts while they are not too many."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._all = progress.add_task("waiting", total=None)
        self._hosts: dict[str, TaskID] = {}

    def show(self, job: dict[str, Any], hosts: list[dict[str, Any]]) -> None:
        """Show the job as it is now."""
        sums = job["progress"]
        self._progress.update(
            self._all,
            description=_line(job),
            completed=sums["done_bytes"],
            total=sums["total_bytes"] or None,
        )
        share = sums["total_bytes"] / max(1, len(hosts)) if len(hosts) < 20 else None
        for host in hosts if share is not None else ():
            name = host["hostname"]
            if name not in self._hosts:
                self._hosts[name] = self._progress.add_task(f"  {name}", total=None)
            self._progress.update(
                self._hosts[name],
                description=f"  {name}  {host['done_steps']} of {host['steps']} files",
                completed=host["done_bytes"],
                total=share or None,
            )


def _line(job: dict[str, Any]) -> str:
    sums = job["progress"]
    if job["phase"] == "PENDING":
        return "waiting for a manager"
    if not sums["total_steps"]:
        return "asking the origin what there is"
    failed = f", {sums['failed_steps']} failed" if sums["failed_steps"] else ""
    return f"{sums['done_steps']} of {sums['total_steps']} done{failed}"
