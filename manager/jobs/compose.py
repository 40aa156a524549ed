"""Jobs, models, replication and webhooks as a part of the manager: what ``manager.app`` asks for."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from dfinfra.services import Closing
from manager.db.jobs import Job
from manager.jobs import orders, store
from manager.jobs.means import dispatching, means, unlocking, upkeep
from manager.jobs.states import JobState
from manager.models.keeper import Keeper
from manager.parts import Core, Part
from manager.replication import rules
from manager.replication.job import Replicate
from manager.rest import jobs, models_table, replication
from manager.webhooks import outbox
from manager.webhooks.sender import Sender


def part(core: Core) -> Part:
    """Routes and services."""
    shared = means(core)
    store.on_end(rules.ended)
    store.on_end(_tell_end)
    replicate = Replicate(shared.desk, core.clock)
    return Part(
        routes=(
            *jobs.routes(shared),
            *models_table.routes(shared.desk),
            *replication.routes(shared),
        ),
        services=(
            unlocking(shared),
            Keeper(shared.desk, core.changes),
            Closing("replication", replicate.close),
            Sender(core.database, core.changes, shared.vault, shared.web, core.clock),
            dispatching(shared, {orders.REPLICATE: replicate}),
            upkeep(shared),
        ),
    )


def _tell_end(session: Session, job: Job) -> None:
    told: dict[str, Any] = {
        "job_id": job.id,
        "type": job.type,
        "state": "SUCCESS" if job.state == JobState.SUCCESS else "FAILURE",
        "phase": str(job.state),
        "error": job.error,
        "args": job.args,
    }
    outbox.emit(session, "job.ended", told)
