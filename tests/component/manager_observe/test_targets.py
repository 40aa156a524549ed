"""Which schedulers are asked: those in the database that are alive, with their cluster's name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from dfcore.errors import Unavailable
from manager.console.targets import active_schedulers
from manager.db.clusters import ACTIVE, INACTIVE, Scheduler, SchedulerCluster
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
    session.flush()
    for number, (ip, state) in enumerate(
        (("10.0.0.1", ACTIVE), ("fd00::1", ACTIVE), ("x", INACTIVE))
    ):
        session.add(
            Scheduler(host_name=f"s{number}", ip=ip, port=8002, state=state, scheduler_cluster_id=7)
        )


async def test_those_that_are_alive(database: Database) -> None:
    await database.run(enter)
    assert await active_schedulers(database)() == [
        Target("10.0.0.1:8002", "s0", "north", 7),
        Target("[fd00::1]:8002", "s1", "north", 7),
    ]


async def test_a_database_that_is_away_is_said(database: Database, tmp_path: Path) -> None:
    read = active_schedulers(database)
    for path in tmp_path.glob("manager.db*"):
        path.write_bytes(b"no database")
    with pytest.raises(Unavailable):
        await read()
