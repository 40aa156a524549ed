"""Our own stream: a process is told its configuration at once, and again after every change.

A peer that watches is entered into the table of peers and counts as active while it does. Ten thousand
of them start at the same moment after an outage, so they are entered in batches.
"""

# ruff: noqa: N802 (method names are the protocol's)

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from dfinfra.pb import manager_pb2, managerlink_pb2_grpc
from dfinfra.pb import managerlink_pb2 as pb
from manager.db.base import now
from manager.db.clusters import ACTIVE, Peer
from manager.db.database import Database
from manager.db.revisions import bump
from manager.rpc import checks
from manager.rpc.directory import Directory
from manager.rpc.presence import Presence
from manager.rpc.scoring import Where
from manager.rpc.snapshot import Snapshot

log = get_logger("watch")

SERVICE_NAME = "meganeura.v1.ManagerExtension"
BATCH = 250
SETTLE_S = 0.1

Key = tuple[str, str, int]


class PeerBook:
    """Enters peers into the database, many at a time. A service."""

    name = "peer book"

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[Key, tuple[dict[str, Any], list[asyncio.Future[int]]]] = {}
        self._wake = asyncio.Event()
        self._jobs = JobGroup("peer book")

    async def start(self) -> None:
        """Begin to write."""
        self._jobs.spawn(self._write(), name="write")

    async def stop(self) -> None:
        """Write no more."""
        await self._jobs.cancel_all()

    async def enter(self, key: Key, values: dict[str, Any]) -> int:
        """The id of the peer's row."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        futures = self._waiting.setdefault(key, (values, []))[1]
        futures.append(future)
        self._wake.set()
        return await future

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(SETTLE_S)
            self._wake.clear()
            while self._waiting:
                keys = list(self._waiting)[:BATCH]
                batch = {key: self._waiting.pop(key) for key in keys}
                await self._write_batch(batch)

    async def _write_batch(
        self, batch: dict[Key, tuple[dict[str, Any], list[asyncio.Future[int]]]]
    ) -> None:
        values = {key: given for key, (given, _) in batch.items()}
        try:
            numbers = await self._database.run(lambda session: _enter_all(session, values))
        except Exception as error:
            log.warning("peers not entered", reason=type(error).__name__)
            for _, futures in batch.values():
                for future in futures:
                    if not future.done():
                        future.set_exception(error)
            return
        for key, (_, futures) in batch.items():
            for future in futures:
                if not future.done():
                    future.set_result(numbers[key])


def _enter_all(session: Session, values: dict[Key, dict[str, Any]]) -> dict[Key, int]:
    columns = tuple_(Peer.host_name, Peer.ip, Peer.scheduler_cluster_id)
    found = {
        (row.host_name, row.ip, row.scheduler_cluster_id): row
        for row in session.scalars(select(Peer).where(columns.in_(list(values))))
    }
    moment = now()
    for key, given in values.items():
        row = found.get(key)
        if row is None:
            row = Peer(host_name=key[0], ip=key[1], scheduler_cluster_id=key[2])
            found[key] = row
            session.add(row)
        for name, value in given.items():
            setattr(row, name, value)
        row.state, row.last_keep_alive_at = ACTIVE, moment
    session.flush()
    bump(session, "peers")
    return {key: row.id for key, row in found.items()}


class ManagerExtension(managerlink_pb2_grpc.ManagerExtensionServicer):
    """Serves ``Watch``."""

    def __init__(self, directory: Directory, presence: Presence, book: PeerBook) -> None:
        self._directory = directory
        self._presence = presence
        self._book = book

    async def Watch(
        self, request: pb.WatchRequest, context: Any
    ) -> AsyncIterator[pb.Configuration]:
        where = Where(
            checks.ip(request.ip),
            checks.hostname(request.hostname),
            checks.text("idc", request.idc),
            checks.text("location", request.location),
        )
        source, cluster_id, known = request.source_type, request.cluster_id, request.known_digest
        facts = _facts(request) if source == manager_pb2.PEER_SOURCE else None
        del request  # thousands of these are open at a time
        number: int | None = None
        snapshot = self._directory.snapshot
        told = _told(snapshot, source, cluster_id, where)
        try:
            while True:
                if told.digest != known:
                    known = told.digest
                    yield told
                if facts is not None and number is None and told.cluster.id:
                    key = (where.hostname, where.ip, told.cluster.id)
                    number = await self._book.enter(key, facts)
                    self._presence.opened(Peer, number)
                snapshot = await self._directory.newer(snapshot)
                told = _told(snapshot, source, cluster_id, where)
        finally:
            if number is not None:
                self._presence.ended(Peer, number)


def _told(snapshot: Snapshot, source: int, cluster_id: int, where: Where) -> pb.Configuration:
    """What the one who asks is to be told, as things are."""
    if source == manager_pb2.SCHEDULER_SOURCE:
        return snapshot.configuration(source, cluster_id, ())
    order = snapshot.best(where)
    if source == manager_pb2.SEED_PEER_SOURCE:
        own = snapshot.seed_clusters.get(cluster_id)
        served = own.serves if own is not None else ()
        return snapshot.configuration(source, cluster_id, tuple(n for n in order if n in served))
    if cluster_id:
        order = snapshot.only(cluster_id)
    elif not order and snapshot.default_cluster():
        # No scheduler is active yet: the settings of the default cluster are in force.
        return snapshot.configuration(source, snapshot.default_cluster(), ())
    return snapshot.configuration(source, 0, order)


def _facts(request: pb.WatchRequest) -> dict[str, Any]:
    """What the table of peers keeps."""
    return {
        "port": request.port,
        "download_port": request.download_port,
        "proxy_port": request.proxy_port,
        "idc": request.idc,
        "location": request.location,
        "git_version": request.version[:256],
        "os": request.os[:256],
        "platform": request.platform[:256],
        "kernel_version": request.kernel_version[:256],
    }
