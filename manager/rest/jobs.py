"""Routes of jobs and of the secrets that they use.

Bodies and answers are Dragonfly's (manager/handlers/job.go of dragonflyoss/dragonfly), so that scripts
and Harbor's preheat work unchanged; times, cron lines, progress, cancel and retry are ours.
"""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dfcore.errors import BadInput, Denied
from manager.auth.principal import Principal
from manager.db.jobs import Job, JobFile, JobTarget
from manager.jobs import orders, secrets, steps, store
from manager.jobs.cron import check_cron, parse_time
from manager.jobs.means import Means
from manager.jobs.spec import PreheatSpec
from manager.rest import live
from manager.rest.jobs_schema import (
    HostAnswer,
    JobAnswer,
    JobChange,
    JobQuery,
    JobWish,
    SecretAnswer,
    SecretWish,
    StepAnswer,
    StepQuery,
    brief,
    host_answer,
    job_answer,
    states_of,
    step_answer,
)
from manager.rest.paging import page
from manager.rest.routes import Call, Page, Query, Route


class JobRoutes:
    """Handlers of jobs."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def create(self, call: Call) -> JobAnswer:
        """Take an order for a job."""
        wish = call.body_as(JobWish)
        if wish.type in orders.OVERSEERS_TYPES and not call.principal.oversees:
            raise Denied(f"a job of type {wish.type} needs an operator")
        asked = orders.order(wish.type, wish.args or {}, self._means.targets)
        if wish.cron is not None:
            check_cron(wish.cron, wish.time_zone)
        if wish.cron is not None and wish.at is not None:
            raise BadInput("at: a job has a time or a cron line, not both")
        new = store.NewJob(
            type=asked.type,
            args=asked.args,
            spec=asked.spec,
            credentials=asked.credentials,
            cluster_ids=tuple(wish.scheduler_cluster_ids or ()),
            bio=wish.bio,
            user_id=call.principal.user_id,
            at_s=None if wish.at is None else parse_time(wish.at),
            cron=wish.cron,
            time_zone=wish.time_zone,
        )

        def made(session: Session) -> JobAnswer:
            if asked.spec.get("secret"):  # that it is there, and for these hosts
                spec = PreheatSpec.from_json(asked.spec)
                self._means.origins.secret_of(session, spec)
            return job_answer(store.create(session, new, self._means.vault))

        answer = await call.core.database.run(made)
        call.core.changes.poke()
        return answer

    async def listed(self, call: Call) -> Page:
        """Jobs, the newest first."""
        query = call.query_as(JobQuery)
        statement = select(Job).order_by(Job.id.desc())
        for name in ("type", "user_id", "schedule_id"):
            value = getattr(query, name)
            if value is not None:
                statement = statement.where(getattr(Job, name) == value)
        if query.state is not None:
            statement = statement.where(Job.state.in_(states_of(query.state)))
        if query.phase is not None:
            statement = statement.where(Job.state == query.phase)
        return await call.core.database.read(lambda s: page(s, statement, query, brief))

    async def get(self, call: Call) -> JobAnswer:
        """One job."""
        number = call.number()
        return await call.core.database.read(lambda s: job_answer(store.get(s, number)))

    async def change(self, call: Call) -> JobAnswer:
        """Change the description."""
        number, wish = call.number(), call.body_as(JobChange)

        def changed(session: Session) -> JobAnswer:
            job = self._owned(session, number, call.principal)
            if wish.bio is not None:
                job.bio = wish.bio
            return job_answer(job)

        return await call.core.database.run(changed)

    async def remove(self, call: Call) -> None:
        """Forget a job that is over, or a schedule."""
        number = call.number()

        def removed(session: Session) -> None:
            self._owned(session, number, call.principal)
            store.remove(session, number)

        await call.core.database.run(removed)

    async def cancel(self, call: Call) -> JobAnswer:
        """Call a job off."""
        number = call.number()

        def cancelled(session: Session) -> JobAnswer:
            self._owned(session, number, call.principal)
            return job_answer(store.cancel(session, number))

        answer = await call.core.database.run(cancelled)
        call.core.changes.poke()
        return answer

    async def retry(self, call: Call) -> JobAnswer:
        """Do again what failed of a job."""
        number = call.number()

        def again(session: Session) -> JobAnswer:
            self._owned(session, number, call.principal)
            return job_answer(store.retry(session, number))

        answer = await call.core.database.run(again)
        call.core.changes.poke()
        return answer

    async def steps(self, call: Call) -> Page:
        """Files on hosts, one by one."""
        number, query = call.number(), call.query_as(StepQuery)

        def found(session: Session) -> Page:
            store.get(session, number)
            rows, total = steps.page(
                session,
                number,
                state=query.state or "",
                offset=query.offset,
                limit=query.per_page,
            )
            return Page([step_answer(*row) for row in rows], total)

        return await call.core.database.read(found)

    async def hosts(self, call: Call) -> Page:
        """Hosts with their share of the job."""
        number, query = call.number(), call.query_as(Query)

        def found(session: Session) -> Page:
            store.get(session, number)
            files = session.scalar(
                select(func.count()).select_from(JobFile).where(JobFile.job_id == number)
            )
            sums: dict[int, dict[str, tuple[int, int]]] = defaultdict(dict)
            for target_no, state, count, done_bytes in steps.per_host(session, number):
                sums[target_no][state] = count, done_bytes
            statement = select(JobTarget).where(JobTarget.job_id == number).order_by(JobTarget.no)
            return page(session, statement, query, lambda t: host_answer(t, files or 0, sums[t.no]))

        return await call.core.database.read(found)

    def _owned(self, session: Session, number: int, principal: Principal) -> Job:
        job = store.locked(session, number)
        if job.user_id != principal.user_id and not principal.oversees:
            raise Denied("the job is somebody else's: an operator may change it")
        return job


class SecretRoutes:
    """Handlers of named secrets."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def listed(self, call: Call) -> list[SecretAnswer]:
        """Names of secrets."""

        def found(session: Session) -> list[SecretAnswer]:
            return [SecretAnswer.model_validate(row) for row in secrets.listed(session)]

        return await call.core.database.read(found)

    async def put(self, call: Call) -> SecretAnswer:
        """Keep a secret under a name."""
        name, wish = call.text("name"), call.body_as(SecretWish)

        def kept(session: Session) -> SecretAnswer:
            row = secrets.put(
                session,
                self._means.vault,
                name,
                wish.secret,
                hosts=wish.hosts,
                bio=wish.bio,
                user_id=call.principal.user_id,
            )
            return SecretAnswer.model_validate(row)

        return await call.core.database.run(kept)

    async def remove(self, call: Call) -> None:
        """Forget a secret."""
        name = call.text("name")
        await call.core.database.run(lambda s: secrets.remove(s, name))


