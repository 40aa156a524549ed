"""Jobs in the database: making, claiming, going on, ending. Called by the dispatcher and by REST.

Each function is the body of one transaction. A replica owns a job while its lease lasts and writes with
the job's ``epoch``, which each claim raises: whoever was thought dead and is not finds that its word
counts no more. What is told of a job is told in the transaction that ends it, so it is told once.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, and_, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from dfcore.errors import BadInput, NotFound
from manager.db import revisions
from manager.db.base import now
from manager.db.database import claimable
from manager.db.jobs import Job, JobFile, JobStep, JobTarget
from manager.jobs import steps
from manager.jobs.cron import next_time
from manager.jobs.progress import Progress
from manager.jobs.states import JobState, StepState, check_change
from manager.jobs.vault import Vault
from manager.jobs.work import Claim, Plan

TOPIC = "jobs"
_ENDED_HOOKS: list[Callable[[Session, Job], None]] = []


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be made. ``args`` are shown, ``credentials`` are not."""

    type: str
    args: Mapping[str, Any]
    spec: Mapping[str, Any]
    credentials: Mapping[str, Any] | None = field(default=None, repr=False)
    cluster_ids: tuple[int, ...] = ()
    bio: str = ""
    user_id: int | None = None
    at_s: float | None = None
    cron: str | None = None
    time_zone: str = "UTC"


def on_end(hook: Callable[[Session, Job], None]) -> None:
    """Have ``hook`` called in the transaction in which any job ends."""
    if hook not in _ENDED_HOOKS:
        _ENDED_HOOKS.append(hook)


def create(session: Session, wish: NewJob, vault: Vault | None) -> Job:
    """Make a job, or a schedule of jobs if it has a cron line."""
    moment = now()
    due = moment if wish.at_s is None else datetime.fromtimestamp(wish.at_s, UTC)
    if wish.cron is not None:
        due = _next(wish.cron, moment, wish.time_zone)
    task_id = f"group_{uuid.uuid4()}"
    job = Job(
        type=wish.type,
        state=JobState.SCHEDULED if wish.cron else JobState.PENDING,
        bio=wish.bio,
        user_id=wish.user_id,
        task_id=task_id,
        args=dict(wish.args),
        spec=dict(wish.spec),
        credentials=_sealed(wish.credentials, vault),
        cluster_ids=list(wish.cluster_ids),
        due_at=due,
        cron=wish.cron,
        time_zone=wish.time_zone,
        created_at=moment,
        updated_at=moment,
    )
    session.add(job)
    session.flush()
    revisions.bump(session, TOPIC)
    return job


def claim(session: Session, owner: str, lease_s: float, limit: int) -> list[Claim]:
    """Take due jobs, and jobs whose owner let the lease run out."""
    moment = now()
    due = and_(Job.state == JobState.PENDING, Job.due_at <= moment)
    left = and_(Job.state == JobState.STARTED, Job.lease_until < moment)
    query = select(Job).where(or_(due, left)).order_by(Job.due_at, Job.id).limit(limit)
    claims = []
    for job in session.scalars(claimable(query)).all():
        job.state = JobState.STARTED
        job.owner = owner
        job.lease_until = moment + timedelta(seconds=lease_s)
        job.epoch += 1
        job.started_at = job.started_at or moment
        claims.append(_claim(job))
    if claims:
        revisions.bump(session, TOPIC)
    return claims


def fire_schedules(session: Session) -> int:
    """Make the jobs that schedules owe; each occurrence once, and none for the time slept through."""
    moment = now()
    query = select(Job).where(Job.state == JobState.SCHEDULED, Job.due_at <= moment).limit(100)
    fired = 0
    for schedule in session.scalars(claimable(query)).all():
        task_id = f"group_{uuid.uuid4()}"
        session.add(
            Job(
                type=schedule.type,
                state=JobState.PENDING,
                bio=schedule.bio,
                user_id=schedule.user_id,
                task_id=task_id,
                args=schedule.args,
                spec=schedule.spec,
                credentials=schedule.credentials,
                cluster_ids=schedule.cluster_ids,
                due_at=schedule.due_at,
                schedule_id=schedule.id,
            )
        )
        schedule.due_at = _next(str(schedule.cron), moment, schedule.time_zone)
        fired += 1
    if fired:
        revisions.bump(session, TOPIC)
    return fired


