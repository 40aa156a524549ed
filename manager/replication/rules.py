"""Rules, and what each did about each tag. Functions are bodies of transactions.

A tag that matches makes a job of type ``replicate`` in the transaction in which it moves; what the job
came to is written in the transaction that ends it, along with the event and the preheat that follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dfcore.errors import NotFound
from manager.db.base import now
from manager.db.jobs import Job
from manager.db.models import Model, ModelTag, ModelVersion, Replication, ReplicationRule
from manager.jobs import store
from manager.jobs.orders import PREHEAT, REPLICATE, shown
from manager.jobs.spec import parse_preheat
from manager.jobs.states import JobState
from manager.models.names import version_folder
from manager.webhooks import outbox

WAITING, DONE, FAILED = "waiting", "done", "failed"


def trigger(session: Session, model: Model, tag: ModelTag) -> int:
    """Make the jobs that a tag's move calls for; returns how many."""
    query = select(ReplicationRule).where(ReplicationRule.enabled.is_(True))
    matching = [rule for rule in session.scalars(query).all() if applies(rule, model, tag.name)]
    return sum(_ask(session, rule, model, tag) for rule in matching)


def applies(rule: ReplicationRule, model: Model, tag: str) -> bool:
    """Whether the rule is about this tag of this model."""
    return (
        rule.target != model.volume
        and fnmatchcase(model.name, rule.model_pattern)
        and fnmatchcase(tag, rule.tag_pattern)
    )


def owed(session: Session) -> bool:
    """Whether a rule has not seen a tag as it is now."""
    return next(_owed(session), None) is not None


def pay(session: Session) -> int:
    """Make the jobs that are owed: of new rules, and of tags that moved while nobody looked."""
    return sum(_ask(session, rule, model, tag) for rule, model, tag in list(_owed(session)))


def again(session: Session, replication_id: int) -> Replication:
    """Copy once more. Raises NotFound."""
    row = session.get(Replication, replication_id)
    if row is None:
        raise NotFound(f"there is no replication {replication_id}")
    tag = session.scalar(
        select(ModelTag).where(ModelTag.model_id == row.model_id, ModelTag.name == row.tag)
    )
    model = session.get(Model, row.model_id)
    if tag is None or model is None:
        raise NotFound("the tag is gone")
    row.version_id = None
    rule = session.get_one(ReplicationRule, row.rule_id)
    _ask(session, rule, model, tag)
    return row


def _owed(session: Session) -> Iterator[tuple[ReplicationRule, Model, ModelTag]]:
    rules = session.scalars(select(ReplicationRule).where(ReplicationRule.enabled.is_(True))).all()
    if not rules:
        return
    known = {
        (row.rule_id, row.model_id, row.tag): row.version_id
        for row in session.scalars(select(Replication))
    }
    tags = session.execute(
        select(ModelTag, Model)
        .join(Model, Model.id == ModelTag.model_id)
        .where(ModelTag.shown_id.is_not(None), ModelTag.version_id == ModelTag.shown_id)
    ).all()
    for tag, model in tags:
        for rule in rules:
            seen = known.get((rule.id, model.id, tag.name))
            if seen != tag.version_id and applies(rule, model, tag.name):
                yield rule, model, tag


def _ask(session: Session, rule: ReplicationRule, model: Model, tag: ModelTag) -> int:
    row = session.scalar(
        select(Replication)
        .where(
            Replication.rule_id == rule.id,
            Replication.model_id == model.id,
            Replication.tag == tag.name,
        )
        .with_for_update()
    )
    if row is None:
        row = Replication(rule_id=rule.id, model_id=model.id, tag=tag.name, state=WAITING)
        session.add(row)
    elif row.version_id == tag.version_id:
        return 0
    version = session.get_one(ModelVersion, tag.version_id)
    args = {
        "rule": rule.name,
        "model": model.name,
        "tag": tag.name,
        "revision": version.revision,
        "target": rule.target,
    }
    spec = {**args, "source": model.volume, "version_id": version.id}
    job = store.create(
        session,
        store.NewJob(type=REPLICATE, args=args, spec=spec, user_id=rule.user_id),
        None,
    )
    row.version_id, row.state, row.error, row.job_id = version.id, WAITING, "", job.id
    session.flush()
    return 1


def is_latest(session: Session, job_id: int) -> bool:
    """Whether no later version has its turn. Locks the row until the transaction ends."""
    query = select(Replication.id).where(Replication.job_id == job_id).with_for_update()
    return session.scalar(query) is not None


def ended(session: Session, job: Job) -> None:
    """A job has ended: what it means for its rule. Called in the job's last transaction."""
    if job.type != REPLICATE:
        return
    row = session.scalar(select(Replication).where(Replication.job_id == job.id).with_for_update())
    if row is None:  # the rule is gone, or a later version has its turn
        return
    good = job.state == JobState.SUCCESS
    told: dict[str, Any] = {**job.args, "job_id": job.id}
    if good:
        result = job.result or {}
        row.copied_bytes = int(result.get("copied_bytes", 0))
        row.copied_files = int(result.get("copied_files", 0))
        row.state, row.error, row.done_at = DONE, "", now()
        told |= {"copied_bytes": row.copied_bytes, "copied_files": row.copied_files}
        _warm(session, session.get_one(ReplicationRule, row.rule_id), job)
    else:
        row.state, row.error = FAILED, job.error
        told["error"] = job.error
    outbox.emit(session, "replication.succeeded" if good else "replication.failed", told)


def _warm(session: Session, rule: ReplicationRule, job: Job) -> None:
    """Bring what was copied to the nodes beside the target."""
    if rule.warm is None:
        return
    folder = version_folder(job.args["model"], job.args["revision"])
    warm = dict(rule.warm)
    clusters = tuple(int(i) for i in warm.pop("scheduler_cluster_ids", []))
    args = {**warm, "type": "file", "url": f"dffs://{rule.target}/{folder}"}
    spec, _ = parse_preheat(args)
    store.create(
        session,
        store.NewJob(
            type=PREHEAT,
            args=shown(args),
            spec=spec.to_json(),
            cluster_ids=clusters,
            bio=f"warm-up after {rule.name}: {job.args['model']}:{job.args['tag']}",
            user_id=rule.user_id,
        ),
        None,
    )
