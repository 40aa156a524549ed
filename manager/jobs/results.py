"""Results of jobs in the shape that Dragonfly's manager gives them, which Harbor reads. Pure.

``{"job_states": [{"state", "error", "results": [{"success_tasks", "failure_tasks", …}]}]}``, one of the
results for each cluster (manager/models/job.go of dragonflyoss/dragonfly; Harbor's dragonfly.go). Long
lists are cut; all steps are had page by page from ``/api/v1/jobs/{id}/steps``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from manager.jobs.states import JobState, StepState
from manager.jobs.work import Board

MAX_TASKS = 1000
MAX_LISTED = 5


def preheat_result(board: Board) -> dict[str, Any]:
    """The result of a preheat job, one group for each cluster."""
    groups: dict[int, dict[str, Any]] = {}
    errors: list[str] = []
    for shown, (key, step) in enumerate(board):
        file, host = board.plan.files[key[0]], board.plan.hosts[key[1]]
        group = groups.setdefault(host.cluster_id, _group(host.cluster_id))
        told = {"url": public(file.url), "hostname": host.hostname, "ip": host.ip}
        if step.state is StepState.DONE:
            group["success_count"] += 1
            if shown < MAX_TASKS:
                group["success_tasks"].append(told)
        else:
            group["failure_count"] += 1
            if len(errors) < MAX_TASKS:
                errors.append(step.error)
                group["failure_tasks"].append({**told, "description": step.error})
    return job_states(groups.values(), error="; ".join(dict.fromkeys(errors))[:2000])


def brief(result: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A result with short lists."""
    if result is None:
        return None
    states = [
        {**state, "results": [_shortened(group) for group in state.get("results", [])]}
        for state in result.get("job_states", [])
    ]
    return {**result, "job_states": states}


def _shortened(group: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value[:MAX_LISTED] if isinstance(value, list) else value
        for key, value in group.items()
    }


def job_states(groups: Iterable[Mapping[str, Any]], *, error: str = "") -> dict[str, Any]:
    """Results of clusters, as one state of a job."""
    state = JobState.FAILURE if error else JobState.SUCCESS
    return {"job_states": [{"state": state.value, "error": error, "results": list(groups)}]}


def public(url: str) -> str:
    """A URL as it may be shown."""
    return url.partition("?")[0]


def _group(cluster_id: int) -> dict[str, Any]:
    return {
        "success_tasks": [],
        "failure_tasks": [],
        "success_count": 0,
        "failure_count": 0,
        "scheduler_cluster_id": cluster_id,
    }
