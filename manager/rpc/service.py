"""Dragonfly's ``manager.v2.Manager``, all nine calls: ours and its own components register here."""

# ruff: noqa: N802 (method names are the protocol's)

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from google.protobuf import empty_pb2
from sqlalchemy.orm import Session

from dfcore.errors import BadInput, NotFound
from dfinfra.pb import manager_pb2 as pb
from dfinfra.pb import manager_pb2_grpc
from manager.changes import Changes
from manager.db.clusters import Peer, Scheduler, SeedPeer, SeedPeerCluster
from manager.db.database import Database
from manager.rpc import checks, messages, registry
from manager.rpc.directory import Directory
from manager.rpc.presence import Kind, Presence
from manager.rpc.scoring import Where
from manager.rpc.snapshot import SCHEDULE

SERVICE_NAME = "manager.v2.Manager"
DEFAULT_FEATURES = [SCHEDULE, "preheat"]
_KINDS: dict[int, Kind] = {
    pb.SCHEDULER_SOURCE: Scheduler,
    pb.SEED_PEER_SOURCE: SeedPeer,
    pb.PEER_SOURCE: Peer,
}


class ManagerService(manager_pb2_grpc.ManagerServicer):
    """Answers of discovery come from memory; registrations go to the database."""

    def __init__(
        self, database: Database, changes: Changes, directory: Directory, presence: Presence
    ) -> None:
        self._database = database
        self._changes = changes
        self._directory = directory
        self._presence = presence

    # Seeds

    async def GetSeedPeer(self, request: pb.GetSeedPeerRequest, context: Any) -> pb.SeedPeer:
        name, ip = checks.hostname(request.hostname), checks.ip(request.ip)
        cluster_id = checks.cluster("seed_peer_cluster_id", request.seed_peer_cluster_id)

        def work(session: Session) -> pb.SeedPeer:
            row = registry.find_by_name(session, SeedPeer, name, ip, cluster_id)
            if row is None:
                raise NotFound(f"there is no seed {name} in cluster {cluster_id}")
            cluster = session.get_one(SeedPeerCluster, cluster_id)
            told = messages.seed_peer(row, messages.seed_peer_cluster(cluster))
            told.schedulers.extend(
                messages.scheduler(one) for one in registry.serving(session, cluster_id)
            )
            return told

        return await self._database.read(work)

    async def ListSeedPeers(
        self, request: pb.ListSeedPeersRequest, context: Any
    ) -> pb.ListSeedPeersResponse:
        """The active seeds that share a cluster with the one who asks."""
        name, ip = checks.hostname(request.hostname), checks.ip(request.ip)
        snapshot = self._directory.snapshot
        seeds = {s.id: s for view in snapshot.clusters.values() for s in view.seeds}
        own = {s.seed_peer_cluster_id for s in seeds.values() if s.hostname == name and s.ip == ip}
        if not own:
            raise NotFound(f"there is no active seed {name} at {ip}")
        return pb.ListSeedPeersResponse(
            seed_peers=[s for s in seeds.values() if s.seed_peer_cluster_id in own]
        )

    async def UpdateSeedPeer(self, request: pb.UpdateSeedPeerRequest, context: Any) -> pb.SeedPeer:
        if request.type != "super":
            raise BadInput(f"type: {request.type[:32]!r} must be super")
        identity = (
            checks.hostname(request.hostname),
            checks.ip(request.ip),
            checks.cluster("seed_peer_cluster_id", request.seed_peer_cluster_id),
        )
        values = {
            "type": request.type,
            "idc": checks.text("idc", request.idc),
            "location": checks.text("location", request.location),
            "port": checks.port("port", request.port),
            "download_port": checks.port("download_port", request.download_port),
        }
        row = await self._enter(SeedPeer, identity, values, active=True)
        return messages.seed_peer(row)

    async def DeleteSeedPeer(
        self, request: pb.DeleteSeedPeerRequest, context: Any
    ) -> empty_pb2.Empty:
        name, ip = checks.hostname(request.hostname), checks.ip(request.ip)
        cluster_id = checks.cluster("seed_peer_cluster_id", request.seed_peer_cluster_id)
        await self._database.run(lambda s: registry.leave(s, SeedPeer, name, ip, cluster_id))
        self._changes.poke()
        return empty_pb2.Empty()

    # Schedulers

    async def GetScheduler(self, request: pb.GetSchedulerRequest, context: Any) -> pb.Scheduler:
        name, ip = checks.hostname(request.hostname), checks.ip(request.ip)
        cluster_id = checks.cluster("scheduler_cluster_id", request.scheduler_cluster_id)
        row = await self._database.read(
            lambda s: registry.find_by_name(s, Scheduler, name, ip, cluster_id)
        )
        if row is None:
            raise NotFound(f"there is no scheduler {name} in cluster {cluster_id}")
        told = messages.scheduler(row)
        view = self._directory.snapshot.clusters.get(cluster_id)
        if view is not None:
            told.scheduler_cluster.CopyFrom(view.cluster)
            told.seed_peers.extend(view.seeds)
        return told

    async def UpdateScheduler(
        self, request: pb.UpdateSchedulerRequest, context: Any
    ) -> pb.Scheduler:
        identity = (
            checks.hostname(request.hostname),
            checks.ip(request.ip),
            checks.cluster("scheduler_cluster_id", request.scheduler_cluster_id),
        )
        values = {
            "idc": checks.text("idc", request.idc),
            "location": checks.text("location", request.location),
            "port": checks.port("port", request.port),
            "features": list(request.features) or DEFAULT_FEATURES,
            "config": _mapping(request.config),
        }
        row = await self._enter(Scheduler, identity, values, active=False)
        return messages.scheduler(row)

    async def ListSchedulers(
        self, request: pb.ListSchedulersRequest, context: Any
    ) -> pb.ListSchedulersResponse:
        """The active schedulers of the cluster that is named, else of all, the best cluster first."""
        where = Where(
            checks.ip(request.ip),
            checks.hostname(request.hostname),
            checks.text("idc", request.idc),
            checks.text("location", request.location),
        )
        snapshot = self._directory.snapshot
        if request.scheduler_cluster_id:
            return snapshot.schedulers(snapshot.only(request.scheduler_cluster_id))
        return snapshot.schedulers(snapshot.best(where))

    # All

    async def ListApplications(
        self, request: pb.ListApplicationsRequest, context: Any
    ) -> pb.ListApplicationsResponse:
        applications = self._directory.snapshot.applications
        if not applications:
            raise NotFound("there are no applications")  # as Dragonfly's manager says it
        return pb.ListApplicationsResponse(applications=applications)

    async def KeepAlive(
        self, requests: AsyncIterator[pb.KeepAliveRequest], context: Any
    ) -> empty_pb2.Empty:
        """The sender is active from the first message to the end of the stream."""
        number: int | None = None
        kind: Kind = Peer
        try:
            async for request in requests:
                if number is None:
                    kind, number = await self._alive(request)
                    self._presence.opened(kind, number)
        finally:
            if number is not None:
                self._presence.ended(kind, number)
        return empty_pb2.Empty()

    async def _alive(self, request: pb.KeepAliveRequest) -> tuple[Kind, int]:
        kind = _KINDS.get(request.source_type)
        if kind is None:
            raise BadInput("source_type: unknown")
        name, ip = checks.hostname(request.hostname), checks.ip(request.ip)
        cluster_id = checks.cluster("cluster_id", request.cluster_id)
        row = await self._database.read(lambda s: registry.find(s, kind, name, ip, cluster_id))
        if row is None:
            raise NotFound(f"{name} has not registered in cluster {cluster_id}")
        return kind, row.id

    async def _enter(
        self, kind: Kind, identity: tuple[str, str, int], values: dict[str, Any], *, active: bool
    ) -> Any:
        row = await self._database.run(
            lambda s: registry.enter(s, kind, identity, values, active=active)
        )
        self._changes.poke()
        return row


def _mapping(raw: bytes) -> dict[str, Any]:
    if not raw:
        return {}
    try:
        value = json.loads(raw)
    except ValueError:
        raise BadInput("config: no JSON") from None
    if not isinstance(value, dict):
        raise BadInput("config: must be a JSON object")
    return value