def next_due(session: Session) -> datetime | None:
    """When the next job or schedule is due, or the next lease runs out."""
    due = select(func.min(Job.due_at)).where(Job.state.in_((JobState.PENDING, JobState.SCHEDULED)))
    lease = select(func.min(Job.lease_until)).where(Job.state == JobState.STARTED)
    moments = [session.scalar(due), session.scalar(lease)]
    return min((moment for moment in moments if moment is not None), default=None)


def keep_plan(session: Session, claimed: Claim, plan: Plan) -> bool:
    """Write what a job will do. False if it is not this replica's any more."""
    if not _mine(session, claimed, planned=True, total_steps=len(plan.files) * len(plan.hosts)):
        return False
    for table in (JobFile, JobTarget, JobStep):
        session.execute(delete(table).where(table.job_id == claimed.id))
    files = [
        {
            "job_id": claimed.id,
            "no": no,
            "name": file.name[:4000],
            "size_bytes": file.size_bytes,
            "plan": file.to_json(),
        }
        for no, file in enumerate(plan.files)
    ]
    hosts = [
        {
            "job_id": claimed.id,
            "no": no,
            "host_id": host.id,
            "hostname": host.hostname,
            "ip": host.ip,
            "port": host.port,
            "seed": host.seed,
            "cluster_id": host.cluster_id,
            "download_port": host.download_port,
        }
        for no, host in enumerate(plan.hosts)
    ]
    if files:
        session.execute(insert(JobFile), files)
    if hosts:
        session.execute(insert(JobTarget), hosts)
    return True


def end(
    session: Session,
    claimed: Claim,
    state: JobState,
    *,
    error: str = "",
    result: Mapping[str, Any] | None = None,
) -> bool:
    """The job's last word from its owner. False if it is not this replica's any more."""
    if not _mine(session, claimed, state=state, finished_at=now(), lease_until=None):
        return False
    job = session.get_one(Job, claimed.id, populate_existing=True)
    job.error = error
    job.result = dict(result) if result is not None else None
    if state is JobState.SUCCESS:
        job.credentials = None
    for hook in _ENDED_HOOKS:
        hook(session, job)
    revisions.bump(session, TOPIC)
    return True


def let_go(session: Session, claimed: Claim) -> None:
    """Give the job back: another replica, or this one after a restart, goes on with it at once."""
    _mine(session, claimed, lease_until=now() - timedelta(seconds=1))


def beat(session: Session, claimed: Claim, lease_s: float, **sums: int) -> bool | None:
    """Prolong the lease and write sums. Whether the job shall be called off; None: it is not ours."""
    until = now() + timedelta(seconds=lease_s)
    if not _mine(session, claimed, lease_until=until, **sums):
        return None
    return bool(session.scalar(select(Job.cancel).where(Job.id == claimed.id)))


def sums(progress: Progress) -> dict[str, int]:
    """The columns that show how far a job is."""
    return {
        "total_steps": progress.total,
        "done_steps": progress.steps.get(StepState.DONE, 0),
        "failed_steps": progress.steps.get(StepState.FAILED, 0),
        "total_bytes": progress.total_bytes,
        "done_bytes": progress.done_bytes,
    }


def cancel(session: Session, job_id: int) -> Job:
    """Call a job off: at once if nobody does it, else its owner is told."""
    job = locked(session, job_id)
    state = JobState(job.state)
    if state.over:
        raise BadInput(f"job {job_id} is over: {state}")
    if state is JobState.STARTED:
        job.cancel = True
    else:
        check_change(state, JobState.CANCELLED)
        job.state = JobState.CANCELLED
        job.finished_at = now()
        if state is JobState.SCHEDULED:
            job.credentials = None
        for hook in _ENDED_HOOKS:
            hook(session, job)
    revisions.bump(session, TOPIC)
    return job


