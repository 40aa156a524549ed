"""The states of a job and of its steps, and which changes are allowed. Pure.

Dragonfly's words where it has them (PENDING, STARTED, SUCCESS, FAILURE). SCHEDULED is a job that makes
others by its cron line, CANCELLED one that was called off.
"""

from __future__ import annotations

from enum import StrEnum

from dfcore.errors import BadInput


class JobState(StrEnum):
    """Where a job is."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    STARTED = "STARTED"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CANCELLED = "CANCELLED"

    @property
    def over(self) -> bool:
        """Nothing more happens to it by itself."""
        return self in (JobState.SUCCESS, JobState.FAILURE, JobState.CANCELLED)


class StepState(StrEnum):
    """Where one file on one host is."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """It is not tried again by itself."""
        return self in (StepState.DONE, StepState.FAILED, StepState.CANCELLED)


_NEXT: dict[JobState, frozenset[JobState]] = {
    JobState.SCHEDULED: frozenset({JobState.CANCELLED}),
    JobState.PENDING: frozenset({JobState.STARTED, JobState.CANCELLED}),
    JobState.STARTED: frozenset({JobState.SUCCESS, JobState.FAILURE, JobState.CANCELLED}),
    JobState.SUCCESS: frozenset(),
    JobState.FAILURE: frozenset({JobState.PENDING}),
    JobState.CANCELLED: frozenset({JobState.PENDING}),
}


def check_change(before: JobState, after: JobState) -> None:
    """Raise BadInput if a job may not go from ``before`` to ``after``."""
    if after not in _NEXT[before]:
        raise BadInput(f"a job that is {before} cannot become {after}")


def before(after: JobState) -> tuple[JobState, ...]:
    """The states from which ``after`` is reached."""
    return tuple(state for state, following in _NEXT.items() if after in following)


def outcome(steps: dict[StepState, int], *, cancelled: bool) -> JobState:
    """How a job ended whose steps ended so."""
    if cancelled:
        return JobState.CANCELLED
    return JobState.FAILURE if steps.get(StepState.FAILED) else JobState.SUCCESS
