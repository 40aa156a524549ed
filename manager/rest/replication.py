"""Routes of replication rules and webhooks."""

from __future__ import annotations

import secrets

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dfcore.errors import BadInput, NotFound
from manager.db import revisions
from manager.db.jobs import Job
from manager.db.models import (
    Model,
    ModelVersion,
    Replication,
    ReplicationRule,
    VolumeRow,
    Webhook,
    WebhookDelivery,
)
from manager.jobs.means import Means
from manager.jobs.spec import parse_preheat
from manager.jobs.states import JobState
from manager.models.registry import TOPIC
from manager.replication import rules
from manager.rest.models_schema import (
    DeliveryAnswer,
    ReplicationAnswer,
    ReplicationQuery,
    RuleAnswer,
    RuleWish,
    WebhookAnswer,
    WebhookWish,
)
from manager.rest.paging import equal_to, page
from manager.rest.problems import Conflict
from manager.rest.routes import Call, Page, Query, Route
from manager.webhooks import outbox

_RULES = "/api/v1/replication-rules"
_HOOKS = "/api/v1/webhooks"


class RuleRoutes:
    """Handlers of replication."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def listed(self, call: Call) -> Page:
        """Rules by name."""
        query = call.query_as(Query)
        statement = select(ReplicationRule).order_by(ReplicationRule.name)
        return await call.core.database.read(
            lambda s: page(s, statement, query, RuleAnswer.model_validate)
        )

    async def create(self, call: Call) -> RuleAnswer:
        """Make a rule; tags that match already are copied now."""
        wish = call.body_as(RuleWish)

        def made(session: Session) -> RuleAnswer:
            rule = ReplicationRule(user_id=call.principal.user_id)
            return self._filled(session, rule, wish)

        answer = await call.core.database.run(made)
        call.core.changes.poke()
        return answer

    async def change(self, call: Call) -> RuleAnswer:
        """Change a rule."""
        number, wish = call.number(), call.body_as(RuleWish)
        answer = await call.core.database.run(lambda s: self._filled(s, _rule(s, number), wish))
        call.core.changes.poke()
        return answer

    async def remove(self, call: Call) -> None:
        """Forget a rule; what it copied stays."""
        number = call.number()

        def removed(session: Session) -> None:
            rule = _rule(session, number)
            for row in session.scalars(select(Replication).where(Replication.rule_id == number)):
                session.delete(row)
            session.flush()
            session.delete(rule)

        await call.core.database.run(removed)

    async def states(self, call: Call) -> Page:
        """What the rules did, or do."""
        query = call.query_as(ReplicationQuery)
        statement = equal_to(
            select(Replication).order_by(Replication.id.desc()), Replication, query
        )
        return await call.core.database.read(
            lambda s: page(s, statement, query, lambda row: _replication(s, row))
        )

    async def again(self, call: Call) -> ReplicationAnswer:
        """Copy once more."""
        number = call.number()
        answer = await call.core.database.run(lambda s: _replication(s, rules.again(s, number)))
        call.core.changes.poke()
        return answer

    def _filled(self, session: Session, rule: ReplicationRule, wish: RuleWish) -> RuleAnswer:
        if session.scalar(select(VolumeRow.id).where(VolumeRow.name == wish.target)) is None:
            raise NotFound(f"target: there is no volume {wish.target}")
        warm = None if wish.warm is None else wish.warm.model_dump(exclude_none=True)
        if warm is not None:
            parse_preheat({**warm, "url": f"dffs://{wish.target}/models"})
        rule.name, rule.model_pattern = wish.name, wish.model_pattern
        rule.tag_pattern, rule.target = wish.tag_pattern, wish.target
        rule.enabled, rule.warm = wish.enabled, warm
        _added(session, rule, wish.name)
        revisions.bump(session, TOPIC)
        return RuleAnswer.model_validate(rule)


class WebhookRoutes:
    """Handlers of webhooks."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def listed(self, call: Call) -> Page:
        """Webhooks by name."""
        query = call.query_as(Query)
        statement = select(Webhook).order_by(Webhook.name)
        return await call.core.database.read(lambda s: page(s, statement, query, _hook))

    async def create(self, call: Call) -> WebhookAnswer:
        """Make a webhook."""
        wish = call.body_as(WebhookWish)
        secret = wish.secret or secrets.token_urlsafe(32)

        def made(session: Session) -> WebhookAnswer:
            hook = Webhook(user_id=call.principal.user_id)
            answer = self._filled(session, hook, wish, secret)
            return answer.model_copy(update={"secret": None if wish.secret else secret})

        return await call.core.database.run(made)

    async def change(self, call: Call) -> WebhookAnswer:
        """Change a webhook; without a secret it keeps its own."""
        number, wish = call.number(), call.body_as(WebhookWish)
        return await call.core.database.run(
            lambda s: self._filled(s, outbox.find(s, number), wish, wish.secret)
        )

    async def remove(self, call: Call) -> None:
        """Forget a webhook."""
        number = call.number()
        await call.core.database.run(lambda s: outbox.remove(s, number))

    async def ping(self, call: Call) -> None:
        """Send an event that means nothing."""
        number = call.number()

        def sent(session: Session) -> None:
            hook = outbox.find(session, number)
            outbox.emit(session, "ping", {"webhook": hook.name}, only=number)

        await call.core.database.run(sent)
        call.core.changes.poke()

    async def deliveries(self, call: Call) -> Page:
        """Events of a webhook, the newest first."""
        number, query = call.number(), call.query_as(Query)
        statement = (
            select(WebhookDelivery)
            .where(WebhookDelivery.webhook_id == number)
            .order_by(WebhookDelivery.id.desc())
        )

        def found(session: Session) -> Page:
            outbox.find(session, number)
            return page(session, statement, query, DeliveryAnswer.model_validate)

        return await call.core.database.read(found)

    def _filled(
        self, session: Session, hook: Webhook, wish: WebhookWish, secret: str
    ) -> WebhookAnswer:
        if not wish.url.startswith(("http://", "https://")):
            raise BadInput("url: must begin with http:// or https://")
        self._means.targets.check_literal(wish.url)
        for pattern in wish.events:
            if not outbox.matches_any(pattern):
                raise BadInput(f"events: {pattern[:64]!r} is none of {', '.join(outbox.EVENTS)}")
        hook.name, hook.url, hook.events = wish.name, wish.url, list(wish.events)
        hook.enabled = wish.enabled
        if secret:
            hook.sealed = self._means.vault.seal(secret.encode(), "webhook")
        _added(session, hook, wish.name)
        return _hook(hook)


