"""Does one claimed job: keeps the lease, writes progress, hears of a cancellation, says the last word.

A handler per type of job does the work. When the manager stops, the job is given back and another
replica goes on with it; when the manager is killed, that happens as soon as the lease has run out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from dfcore.errors import MeganeuraError
from dfinfra import jobs
from dfinfra.logs import get_logger
from dfinfra.metrics import CollectorRegistry, Counter, Gauge
from dfinfra.redact import redact_text
from manager.db.database import Database
from manager.jobs import steps, store
from manager.jobs.states import JobState, outcome
from manager.jobs.work import Board, Claim, Plan

MAX_OWNERS = 50
"""A job that so many owners have left undone is given up: it may be what kills them."""

log = get_logger("jobs")


@dataclass(frozen=True, slots=True)
class LeasePolicy:
    """How long a replica owns a job without a word, and how often it says one."""

    lease_s: float = 30.0
    beat_s: float = 1.0


class Work:
    """A job under way, as its handler sees it."""

    def __init__(self, claim: Claim, database: Database, credentials: Mapping[str, Any]) -> None:
        self.claim = claim
        self.credentials = credentials
        self.board = Board(Plan((), ()))
        self._database = database

    async def planned(self) -> bool:
        """Whether an earlier owner made the plan; then the board shows what is done of it."""
        if not self.claim.planned:
            return False

        def read(session: Session) -> Board:
            plan = steps.read_plan(session, self.claim.id)
            return Board(plan, steps.read_steps(session, self.claim.id))

        self.board = await self._database.read(read)
        return True

    async def plan(self, plan: Plan) -> None:
        """Keep what will be done, before anything is. Raises LostError."""
        if not await self._database.run(lambda s: store.keep_plan(s, self.claim, plan)):
            raise LostError
        self.board = Board(plan)


class LostError(Exception):
    """The job belongs to another replica by now."""


class Handler(Protocol):
    """What does the jobs of one type."""

    async def run(self, work: Work) -> Mapping[str, Any] | None:
        """Do the job; returns its result. Failures of steps are on the board, others are raised."""
        ...


class Runner:
    """Runs claimed jobs with the handlers of their types."""

    def __init__(
        self,
        database: Database,
        handlers: Mapping[str, Handler],
        open_credentials: Any,
        policy: LeasePolicy,
        metrics: CollectorRegistry | None = None,
    ) -> None:
        registry = metrics or CollectorRegistry()
        self._running = Gauge(
            "meganeura_manager_jobs_running",
            "Jobs that this replica is doing.",
            ["type"],
            registry=registry,
        )
        self._ended = Counter(
            "meganeura_manager_jobs_ended",
            "Jobs that this replica ended.",
            ["type", "state"],
            registry=registry,
        )
        self._database = database
        self._handlers = handlers
        self._open = open_credentials
        self._policy = policy

    async def run(self, claim: Claim) -> None:
        """Do the job until it is over, lost, or this job is cancelled: then it is given back."""
        with self._running.labels(claim.type).track_inprogress():
            await self._run(claim)

    async def _run(self, claim: Claim) -> None:
        log.info("job started", job=claim.id, type=claim.type, owners=claim.epoch)
        try:
            work = Work(claim, self._database, self._open(claim))
            handler = self._handlers[claim.type]
            if claim.epoch > MAX_OWNERS:
                raise MeganeuraError(f"given up: {MAX_OWNERS} managers left it undone")
        except (MeganeuraError, KeyError) as wrong:
            line = str(wrong) if isinstance(wrong, MeganeuraError) else "no such type of job"
            await self._last_word(Work(claim, self._database, {}), JobState.FAILURE, line, None)
            return
        main = jobs.spawn(handler.run(work), name=f"job {claim.id}", on_error=_told_below)
        try:
            called_off = await self._watch(main, work)
        except asyncio.CancelledError:
            await _stopped(main)
            await self._give_back(work)
            raise
        if called_off is None:
            log.warning("job lost to another replica", job=claim.id)
            return
        state, error, result = _verdict(main, work.board, called_off=called_off)
        await self._last_word(work, state, error, result)

    async def _watch(self, main: asyncio.Task[Any], work: Work) -> bool | None:
        """Beat until the job is done. Whether it was called off; None if it is not ours any more."""
        loop = asyncio.get_running_loop()
        good_until = loop.time() + self._policy.lease_s
        while True:
            await asyncio.wait({main}, timeout=self._policy.beat_s)
            if main.done():
                return _lost_to_others(main)
            try:
                cancel = await self._database.run(lambda s: self._beat(s, work))
                good_until = loop.time() + self._policy.lease_s
            except SQLAlchemyError as problem:
                log.warning(
                    "progress not written", job=work.claim.id, reason=type(problem).__name__
                )
                cancel = False if loop.time() < good_until else None
            if cancel is None or cancel:
                await _stopped(main)
                return cancel

    def _beat(self, session: Session, work: Work) -> bool | None:
        sums = work.board.progress()
        changes = work.board.take_changes()
        try:
            cancel = store.beat(
                session,
                work.claim,
                self._policy.lease_s,
                **store.sums(sums),
            )
            if cancel is not None:
                steps.write(session, work.claim.id, changes)
        except BaseException:
            work.board.put_back(changes)
            raise
        return cancel

    async def _last_word(
        self, work: Work, state: JobState, error: str, result: Mapping[str, Any] | None
    ) -> None:
        """Say how the job ended, as soon as the database hears it; nothing if it is not ours."""
        if state is not JobState.SUCCESS:
            work.board.cancel_open()

        def said(session: Session) -> bool:
            if self._beat(session, work) is None:
                return False
            return store.end(session, work.claim, state, error=redact_text(error), result=result)

        deadline = asyncio.get_running_loop().time() + self._policy.lease_s
        while True:
            try:
                ours = await self._database.run(said)
                break
            except SQLAlchemyError as problem:
                log.warning("job end not written", job=work.claim.id, reason=type(problem).__name__)
                if asyncio.get_running_loop().time() > deadline:
                    return  # whoever claims it next finds the steps as they were last written
                await asyncio.sleep(self._policy.beat_s)
        if ours:
            self._ended.labels(work.claim.type, state.value).inc()
            log.info("job ended", job=work.claim.id, state=state.value, error=redact_text(error))

    async def _give_back(self, work: Work) -> None:
        def given(session: Session) -> None:
            if self._beat(session, work) is not None:
                store.let_go(session, work.claim)

        try:
            await self._database.run(given)
        except SQLAlchemyError as problem:
            log.warning("job not given back", job=work.claim.id, reason=type(problem).__name__)


async def _stopped(main: asyncio.Task[Any]) -> None:
    main.cancel()
    await asyncio.wait({main})


def _lost_to_others(main: asyncio.Task[Any]) -> bool | None:
    failed = None if main.cancelled() else main.exception()
    return None if isinstance(failed, LostError) else False


def _verdict(
    main: asyncio.Task[Any], board: Board, *, called_off: bool
) -> tuple[JobState, str, Mapping[str, Any] | None]:
    error = None if main.cancelled() else main.exception()
    if called_off and (main.cancelled() or error is not None):
        return JobState.CANCELLED, "called off", None
    if main.cancelled():
        return JobState.FAILURE, "broken off", None
    if error is None:
        failed = [step.error for _, step in board if step.error]
        state = outcome(board.progress().steps, cancelled=False)
        line = f"{len(failed)} steps failed; the first: {failed[0]}" if failed else ""
        return state, line if state is JobState.FAILURE else "", main.result()
    if isinstance(error, MeganeuraError):
        return JobState.FAILURE, str(error), None
    log.error("job failed", exc_info=error)
    return JobState.FAILURE, "internal error; the manager's log has more", None


def _told_below(_: BaseException) -> None:
    """The error is looked at where the job's end is decided."""
