"""Our own stream: a process is told its configuration at once, and again after every change.

A peer that watches is entered into the table of peers and counts as active while it does. Ten thousand
of them start at the same moment after an outage, so they are entered in batches.
"""

# ruff: noqa: N802 (method names are the protocol's)

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from dfinfra.pb import manager_pb2, managerlink_pb2_grpc
from dfinfra.pb import managerlink_pb2 as pb
from manager.config import KeepAliveConfig
from manager.db.base import now
from manager.db.clusters import ACTIVE, Peer
from manager.db.database import Database
from manager.db.revisions import bump
from manager.rpc.directory import Directory
from manager.rpc.presence import Presence
from manager.rpc.told import Asker, asker_of, facts_of, told_to

log = get_logger("watch")

SERVICE_NAME = "meganeura.v1.ManagerExtension"
BATCH = 250
SETTLE_S = 0.1
SHORTEST_AGAIN_S = 5
MAX_KNOWN = 200_000

Key = tuple[str, str, int]


class PeerBook:
    """Enters peers into the database, many at a time. A service."""

    name = "peer book"

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[Key, tuple[dict[str, Any], list[asyncio.Future[int]]]] = {}
        self._known: dict[Key, tuple[int, int]] = {}
        self._wake = asyncio.Event()
        self._jobs = JobGroup("peer book")

    async def start(self) -> None:
        """Begin to write."""
        self._jobs.spawn(self._write(), name="write")

    async def stop(self) -> None:
        """Write no more."""
        await self._jobs.cancel_all()

    async def find(self, key: Key, values: dict[str, Any]) -> int:
        """The id of the peer's row; it is written only if that is news to this replica."""
        facts = hash(tuple(values.values()))
        known = self._known.get(key)
        if known is not None and known[1] == facts:
            return known[0]
        number = await self.enter(key, values)
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[key] = (number, facts)
        return number

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

    def __init__(
        self, config: KeepAliveConfig, directory: Directory, presence: Presence, book: PeerBook
    ) -> None:
        self._config = config
        self._directory = directory
        self._presence = presence
        self._book = book
        self._streams = 0
        self.stream_port: Callable[[], int] = lambda: 0
        """Where nodes find the same on a bare port; 0: nowhere."""

    async def Watch(
        self, request: pb.WatchRequest, context: Any
    ) -> AsyncIterator[pb.Configuration]:
        asker = asker_of(request)
        is_peer = asker.source == manager_pb2.PEER_SOURCE
        if is_peer and self._streams >= self._config.streams:
            yield await self._answer_once(request, asker)
            return
        self._streams += is_peer
        try:
            async with aclosing(self._follow(request, asker)) as followed:
                async for told in followed:
                    yield told
        finally:
            self._streams -= is_peer

    async def _answer_once(self, request: pb.WatchRequest, asker: Asker) -> pb.Configuration:
        """The configuration, or that it is still the same, and where or when to ask again."""
        told = told_to(self._directory.snapshot, asker)
        again_s = self._again_s()
        if told.cluster.id:
            key = (asker.where.hostname, asker.where.ip, told.cluster.id)
            number = await self._book.find(key, facts_of(request))
            self._presence.asked(number, 3.0 * again_s)
        answer = pb.Configuration(digest=told.digest)
        if told.digest != request.known_digest:
            answer.CopyFrom(told)
        answer.ask_again_s = again_s
        answer.stream_port = self.stream_port()
        return answer

    def _again_s(self) -> int:
        fair_s = self._presence.asking / max(1, self._config.asked_per_s)
        return max(SHORTEST_AGAIN_S, round(fair_s))

    async def _follow(
        self, request: pb.WatchRequest, asker: Asker
    ) -> AsyncGenerator[pb.Configuration]:
        facts = facts_of(request) if asker.source == manager_pb2.PEER_SOURCE else None
        known, number = request.known_digest, None
        snapshot = self._directory.snapshot
        told = told_to(snapshot, asker)
        try:
            while True:
                if told.digest != known:
                    known = told.digest
                    yield told
                if facts is not None and number is None and told.cluster.id:
                    key = (asker.where.hostname, asker.where.ip, told.cluster.id)
                    number = await self._book.enter(key, facts)
                    self._presence.opened(Peer, number)
                snapshot = await self._directory.newer(snapshot)
                told = told_to(snapshot, asker)
        finally:
            if number is not None:
                self._presence.ended(Peer, number)