def routes(means: Means) -> tuple[Route, ...]:
    """The table of jobs and secrets."""
    jobs, kept = JobRoutes(means), SecretRoutes(means)
    found: list[Route] = []
    for base in ("/api/v1/jobs", "/oapi/v1/jobs"):
        found += _job_routes(jobs, base)
    found += _our_routes(jobs)
    found += [
        Route(
            "GET",
            "/api/v1/secrets",
            "secrets:read",
            kept.listed,
            "Names of secrets",
            answer=list[SecretAnswer],
        ),
        Route(
            "PUT",
            "/api/v1/secrets/{name}",
            "secrets:write",
            kept.put,
            "Keep a secret",
            body=SecretWish,
            answer=SecretAnswer,
        ),
        Route("DELETE", "/api/v1/secrets/{name}", "secrets:write", kept.remove, "Forget a secret"),
    ]
    return tuple(found)


def _our_routes(jobs: JobRoutes) -> list[Route]:
    """What Dragonfly has not."""
    one = "/api/v1/jobs/{id}"
    return [
        Route(
            "POST", f"{one}/cancel", "jobs:write", jobs.cancel, "Call a job off", answer=JobAnswer
        ),
        Route(
            "POST",
            f"{one}/retry",
            "jobs:write",
            jobs.retry,
            "Do again what failed",
            answer=JobAnswer,
        ),
        Route(
            "GET",
            f"{one}/steps",
            "jobs:read",
            jobs.steps,
            "Files of a job on its hosts",
            query=StepQuery,
            answer=list[StepAnswer],
        ),
        Route(
            "GET",
            f"{one}/events",
            "jobs:read",
            live.job_events,
            "What happens to a job, as it happens",
            documented=False,  # an answer without an end is not for those who try every operation
        ),
        Route(
            "GET",
            f"{one}/hosts",
            "jobs:read",
            jobs.hosts,
            "Hosts of a job",
            query=Query,
            answer=list[HostAnswer],
        ),
    ]


def _job_routes(jobs: JobRoutes, base: str) -> list[Route]:
    """What Dragonfly has at both of its doors."""
    one = f"{base}/{{id}}"
    return [
        Route(
            "POST",
            base,
            "jobs:write",
            jobs.create,
            "Order a job",
            body=JobWish,
            answer=JobAnswer,
            tag="jobs",
        ),
        Route(
            "GET",
            base,
            "jobs:read",
            jobs.listed,
            "List jobs",
            query=JobQuery,
            answer=list[JobAnswer],
            tag="jobs",
        ),
        Route("GET", one, "jobs:read", jobs.get, "Look at a job", answer=JobAnswer, tag="jobs"),
        Route(
            "PATCH",
            one,
            "jobs:write",
            jobs.change,
            "Describe a job",
            body=JobChange,
            answer=JobAnswer,
            tag="jobs",
        ),
        Route("DELETE", one, "jobs:write", jobs.remove, "Forget a job", tag="jobs"),
    ]
