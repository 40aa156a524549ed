"""Plans and steps of jobs in the database: written by a job's owner, read by whoever looks at it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import and_, delete, func, insert, select
from sqlalchemy.orm import Session

from manager.db.jobs import JobFile, JobStep, JobTarget
from manager.jobs.files import PlannedFile
from manager.jobs.hosts import JobHost
from manager.jobs.states import StepState
from manager.jobs.work import Plan, Step, StepKey

_BATCH = 1000


def write(session: Session, job_id: int, changes: Mapping[StepKey, Step]) -> None:
    """Write steps as they are now. In this transaction the caller made sure that the job is its own."""
    turn = next_turn(session, job_id) if changes else 0
    by_file: dict[int, list[int]] = defaultdict(list)
    for file_no, target_no in changes:
        by_file[file_no].append(target_no)
    for file_no, targets in by_file.items():
        for start in range(0, len(targets), _BATCH):
            session.execute(
                delete(JobStep).where(
                    JobStep.job_id == job_id,
                    JobStep.file_no == file_no,
                    JobStep.target_no.in_(targets[start : start + _BATCH]),
                )
            )
    rows = [
        {
            "job_id": job_id,
            "file_no": key[0],
            "target_no": key[1],
            "state": step.state.value,
            "attempts": step.attempts,
            "done_bytes": step.done_bytes,
            "size_bytes": step.size_bytes,
            "task_id": step.task_id,
            "took_ms": step.took_ms,
            "error": step.error[:1000],
            "turn": turn,
        }
        for key, step in changes.items()
    ]
    for start in range(0, len(rows), _BATCH):
        session.execute(insert(JobStep), rows[start : start + _BATCH])


def next_turn(session: Session, job_id: int) -> int:
    """One more than the steps of the job have. In a transaction that holds the job's row."""
    query = select(func.max(JobStep.turn)).where(JobStep.job_id == job_id)
    return int(session.scalar(query) or 0) + 1


def changed_since(
    session: Session, job_id: int, turn: int, limit: int
) -> list[tuple[JobFile, JobTarget, JobStep]]:
    """Steps that changed after ``turn`` with their file and host, the first ones first.

    All of one turn come together, so that who goes on from the last one misses none.
    """
    turns = (
        select(JobStep.turn)
        .where(JobStep.job_id == job_id, JobStep.turn > turn)
        .order_by(JobStep.turn)
        .limit(limit)
    )
    last = max(session.scalars(turns), default=None)
    if last is None:
        return []
    query = (
        select(JobFile, JobTarget, JobStep)
        .join(JobStep, and_(JobStep.job_id == JobFile.job_id, JobStep.file_no == JobFile.no))
        .join(
            JobTarget,
            and_(JobTarget.job_id == JobStep.job_id, JobTarget.no == JobStep.target_no),
        )
        .where(JobStep.job_id == job_id, JobStep.turn > turn, JobStep.turn <= last)
        .order_by(JobStep.turn, JobStep.file_no, JobStep.target_no)
    )
    return [(row[0], row[1], row[2]) for row in session.execute(query)]


def read_plan(session: Session, job_id: int) -> Plan:
    """Files and hosts of a job."""
    files = session.scalars(select(JobFile).where(JobFile.job_id == job_id).order_by(JobFile.no))
    hosts = session.scalars(
        select(JobTarget).where(JobTarget.job_id == job_id).order_by(JobTarget.no)
    )
    return Plan(
        [PlannedFile.from_json(file.plan) for file in files],
        [
            JobHost(h.host_id, h.hostname, h.ip, h.port, h.seed, h.cluster_id, h.download_port)
            for h in hosts
        ],
    )


def read_steps(session: Session, job_id: int) -> dict[StepKey, Step]:
    """The steps of which something was written. Those that ran are to be done again."""
    found = {}
    for row in session.scalars(select(JobStep).where(JobStep.job_id == job_id)):
        state = StepState(row.state)
        found[(row.file_no, row.target_no)] = Step(
            state=StepState.PENDING if state is StepState.RUNNING else state,
            attempts=0 if state is StepState.RUNNING else row.attempts,
            done_bytes=row.done_bytes,
            size_bytes=row.size_bytes,
            task_id=row.task_id,
            took_ms=row.took_ms,
            error=row.error,
        )
    return found


def page(
    session: Session, job_id: int, *, state: str = "", offset: int = 0, limit: int = 100
) -> tuple[list[tuple[JobFile, JobTarget, JobStep | None]], int]:
    """Steps with their file and host, and how many there are."""
    on_step = and_(
        JobStep.job_id == JobFile.job_id,
        JobStep.file_no == JobFile.no,
        JobStep.target_no == JobTarget.no,
    )
    query = (
        select(JobFile, JobTarget, JobStep)
        .join(JobTarget, JobTarget.job_id == JobFile.job_id)
        .outerjoin(JobStep, on_step)
        .where(JobFile.job_id == job_id)
    )
    if state == StepState.PENDING:
        query = query.where((JobStep.state == state) | JobStep.state.is_(None))
    elif state:
        query = query.where(JobStep.state == state)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.execute(
        query.order_by(JobFile.no, JobTarget.no).offset(offset).limit(limit)
    ).all()
    return [(row[0], row[1], row[2]) for row in rows], total


def per_host(session: Session, job_id: int) -> list[tuple[int, str, int, int]]:
    """Sums of each host and state: (number of the host, state, steps, bytes)."""
    query = (
        select(JobStep.target_no, JobStep.state, func.count(), func.sum(JobStep.done_bytes))
        .where(JobStep.job_id == job_id)
        .group_by(JobStep.target_no, JobStep.state)
    )
    return [(row[0], row[1], row[2], int(row[3] or 0)) for row in session.execute(query)]