def retry(session: Session, job_id: int) -> Job:
    """Do again what failed, or was not done, of a job that is over."""
    job = locked(session, job_id)
    check_change(JobState(job.state), JobState.PENDING)
    if job.cron is not None:
        raise BadInput(f"job {job_id} is a schedule that was called off: make another")
    open_steps = JobStep.job_id == job_id, JobStep.state != "done"
    turn = steps.next_turn(session, job_id)
    anew = {"state": "pending", "attempts": 0, "error": "", "turn": turn}
    session.execute(update(JobStep).where(*open_steps).values(anew))
    job.state, job.cancel, job.error, job.result = JobState.PENDING, False, "", None
    job.due_at, job.finished_at, job.failed_steps = now(), None, 0
    if job.schedule_id is not None:  # the occurrence is another one now
        job.schedule_id = None
    revisions.bump(session, TOPIC)
    return job


def remove(session: Session, job_id: int) -> None:
    """Forget a job that is over, or a schedule."""
    job = locked(session, job_id)
    if JobState(job.state) in (JobState.STARTED, JobState.PENDING):
        raise BadInput(f"job {job_id} is not over: cancel it first")
    drop(session, [job_id])


def drop(session: Session, ids: Iterable[int]) -> None:
    """Delete jobs with all that belongs to them."""
    ids = list(ids)
    for table in (JobStep, JobFile, JobTarget):
        session.execute(delete(table).where(table.job_id.in_(ids)))
    session.execute(delete(Job).where(Job.id.in_(ids)))
    revisions.bump(session, TOPIC)


def drop_older(session: Session, before: datetime, limit: int = 500) -> int:
    """Forget jobs that were over before a moment; returns how many."""
    over = [state for state in JobState if state.over]
    old = select(Job.id).where(Job.state.in_(over), Job.finished_at < before).limit(limit)
    ids = list(session.scalars(old))
    if ids:
        drop(session, ids)
    return len(ids)


def locked(session: Session, job_id: int) -> Job:
    """The job, which nobody else changes until the commit. Raises NotFound."""
    job = session.scalar(select(Job).where(Job.id == job_id).with_for_update())
    if job is None:
        raise NotFound(f"there is no job {job_id}")
    return job


def get(session: Session, job_id: int) -> Job:
    """The job. Raises NotFound."""
    job = session.get(Job, job_id)
    if job is None:
        raise NotFound(f"there is no job {job_id}")
    return job


def credentials_of(claimed: Claim, vault: Vault) -> dict[str, Any]:
    """What opens the job's origin."""
    if claimed.sealed is None:
        return {}
    opened: dict[str, Any] = json.loads(vault.open(claimed.sealed, "job"))
    return opened


def _claim(job: Job) -> Claim:
    return Claim(
        id=job.id,
        type=job.type,
        epoch=job.epoch,
        spec=job.spec,
        cluster_ids=tuple(int(i) for i in job.cluster_ids),
        user_id=job.user_id,
        planned=job.planned,
        sealed=job.credentials,
    )


def _mine(session: Session, claimed: Claim, **values: Any) -> bool:
    """Change the job if this replica still has it."""
    changed: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(Job)
        .where(Job.id == claimed.id, Job.epoch == claimed.epoch, Job.state == JobState.STARTED)
        .values(updated_at=now(), **values)
        .execution_options(synchronize_session=False)
    )
    return changed.rowcount == 1


def _sealed(credentials: Mapping[str, Any] | None, vault: Vault | None) -> bytes | None:
    if not credentials:
        return None
    assert vault is not None, "credentials need a vault"
    return vault.seal(json.dumps(dict(credentials)).encode(), "job")


def _next(line: str, moment: datetime, zone: str) -> datetime:
    return datetime.fromtimestamp(next_time(line, moment.timestamp(), zone), UTC)
