"""Who is alive: instances are active while their stream is open, and the database is told in batches.

Open streams are counted in memory. The rows get their state soon after a stream opened or ended,
and the time of the last sign of life every interval. A replica that dies leaves rows that look
alive; whichever replica notices that their time has passed makes them inactive, and a stream that
comes back, here or at another replica, makes them active again. What an earlier stream's end writes
late never undoes a later stream's beginning: it only touches rows whose last sign of life is older.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, cast

from sqlalchemy import CursorResult, delete, update
from sqlalchemy.orm import Session

from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from manager.changes import Changes
from manager.config import KeepAliveConfig
from manager.db.base import now
from manager.db.clusters import ACTIVE, INACTIVE, Peer, Scheduler, SeedPeer
from manager.db.database import Database
from manager.db.revisions import bump

log = get_logger("presence")

Kind = type[Scheduler] | type[SeedPeer] | type[Peer]
KINDS: tuple[Kind, ...] = (Scheduler, SeedPeer, Peer)
SETTLE_S = 0.2
BATCH = 500


class Presence:
    """A service that counts open streams and writes what follows from them."""

    name = "presence"

    def __init__(self, config: KeepAliveConfig, database: Database, changes: Changes) -> None:
        self._config = config
        self._database = database
        self._changes = changes
        self._open: dict[Kind, Counter[int]] = {kind: Counter() for kind in KINDS}
        self._opened: dict[Kind, set[int]] = {kind: set() for kind in KINDS}
        self._ended: dict[Kind, dict[int, datetime]] = {kind: {} for kind in KINDS}
        self._asking: dict[int, float] = {}
        self._wake = asyncio.Event()
        self._jobs = JobGroup("presence")

    async def start(self) -> None:
        """Write changes as they come, and signs of life every interval."""
        self._jobs.spawn(self._write_changes(), name="changes")
        self._jobs.spawn(self._write_signs(), name="signs")

    async def stop(self) -> None:
        """Write down who has left, as far as that is known."""
        await self._jobs.cancel_all()
        await self._flush()

    def opened(self, kind: Kind, number: int) -> None:
        """A stream of the instance is open."""
        self._open[kind][number] += 1
        if self._open[kind][number] == 1:
            self._ended[kind].pop(number, None)
            self._opened[kind].add(number)
            self._wake.set()

    def ended(self, kind: Kind, number: int) -> None:
        """A stream of the instance has ended; with the last one it is gone."""
        self._open[kind][number] -= 1
        if self._open[kind][number] <= 0:
            del self._open[kind][number]
            self._opened[kind].discard(number)
            self._ended[kind][number] = now()
            self._wake.set()

    def asked(self, number: int, for_s: float) -> None:
        """A peer without a stream has asked; it is alive for so long."""
        if number not in self._asking:
            self.opened(Peer, number)
        self._asking[number] = asyncio.get_running_loop().time() + for_s

    def _forget_silent(self) -> None:
        moment = asyncio.get_running_loop().time()
        for number in [one for one, until in self._asking.items() if until < moment]:
            del self._asking[number]
            self.ended(Peer, number)

    @property
    def asking(self) -> int:
        """How many peers ask again and again."""
        return len(self._asking)

    def count(self, kind: Kind) -> int:
        """How many instances are alive here."""
        return len(self._open[kind])

    async def _write_changes(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(SETTLE_S)
            self._wake.clear()
            await self._flush()

    async def _flush(self) -> None:
        for kind in KINDS:
            opened, self._opened[kind] = self._opened[kind], set()
            ended, self._ended[kind] = self._ended[kind], {}
            if not opened and not ended:
                continue
            try:
                await self._database.run(partial(_states, kind, sorted(opened), ended))
            except Exception as error:
                log.warning("states not written", reason=type(error).__name__)
                self._opened[kind] |= {one for one in opened if one in self._open[kind]}
                self._ended[kind] = ended | self._ended[kind]
                self._wake.set()
                await asyncio.sleep(1.0)
        self._changes.poke()

    async def _write_signs(self) -> None:
        while True:
            await asyncio.sleep(self._config.interval_s)
            self._forget_silent()
            try:
                for kind in KINDS:
                    alive = list(self._open[kind])
                    for batch in _batches(alive):
                        await self._database.run(partial(_signs, kind, batch))
                await self._database.run(self._expire)
            except Exception as error:
                log.warning("signs of life not written", reason=type(error).__name__)
            self._changes.poke()

    def _expire(self, session: Session) -> None:
        """Make inactive who gave no sign of life to any replica; forget peers after long."""
        moment = now()
        silent = moment - timedelta(seconds=self._config.timeout_s)
        changed = False
        for kind in KINDS:
            statement = (
                update(kind)
                .where(kind.state == ACTIVE, kind.last_keep_alive_at < silent)
                .values(state=INACTIVE)
            )
            changed |= _count(session, statement) > 0 and kind is not Peer
        forgotten = moment - timedelta(seconds=self._config.peer_ttl_s)
        _count(
            session,
            delete(Peer).where(Peer.state == INACTIVE, Peer.last_keep_alive_at < forgotten),
        )
        if changed:
            bump(session, "clusters")


def _states(
    kind: Kind, opened: Sequence[int], ended: dict[int, datetime], session: Session
) -> None:
    """Write who came and who left."""
    changed = 0
    for batch in _batches(opened):
        came = update(kind).where(kind.id.in_(batch))
        changed += _count(session, came.values(state=ACTIVE, last_keep_alive_at=now()))
    for number, moment in ended.items():
        left = update(kind).where(kind.id == number, kind.last_keep_alive_at <= moment)
        changed += _count(session, left.values(state=INACTIVE))
    if changed:
        bump(session, "peers" if kind is Peer else "clusters")


def _signs(kind: Kind, numbers: Sequence[int], session: Session) -> None:
    """Write that these are alive."""
    alive = update(kind).where(kind.id.in_(numbers))
    _count(session, alive.values(state=ACTIVE, last_keep_alive_at=now()))


def _count(session: Session, statement: Any) -> int:
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount


def _batches(numbers: Sequence[int]) -> Iterator[list[int]]:
    iterator = iter(numbers)
    while batch := list(islice(iterator, BATCH)):
        yield batch
