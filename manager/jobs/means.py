"""What jobs, models, replication and webhooks share, and the service that does jobs."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dfcore.errors import ConfigError
from dfcore.hosts import host_port
from dfinfra.lifecycle import Service
from dfinfra.services import Opening
from manager.db.base import now
from manager.db.clusters import ACTIVE, Peer, Scheduler
from manager.db.users import Audit
from manager.jobs import orders, store
from manager.jobs.config import JobsConfig
from manager.jobs.dispatch import Dispatcher, DispatchPolicy
from manager.jobs.distribution import ImageDistribution
from manager.jobs.hosts import JobHost
from manager.jobs.nodes import Nodes
from manager.jobs.origins import Origins
from manager.jobs.periodic import Forget, Periodic
from manager.jobs.preheat import Preheat
from manager.jobs.runner import Handler, LeasePolicy, Runner
from manager.jobs.swarm import SchedulerAddress, Swarm
from manager.jobs.targets import Targets, parse_networks
from manager.jobs.upkeep import Clear, DeleteTask, GetTask, SyncPeers
from manager.jobs.vault import Vault, key_in, read_key
from manager.jobs.web import Web
from manager.models.desk import Desk
from manager.models.volumes import Volumes
from manager.parts import Core


@dataclass(frozen=True, slots=True)
class Means:
    """What jobs, models, replication and webhooks share."""

    core: Core
    config: JobsConfig
    vault: Vault
    targets: Targets
    web: Web
    desk: Desk
    origins: Origins


def means(core: Core) -> Means:
    """Build what is shared. The vault has no key before its service has started."""
    try:
        allowed = parse_networks(core.config.targets.allow)
    except ValueError as error:
        raise ConfigError(f"targets.allow: {error}") from None
    config = core.config.jobs
    targets = Targets(allowed, trusted=(config.hub,))
    vault = Vault()
    desk = Desk(core.database, Volumes(core.database, vault))
    web = Web(targets, tls=_tls(config))
    origins = Origins(core.database, vault, web, desk, hub=config.hub)
    return Means(core, config, vault, targets, web, desk, origins)


def unlocking(shared: Means) -> Service:
    """The service that gives the vault its key; comes right after the database."""

    async def unlock() -> None:
        if shared.config.key_file is not None:
            key = read_key(shared.config.key_file)
        else:
            key = await shared.core.database.run(key_in)
        shared.vault.unlock(key)

    return Opening("vault", unlock, shared.web.close)


def dispatching(shared: Means, more: dict[str, Handler] | None = None) -> Service:
    """The service that does jobs; ``more`` are handlers of other parts."""
    core, config = shared.core, shared.config
    lease = LeasePolicy(lease_s=config.lease_s, beat_s=config.beat_s)
    runner = Runner(
        core.database,
        {**_handlers(shared), **(more or {})},
        lambda claim: store.credentials_of(claim, shared.vault),
        lease,
        core.metrics,
    )
    policy = DispatchPolicy(at_once=config.at_once, poll_s=core.config.poll_s)
    return Dispatcher(core.database, core.changes, runner, core.replica, lease, policy)


def upkeep(shared: Means) -> Service:
    """The service that does without being asked what is due from time to time."""
    core, config = shared.core, shared.config
    return Periodic(core.database, core.changes, forgetting(shared), config.sync_peers_interval_s)


def forgetting(shared: Means) -> tuple[Forget, Forget]:
    """What forgets old jobs, and old records of the audit, some at a time."""
    keep = shared.core.config.retention

    def old_jobs(session: Session) -> int:
        return store.drop_older(session, now() - timedelta(seconds=keep.jobs_s))

    def old_audits(session: Session) -> int:
        before = now() - timedelta(seconds=keep.audits_s)
        ids = list(session.scalars(select(Audit.id).where(Audit.operated_at < before).limit(500)))
        session.execute(delete(Audit).where(Audit.id.in_(ids)))
        return len(ids)

    return old_jobs, old_audits


def _handlers(shared: Means) -> dict[str, Handler]:
    core = shared.core

    async def schedulers(cluster_ids: tuple[int, ...]) -> Sequence[SchedulerAddress]:
        return await core.database.read(lambda s: active_schedulers(s, cluster_ids))

    old_jobs, old_audits = forgetting(shared)
    swarm = Swarm(core.channels, schedulers)
    nodes = Nodes(core.channels, core.secure, in_clear=shared.config.credentials_in_clear)
    return {
        orders.PREHEAT: Preheat(shared.origins, swarm, nodes, core.clock, Random()),
        orders.GET_TASK: GetTask(swarm, nodes),
        orders.GET_IMAGE: ImageDistribution(shared.origins, swarm),
        orders.DELETE_TASK: DeleteTask(swarm, nodes),
        orders.SYNC_PEERS: SyncPeers(swarm, core.database, take_in),
        orders.GC: Clear(core.database, old_jobs, old_audits),
    }


def active_schedulers(session: Session, cluster_ids: tuple[int, ...]) -> Sequence[SchedulerAddress]:
    """Schedulers that give signs of life, of these clusters or of all."""
    query = select(Scheduler).where(Scheduler.state == ACTIVE).order_by(Scheduler.id)
    if cluster_ids:
        query = query.where(Scheduler.scheduler_cluster_id.in_(cluster_ids))
    return [
        SchedulerAddress(host_port(row.ip, row.port), row.scheduler_cluster_id)
        for row in session.scalars(query)
    ]


def take_in(session: Session, hosts: Iterable[JobHost]) -> int:
    """Write hosts into the list of peers: those of a scheduler's word are active."""
    count = 0
    for host in hosts:
        if host.seed:
            continue
        query = select(Peer).where(
            Peer.host_name == host.hostname,
            Peer.ip == host.ip,
            Peer.scheduler_cluster_id == host.cluster_id,
        )
        peer = session.scalar(query)
        if peer is None:
            peer = Peer(
                host_name=host.hostname, ip=host.ip, scheduler_cluster_id=host.cluster_id, port=0
            )
            session.add(peer)
        peer.port, peer.state, peer.last_keep_alive_at = host.port, ACTIVE, now()
        count += 1
    return count


def _tls(config: JobsConfig) -> ssl.SSLContext | None:
    if config.ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(config.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"jobs.caFile: {config.ca_file}: {error}") from error
