"""Clusters: a scheduler cluster and the seed cluster that serves it, handled as one thing.

Every change is kept with what was before it (``…/history``) and can be undone (``…/restore``). The
id is that of the scheduler cluster, as in Dragonfly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import Field
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from dfcore.errors import NotFound
from manager.auth import audit
from manager.db.base import now
from manager.db.clusters import (
    ClusterChange,
    ClusterLink,
    Peer,
    Scheduler,
    SchedulerCluster,
    SeedPeer,
    SeedPeerCluster,
)
from manager.db.revisions import bump
from manager.rest.paging import page
from manager.rest.problems import Conflict
from manager.rest.routes import Answer, Call, Page, Query, Route, Wish
from manager.rest.settings import (
    ClientSettings,
    SchedulerSettings,
    ScopeSettings,
    SeedSettings,
    stored,
)

T = TypeVar("T")
ClusterName = Annotated[str, Field(min_length=1, max_length=256)]
Bio = Annotated[str, Field(max_length=1024)]


class NewCluster(Wish):
    """A cluster to be made."""

    name: ClusterName
    bio: Bio = ""
    scopes: ScopeSettings | None = None
    scheduler_cluster_config: SchedulerSettings = Field(default_factory=SchedulerSettings)
    seed_peer_cluster_config: SeedSettings = Field(default_factory=SeedSettings)
    peer_cluster_config: ClientSettings = Field(default_factory=ClientSettings)
    is_default: bool = False


class ClusterPatch(Wish):
    """What of a cluster is to change; settings are replaced as a whole."""

    name: ClusterName | None = None
    bio: Bio | None = None
    scopes: ScopeSettings | None = None
    scheduler_cluster_config: SchedulerSettings | None = None
    seed_peer_cluster_config: SeedSettings | None = None
    peer_cluster_config: ClientSettings | None = None
    is_default: bool | None = None


class ClusterAnswer(Answer):
    """A cluster."""

    id: int
    name: str
    bio: str
    scopes: dict[str, Any]
    scheduler_cluster_id: int
    seed_peer_cluster_id: int
    scheduler_cluster_config: dict[str, Any]
    seed_peer_cluster_config: dict[str, Any]
    peer_cluster_config: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    is_default: bool


class ChangeAnswer(Answer):
    """One change of a cluster."""

    id: int
    cluster_id: int
    cluster_name: str
    actor: str
    action: str
    before: dict[str, Any]
    after: dict[str, Any]
    created_at: datetime


class ClusterQuery(Query):
    """Which clusters."""

    name: str | None = None


_FIELDS = (
    "name",
    "bio",
    "is_default",
    "scopes",
    "scheduler_cluster_config",
    "seed_peer_cluster_config",
    "peer_cluster_config",
)


def _load(session: Session, number: int) -> tuple[SchedulerCluster, SeedPeerCluster | None]:
    cluster = session.get(SchedulerCluster, number)
    if cluster is None:
        raise NotFound(f"there is no cluster {number}")
    return cluster, _seeds_of(session, number)


def _seeds_of(session: Session, number: int) -> SeedPeerCluster | None:
    return session.scalar(
        select(SeedPeerCluster)
        .join(ClusterLink, ClusterLink.seed_peer_cluster_id == SeedPeerCluster.id)
        .where(ClusterLink.scheduler_cluster_id == number)
        .order_by(SeedPeerCluster.id)
        .limit(1)
    )


def _answer(cluster: SchedulerCluster, seeds: SeedPeerCluster | None) -> ClusterAnswer:
    return ClusterAnswer(
        id=cluster.id,
        name=cluster.name,
        bio=cluster.bio,
        scopes=cluster.scopes or {},
        scheduler_cluster_id=cluster.id,
        seed_peer_cluster_id=seeds.id if seeds else 0,
        scheduler_cluster_config=cluster.config,
        seed_peer_cluster_config=seeds.config if seeds else {},
        peer_cluster_config=cluster.client_config,
        created_at=cluster.created_at,
        updated_at=cluster.updated_at,
        is_default=cluster.is_default,
    )


def _state(cluster: SchedulerCluster, seeds: SeedPeerCluster | None) -> dict[str, Any]:
    return _answer(cluster, seeds).model_dump(mode="json", include=set(_FIELDS))


def _note(
    session: Session,
    cluster: SchedulerCluster,
    action: str,
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    audit.note(cluster=cluster.name)
    session.add(
        ClusterChange(
            cluster_id=cluster.id,
            cluster_name=cluster.name,
            actor=audit.actor(),
            action=action,
            before=before,
            after=after,
        )
    )
    bump(session, "clusters")


def _only_default(session: Session, cluster: SchedulerCluster) -> None:
    """There is one default cluster at most."""
    if cluster.is_default:
        others = select(SchedulerCluster).where(SchedulerCluster.id != cluster.id)
        for other in session.scalars(others):
            other.is_default = False


def _apply(
    session: Session,
    cluster: SchedulerCluster,
    seeds: SeedPeerCluster | None,
    values: Mapping[str, Any],
) -> None:
    columns = {
        "name": "name",
        "bio": "bio",
        "is_default": "is_default",
        "scopes": "scopes",
        "scheduler_cluster_config": "config",
        "peer_cluster_config": "client_config",
    }
    for field, column in columns.items():
        if field in values:
            setattr(cluster, column, values[field])
    if "seed_peer_cluster_config" in values and seeds is not None:
        seeds.config = values["seed_peer_cluster_config"]
        limits = dict(values["seed_peer_cluster_config"])
        limits.pop("load_limit", None)
        cluster.seed_client_config = limits
    cluster.updated_at = now()
    session.flush()
    _only_default(session, cluster)


def _values(patch: Wish) -> dict[str, Any]:
    given = patch.model_fields_set
    found: dict[str, Any] = {}
    for name in _FIELDS:
        value = getattr(patch, name)
        if name in given and value is not None:
            found[name] = value if isinstance(value, (str, bool)) else stored(value)
    return found


async def create(call: Call) -> ClusterAnswer:
    wish = call.body_as(NewCluster)

    def work(session: Session) -> ClusterAnswer:
        cluster = SchedulerCluster(
            name=wish.name,
            bio=wish.bio,
            config=stored(wish.scheduler_cluster_config),
            client_config=stored(wish.peer_cluster_config),
            seed_client_config={},
            scopes=stored(wish.scopes),
            is_default=wish.is_default,
        )
        seeds = SeedPeerCluster(
            name=wish.name, bio=wish.bio, config=stored(wish.seed_peer_cluster_config)
        )
        session.add_all([cluster, seeds])
        session.flush()
        session.add(ClusterLink(seed_peer_cluster_id=seeds.id, scheduler_cluster_id=cluster.id))
        _apply(session, cluster, seeds, {"seed_peer_cluster_config": seeds.config})
        _note(session, cluster, "create", {}, _state(cluster, seeds))
        return _answer(cluster, seeds)

    return await _changed(call, work)


async def update(call: Call) -> ClusterAnswer:
    number, patch = call.number(), call.body_as(ClusterPatch)

    def work(session: Session) -> ClusterAnswer:
        cluster, seeds = _load(session, number)
        before = _state(cluster, seeds)
        _apply(session, cluster, seeds, _values(patch))
        after = _state(cluster, seeds)
        if after != before:
            _note(session, cluster, "update", before, after)
        return _answer(cluster, seeds)

    return await _changed(call, work)


async def destroy(call: Call) -> None:
    number = call.number()

    def work(session: Session) -> None:
        cluster, seeds = _load(session, number)
        if _used(session, Scheduler, Scheduler.scheduler_cluster_id, number):
            raise Conflict("schedulers still belong to this cluster")
        if seeds and _used(session, SeedPeer, SeedPeer.seed_peer_cluster_id, seeds.id):
            raise Conflict("seeds still belong to this cluster")
        session.execute(delete(Peer).where(Peer.scheduler_cluster_id == number))
        _note(session, cluster, "delete", _state(cluster, seeds), {})
        links = select(ClusterLink).where(ClusterLink.scheduler_cluster_id == number)
        for link in session.scalars(links):
            session.delete(link)
        session.flush()
        session.delete(cluster)
        if seeds and not _used(session, ClusterLink, ClusterLink.seed_peer_cluster_id, seeds.id):
            session.delete(seeds)

    await _changed(call, work)


def _used(session: Session, table: Any, column: Any, number: int) -> bool:
    count = select(func.count()).select_from(table).where(column == number)
    return bool(session.scalar(count))


async def show(call: Call) -> ClusterAnswer:
    return await call.core.database.read(lambda s: _answer(*_load(s, call.number())))


async def listing(call: Call) -> Page:
    query = call.query_as(ClusterQuery)

    def work(session: Session) -> Page:
        statement = select(SchedulerCluster).order_by(SchedulerCluster.id)
        if query.name:
            statement = statement.where(SchedulerCluster.name == query.name)
        return page(session, statement, query, lambda row: _answer(row, _seeds_of(session, row.id)))

    return await call.core.database.read(work)


async def history(call: Call) -> Page:
    query, number = call.query_as(Query), call.number()
    statement = (
        select(ClusterChange)
        .where(ClusterChange.cluster_id == number)
        .order_by(ClusterChange.id.desc())
    )
    return await call.core.database.read(
        lambda s: page(s, statement, query, ChangeAnswer.model_validate)
    )


async def restore(call: Call) -> ClusterAnswer:
    """Undo one change: the cluster becomes what it was before it."""
    number, change_id = call.number(), call.number("change_id")

    def work(session: Session) -> ClusterAnswer:
        change = session.get(ClusterChange, change_id)
        if change is None or change.cluster_id != number:
            raise NotFound(f"there is no change {change_id} of cluster {number}")
        if not change.before:
            raise Conflict("before this change there was no cluster; delete it instead")
        cluster, seeds = _load(session, number)
        before = _state(cluster, seeds)
        _apply(session, cluster, seeds, change.before)
        _note(session, cluster, "restore", before, _state(cluster, seeds))
        return _answer(cluster, seeds)

    return await _changed(call, work)


async def _changed(call: Call, work: Callable[[Session], T]) -> T:
    result = await call.core.database.run(work)
    call.core.changes.poke()
    return result


def routes(prefix: str) -> tuple[Route, ...]:
    """The rows for ``/api/v1/clusters``, and Dragonfly's open API again."""
    one = prefix + "/{id}"
    read, write = "clusters:read", "clusters:write"
    return (
        Route("POST", prefix, write, create, "Make a cluster", NewCluster, answer=ClusterAnswer),
        Route("DELETE", one, write, destroy, "Delete a cluster"),
        Route("PATCH", one, write, update, "Change a cluster", ClusterPatch, answer=ClusterAnswer),
        Route("GET", one, read, show, "One cluster", answer=ClusterAnswer),
        Route(
            "GET",
            prefix,
            read,
            listing,
            "Clusters",
            query=ClusterQuery,
            answer=list[ClusterAnswer],
        ),
    )


def history_routes() -> tuple[Route, ...]:
    """The rows that Dragonfly has not."""
    one = "/api/v1/clusters/{id}/history"
    return (
        Route(
            "GET",
            one,
            "clusters:read",
            history,
            "Changes of a cluster, the latest first",
            query=Query,
            answer=list[ChangeAnswer],
        ),
        Route(
            "POST",
            one + "/{change_id}/restore",
            "clusters:write",
            restore,
            "Undo a change",
            answer=ClusterAnswer,
        ),
    )