def routes(means: Means) -> tuple[Route, ...]:
    """The table of replication and webhooks."""
    return (*_rule_routes(RuleRoutes(means)), *_hook_routes(WebhookRoutes(means)))


def _rule_routes(of: RuleRoutes) -> tuple[Route, ...]:
    read, write, one = "replication:read", "replication:write", f"{_RULES}/{{id}}"
    all_ = list[RuleAnswer]
    states = list[ReplicationAnswer]
    again = "/api/v1/replications/{id}/retry"
    return (
        Route("GET", _RULES, read, of.listed, "List rules", query=Query, answer=all_),
        Route("POST", _RULES, write, of.create, "Make a rule", body=RuleWish, answer=RuleAnswer),
        Route("PUT", one, write, of.change, "Change a rule", body=RuleWish, answer=RuleAnswer),
        Route("DELETE", one, write, of.remove, "Forget a rule"),
        Route(
            "GET",
            "/api/v1/replications",
            read,
            of.states,
            "What the rules did, or do",
            query=ReplicationQuery,
            answer=states,
        ),
        Route("POST", again, write, of.again, "Copy once more", answer=ReplicationAnswer),
    )


def _hook_routes(of: WebhookRoutes) -> tuple[Route, ...]:
    read, write, one = "webhooks:read", "webhooks:write", f"{_HOOKS}/{{id}}"
    all_, sent = list[WebhookAnswer], list[DeliveryAnswer]
    make = "Make a webhook"
    return (
        Route("GET", _HOOKS, read, of.listed, "List webhooks", query=Query, answer=all_),
        Route("POST", _HOOKS, write, of.create, make, body=WebhookWish, answer=WebhookAnswer),
        Route(
            "PUT",
            one,
            write,
            of.change,
            "Change a webhook",
            body=WebhookWish,
            answer=WebhookAnswer,
        ),
        Route("DELETE", one, write, of.remove, "Forget a webhook"),
        Route("POST", f"{one}/ping", write, of.ping, "Send an event that means nothing"),
        Route(
            "GET", f"{one}/deliveries", read, of.deliveries, "Events sent", query=Query, answer=sent
        ),
    )


def _added(session: Session, row: ReplicationRule | Webhook, name: str) -> None:
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:
        raise Conflict(f"the name {name} is taken") from None


def _rule(session: Session, number: int) -> ReplicationRule:
    rule = session.get(ReplicationRule, number)
    if rule is None:
        raise NotFound(f"there is no rule {number}")
    return rule


def _hook(hook: Webhook) -> WebhookAnswer:
    return WebhookAnswer(
        id=hook.id,
        name=hook.name,
        url=hook.url,
        events=hook.events,
        enabled=hook.enabled,
        created_at=hook.created_at,
        updated_at=hook.updated_at,
    )


def _replication(session: Session, row: Replication) -> ReplicationAnswer:
    rule = session.get_one(ReplicationRule, row.rule_id)
    model = session.get(Model, row.model_id)
    version = session.get(ModelVersion, row.version_id) if row.version_id else None
    job = session.get(Job, row.job_id) if row.job_id else None
    return ReplicationAnswer(
        id=row.id,
        rule=rule.name,
        target=rule.target,
        model=model.name if model else "",
        tag=row.tag,
        revision=version.revision if version else "",
        state=row.state,
        error=row.error,
        job_id=row.job_id,
        phase=JobState(job.state) if job else None,
        done_bytes=job.done_bytes if job else 0,
        total_bytes=job.total_bytes if job else 0,
        copied_bytes=row.copied_bytes,
        copied_files=row.copied_files,
        done_at=row.done_at,
        updated_at=row.updated_at,
    )
