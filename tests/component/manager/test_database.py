"""The database: one schema on all three kinds, migrations, transactions, claims, revisions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, insert, make_url, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dfcore.errors import ConfigError
from manager.db import tables
from manager.db.base import Base, now
from manager.db.database import Database, claimable
from manager.db.migrate import revisions, upgrade
from manager.db.revisions import all_revisions, bump
from manager.db.users import Setting, User
from tests.component.manager.bed import fresh_database

assert tables.ALL


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open, migrated database of each kind."""
    made = Database(database_url, threads=4)
    made.open()
    try:
        upgrade(made)
        yield made
    finally:
        made.close()


def test_migrations_from_empty_make_the_schema_of_the_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, Base.metadata) == []


def test_each_step_of_the_migrations_can_be_the_start(database_url: str) -> None:
    for revision in revisions():
        made = Database(database_url, threads=2)
        made.open()
        try:
            upgrade(made, revision)
            if revision == "0001_core":
                made.transact(lambda s: s.add(User(name="before", roles=["guest"])))
            assert made.transact(lambda s: s.scalars(select(User.name)).all()) == ["before"]
        finally:
            made.close()


def test_a_schema_of_a_later_version_is_refused(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999_later'")
    with pytest.raises(ConfigError, match="not of this version"):
        upgrade(database)


def test_replicas_that_start_together_migrate_once(database_url: str) -> None:
    errors: list[BaseException] = []

    def start() -> None:
        made = Database(database_url, threads=2)
        try:
            made.open()
            upgrade(made)
        except BaseException as error:
            errors.append(error)
        finally:
            made.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_times_names_and_mappings_come_back_as_they_went(database: Database) -> None:
    moment = datetime(2026, 11, 24, 10, 20, 30, 123456, tzinfo=UTC)
    name = "Größe 🐉"

    def work(session: Session) -> None:
        session.add(User(name=name, roles=["a", "b"], created_at=moment))
        session.add(User(name=name.upper(), roles=[]))

    database.transact(work)
    found = database.transact(lambda s: s.scalar(select(User).where(User.name == name)))
    assert found is not None
    assert (found.created_at, found.roles) == (moment, ["a", "b"])


def test_a_unique_name_is_unique_byte_by_byte(database: Database) -> None:
    database.transact(lambda s: s.add(Setting(name="one", value="1")))
    database.transact(lambda s: s.add(Setting(name="One", value="2")))
    with pytest.raises(IntegrityError):
        database.transact(lambda s: s.add(Setting(name="one", value="3")))


def test_writers_at_the_same_time_all_come_through(database: Database) -> None:
    errors: list[BaseException] = []

    def write(number: int) -> None:
        def work(session: Session) -> None:
            session.add(Setting(name=f"name {number}", value="x"))
            session.flush()
            bump(session, "shared")

        try:
            for _ in range(1):
                database.transact(work)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert database.transact(all_revisions)["shared"] == 12


def test_a_claim_is_had_by_one_only(database: Database) -> None:
    def fill(session: Session) -> None:
        rows = [{"name": f"job {n}", "value": "free", "bio": "", "user_id": 0} for n in range(40)]
        moment = now()
        session.execute(
            insert(Setting), [{**row, "created_at": moment, "updated_at": moment} for row in rows]
        )

    def claim(session: Session) -> str | None:
        row = session.scalar(
            claimable(select(Setting).where(Setting.value == "free").order_by(Setting.id).limit(1))
        )
        if row is None:
            return None
        row.value = "taken"
        return row.name

    database.transact(fill)
    taken: list[str] = []

    def work() -> None:
        while (name := database.transact(claim)) is not None:
            taken.append(name)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(f"job {n}" for n in range(40))


@pytest.mark.parametrize(
    "url",
    ["", "oracle://x", "sqlite", "postgresql://user:hunter2@127.0.0.1:1/none", "://", "mysql:/x"],
)
def test_a_database_that_cannot_be_used_is_one_line_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Database(url).open()
    assert "hunter2" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_database_that_does_not_hold_every_name_is_refused(tmp_path: Path) -> None:
    url = make_url(fresh_database("postgresql", tmp_path))
    server = create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        made = f"CREATE DATABASE {url.database}_ascii ENCODING 'SQL_ASCII' TEMPLATE template0"
        connection.execute(text(f"{made} LC_COLLATE 'C' LC_CTYPE 'C'"))
    server.dispose()
    ascii_url = url.set(database=f"{url.database}_ascii").render_as_string(hide_password=False)
    with pytest.raises(ConfigError, match="its encoding is SQL_ASCII") as caught:
        Database(ascii_url).open()
    assert len(str(caught.value).splitlines()) == 1


def test_a_user_who_may_make_no_tables_is_told_so(tmp_path: Path) -> None:
    url = make_url(fresh_database("postgresql", tmp_path))
    server = create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE ROLE {url.database}_reader LOGIN PASSWORD 'pw'"))
        connection.execute(text("REVOKE CREATE ON SCHEMA public FROM PUBLIC"))
    server.dispose()
    user = url.set(username=f"{url.database}_reader", password="pw")
    made = Database(user.render_as_string(hide_password=False))
    made.open()
    try:
        with pytest.raises(ConfigError, match="permission denied") as caught:
            upgrade(made)
        assert len(str(caught.value).splitlines()) == 1
    finally:
        made.close()
