"""Which schedulers are asked: those in the database that are alive; and who went away of late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from dfcore.errors import Unavailable
from manager.console.targets import active_schedulers
from manager.db.base import now
from manager.db.clusters import (
    ACTIVE,
    INACTIVE,
    Scheduler,
    SchedulerCluster,
    SeedPeer,
    SeedPeerCluster,
)
from manager.db.database import Database
from manager.db.migrate import upgrade
from manager.observe.model import Target


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'manager.db'}", threads=2)
    made.open()
    upgrade(made)
    yield made
    made.close()


def enter(session: Session) -> None:
    session.add(SchedulerCluster(id=7, name="north"))
    session.add(SeedPeerCluster(id=9, name="north seeds"))
    session.flush()
    long_ago = now() - timedelta(days=3)
    states = ((ACTIVE, long_ago), (ACTIVE, now()), (INACTIVE, now()), (INACTIVE, long_ago))
    for number, (state, at) in enumerate(states):
        name, ip = f"s{number}", "fd00::1" if number == 1 else f"10.0.0.{number}"
        about: dict[str, Any] = {"ip": ip, "state": state, "last_keep_alive_at": at}
        session.add(Scheduler(host_name=name, port=8002, scheduler_cluster_id=7, **about))
        session.add(SeedPeer(host_name=name, port=4000, seed_peer_cluster_id=9, **about))


async def test_those_that_are_alive_and_those_that_went_away_of_late(database: Database) -> None:
    await database.run(enter)
    found = await active_schedulers(database)()
    assert found[:2] == [
        Target("10.0.0.0:8002", "s0", "north", 7),
        Target("[fd00::1]:8002", "s1", "north", 7),
    ]
    assert [(one.kind, one.address, one.cluster) for one in found[2:]] == [
        ("scheduler", "10.0.0.2:8002", "north"),
        ("seed", "10.0.0.2:4000", "north seeds"),
    ]
    assert all(one.gone_at > 0 for one in found[2:])


async def test_a_database_that_is_away_is_said(database: Database, tmp_path: Path) -> None:
    read = active_schedulers(database)
    for path in tmp_path.glob("manager.db*"):
        path.write_bytes(b"no database")
    with pytest.raises(Unavailable):
        await read()
