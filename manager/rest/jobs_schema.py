"""What requests about jobs say and how jobs are answered: Dragonfly's keys, and ours beside them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, field_serializer

from manager.db.jobs import Job, JobFile, JobStep, JobTarget
from manager.jobs import orders, results
from manager.jobs.states import JobState, StepState
from manager.rest.routes import Answer, Query, Wish

Id = Annotated[int, Field(ge=1, le=(1 << 63) - 1)]

_DRAGONFLYS = {
    JobState.SCHEDULED: "PENDING",
    JobState.PENDING: "PENDING",
    JobState.STARTED: "PENDING",
    JobState.SUCCESS: "SUCCESS",
    JobState.FAILURE: "FAILURE",
    JobState.CANCELLED: "FAILURE",
}
"""The states of a group of jobs in Dragonfly's manager; Harbor takes any other for a failure."""


class JobWish(Wish):
    """A job to be done: now, at a time, or by a cron line again and again."""

    type: str = Field(max_length=32)
    bio: str = Field("", max_length=1000)
    args: dict[str, Any] | None = None
    user_id: int | None = None
    seed_peer_cluster_ids: list[Id] | None = None
    scheduler_cluster_ids: list[Id] | None = Field(None, max_length=1000)
    at: str | None = Field(None, max_length=64)
    cron: str | None = Field(None, max_length=128)
    time_zone: str = Field("UTC", max_length=64)

    @field_serializer("args")
    def _shown(self, args: dict[str, Any] | None) -> dict[str, Any]:
        """For the audit: without credentials."""
        return orders.shown(args or {})


class JobChange(Wish):
    """What can be changed of a job."""

    bio: str | None = Field(None, max_length=1000)
    user_id: int | None = None


class JobQuery(Query):
    """Filters of a list of jobs."""

    type: str | None = None
    state: Literal["PENDING", "RECEIVED", "STARTED", "RETRY", "SUCCESS", "FAILURE"] | None = None
    phase: JobState | None = None
    user_id: Id | None = None
    schedule_id: Id | None = None


class StepQuery(Query):
    """Filters of a list of steps."""

    state: StepState | None = None


class ProgressAnswer(Answer):
    """How far a job is."""

    total_steps: int
    done_steps: int
    failed_steps: int
    total_bytes: int
    done_bytes: int
    percent: float


class ClusterName(Answer):
    """A cluster of a job."""

    id: int


class JobAnswer(Answer):
    """A job. ``state`` is Dragonfly's word, ``phase`` ours."""

    id: int
    created_at: datetime
    updated_at: datetime
    is_del: int = 0
    task_id: str
    bio: str
    type: str
    state: str
    phase: JobState
    args: dict[str, Any]
    result: dict[str, Any] | None
    error: str
    user_id: int
    scheduler_clusters: list[ClusterName]
    seed_peer_clusters: list[ClusterName] = Field(default_factory=list)
    due_at: datetime
    cron: str | None
    time_zone: str
    schedule_id: int | None
    cancelling: bool
    progress: ProgressAnswer
    started_at: datetime | None
    finished_at: datetime | None


class StepAnswer(Answer):
    """One file on one host."""

    file: str
    url: str
    hostname: str
    ip: str
    seed: bool
    scheduler_cluster_id: int
    state: StepState
    attempts: int
    done_bytes: int
    size_bytes: int | None
    task_id: str
    took_ms: int
    error: str


class HostAnswer(Answer):
    """One host's share of a job."""

    hostname: str
    ip: str
    seed: bool
    scheduler_cluster_id: int
    steps: int
    done_steps: int
    failed_steps: int
    running_steps: int
    done_bytes: int


class SecretWish(Wish):
    """A secret to be kept: a Hub token, ``user:password``, or the keys of a store."""

    secret: str = Field(min_length=1, max_length=32768)
    bio: str = Field("", max_length=1000)
    hosts: list[Annotated[str, Field(min_length=1, max_length=253)]] = Field(
        default_factory=list, max_length=50
    )
    """Patterns of hosts that it may be sent to; none: the Hub of the configuration alone."""


class SecretAnswer(Answer):
    """A secret's name; the secret is not shown again."""

    name: str
    bio: str
    hosts: list[str]
    created_at: datetime
    updated_at: datetime


def states_of(word: str) -> list[JobState]:
    """Our states that Dragonfly's word means."""
    if word == "STARTED":
        return [JobState.STARTED]
    return [state for state, theirs in _DRAGONFLYS.items() if theirs == word]


def brief(job: Job) -> JobAnswer:
    """A job in a list: with the first of its tasks only."""
    answer = job_answer(job)
    return answer.model_copy(update={"result": results.brief(job.result)})


def job_answer(job: Job) -> JobAnswer:
    """A job as it is answered."""
    state = JobState(job.state)
    return JobAnswer(
        id=job.id,
        created_at=job.created_at,
        updated_at=job.updated_at,
        task_id=job.task_id,
        bio=job.bio,
        type=job.type,
        state=_DRAGONFLYS[state],
        phase=state,
        args=job.args,
        result=job.result,
        error=job.error,
        user_id=job.user_id or 0,
        scheduler_clusters=[ClusterName(id=int(i)) for i in job.cluster_ids],
        due_at=job.due_at,
        cron=job.cron,
        time_zone=job.time_zone,
        schedule_id=job.schedule_id,
        cancelling=job.cancel and not state.over,
        progress=_progress(job, state),
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def step_answer(file: JobFile, target: JobTarget, step: JobStep | None) -> StepAnswer:
    """A step as it is answered; one of which nothing was written has not begun."""
    return StepAnswer(
        file=file.name,
        url=results.public(str(file.plan.get("url", ""))),
        hostname=target.hostname,
        ip=target.ip,
        seed=target.seed,
        scheduler_cluster_id=target.cluster_id,
        state=StepState(step.state) if step else StepState.PENDING,
        attempts=step.attempts if step else 0,
        done_bytes=step.done_bytes if step else 0,
        size_bytes=step.size_bytes if step else file.size_bytes,
        task_id=step.task_id if step else "",
        took_ms=step.took_ms if step else 0,
        error=step.error if step else "",
    )


def host_answer(target: JobTarget, files: int, sums: dict[str, tuple[int, int]]) -> HostAnswer:
    """A host's share; ``sums`` has steps and bytes by state."""

    def count(state: StepState) -> int:
        return sums.get(state, (0, 0))[0]

    return HostAnswer(
        hostname=target.hostname,
        ip=target.ip,
        seed=target.seed,
        scheduler_cluster_id=target.cluster_id,
        steps=files,
        done_steps=count(StepState.DONE),
        failed_steps=count(StepState.FAILED),
        running_steps=count(StepState.RUNNING),
        done_bytes=sum(found[1] for found in sums.values()),
    )


def _progress(job: Job, state: JobState) -> ProgressAnswer:
    if state is JobState.SUCCESS:
        percent = 100.0
    elif job.total_bytes:
        percent = min(99.9, round(100 * job.done_bytes / job.total_bytes, 1))
    else:
        over = job.done_steps + job.failed_steps
        percent = round(99.9 * over / job.total_steps, 1) if job.total_steps else 0.0
    return ProgressAnswer(
        total_steps=job.total_steps,
        done_steps=job.done_steps,
        failed_steps=job.failed_steps,
        total_bytes=job.total_bytes,
        done_bytes=job.done_bytes,
        percent=percent,
    )
