"""Events and the webhooks that want them, in the database.

An event is written for each webhook in the transaction in which it happens: it is sent if and only if it
happened. Each delivery has a lease of its own while a replica sends it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dfcore.errors import NotFound
from manager.db import revisions
from manager.db.base import now
from manager.db.database import claimable
from manager.db.models import Webhook, WebhookDelivery

TOPIC = "webhooks"
WAITING, SENT, FAILED = "waiting", "sent", "failed"
EVENTS = (
    "model.version.created",
    "model.version.deleted",
    "model.tag.moved",
    "model.tag.deleted",
    "replication.succeeded",
    "replication.failed",
    "job.ended",
    "ping",
)
KEPT = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event that this replica sends now."""

    id: int
    url: str
    event_id: str
    event: str
    payload: Mapping[str, Any]
    attempts: int
    webhook: str
    sealed: bytes = field(repr=False)


def matches_any(pattern: str) -> bool:
    """Whether a pattern means any event."""
    return any(fnmatchcase(event, pattern) for event in EVENTS)


def emit(
    session: Session, event: str, payload: Mapping[str, Any], *, only: int | None = None
) -> None:
    """Write an event down for every webhook that wants it, or for one."""
    moment, event_id = now(), str(uuid.uuid4())
    body = {"id": event_id, "event": event, "at": moment.isoformat(), "data": dict(payload)}
    wanted = False
    for hook in session.scalars(select(Webhook).where(Webhook.enabled.is_(True))).all():
        if only is not None and hook.id != only:
            continue
        if only is None and not any(fnmatchcase(event, pattern) for pattern in hook.events):
            continue
        wanted = True
        session.add(
            WebhookDelivery(
                webhook_id=hook.id,
                event_id=event_id,
                event=event,
                payload=body,
                state=WAITING,
                next_at=moment,
            )
        )
    if wanted:
        session.flush()
        revisions.bump(session, TOPIC)


def claim(session: Session, lease_s: float, limit: int) -> list[Delivery]:
    """Take due deliveries; they are due again when the lease has run out."""
    moment = now()
    query = (
        select(WebhookDelivery)
        .where(WebhookDelivery.state == WAITING, WebhookDelivery.next_at <= moment)
        .order_by(WebhookDelivery.next_at)
        .limit(limit)
    )
    taken = []
    for row in session.scalars(claimable(query)).all():
        hook = session.get(Webhook, row.webhook_id)
        if hook is None or not hook.enabled:
            row.state, row.error = FAILED, "the webhook is switched off"
            continue
        row.attempts += 1
        row.next_at = moment + timedelta(seconds=lease_s)
        taken.append(
            Delivery(
                row.id,
                hook.url,
                row.event_id,
                row.event,
                row.payload,
                row.attempts,
                hook.name,
                hook.sealed,
            )
        )
    return taken


def report(
    session: Session, delivery: Delivery, *, status: int, error: str, again_s: float | None
) -> None:
    """How an attempt went; with ``again_s`` it is tried again after so long."""
    row = session.get(WebhookDelivery, delivery.id)
    if row is None or row.state != WAITING or row.attempts != delivery.attempts:
        return
    row.status, row.error = status, error[:1000]
    if not error:
        row.state = SENT
    elif again_s is None:
        row.state = FAILED
    else:
        row.next_at = now() + timedelta(seconds=again_s)


def due(session: Session) -> bool:
    """Whether something is to be sent."""
    query = select(WebhookDelivery.id).where(
        WebhookDelivery.state == WAITING, WebhookDelivery.next_at <= now()
    )
    return session.scalar(query.limit(1)) is not None


def purge(session: Session) -> int:
    """Forget old deliveries; returns how many."""
    old = select(WebhookDelivery.id).where(
        WebhookDelivery.state != WAITING, WebhookDelivery.updated_at < now() - KEPT
    )
    ids: Sequence[int] = session.scalars(old.limit(1000)).all()
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.id.in_(ids)))
    return len(ids)


def find(session: Session, number: int) -> Webhook:
    """A webhook. Raises NotFound."""
    hook = session.get(Webhook, number)
    if hook is None:
        raise NotFound(f"there is no webhook {number}")
    return hook


def remove(session: Session, number: int) -> None:
    """Forget a webhook with what it still had to send."""
    hook = find(session, number)
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.webhook_id == number))
    session.delete(hook)
