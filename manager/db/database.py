"""Opens the database and runs transactions in it, from threads or from the loop.

A transaction is a function of a session: ``await database.run(lambda session: …)``. It is committed
when the function returns, rolled back when it raises, and done anew when the database gave it up
for another (a deadlock, a serialization failure, a lock held too long), so it must not have effects
outside.

Writers of SQLite begin with ``BEGIN IMMEDIATE``: one at a time, and none fails half-way. On the others
rows to be claimed are taken with :func:`claimable`, which passes over what another replica holds.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import Engine, Select, event, make_url
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.orm import Session, sessionmaker

from dfcore.errors import ConfigError
from dfinfra.offload import Pool

T = TypeVar("T")
Work = Callable[[Session], T]
BeforeCommit = Callable[[Session], Callable[[], None] | None]

ATTEMPTS = 8
_FIRST_PAUSE_S = 0.02
_READ_ONLY = "meganeura_read_only"
_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
# Deadlock, lock timeout (MySQL); serialization failure, deadlock, lock not available (PostgreSQL).
_TRANSIENT_NUMBERS = frozenset({1205, 1213, 1020})
_TRANSIENT_STATES = frozenset({"40001", "40P01", "55P03"})


class UnreachableError(ConfigError):
    """No connection to the server came about; a later one may."""


class Database:
    """One SQL database, shared by all replicas of the manager. Thread-safe once open."""

    def __init__(self, url: str, *, threads: int = 8) -> None:
        """``url``: ``sqlite:///path``, ``postgresql://…``, ``mysql://…`` or ``mariadb://…``."""
        self.url = _parse(url)
        self._threads = threads
        self._pool = Pool("database", threads)
        self._engine: Engine | None = None
        self.before_commit: BeforeCommit | None = None
        """Called in each writing transaction at its end; what it returns is called after the commit."""

    @property
    def dialect(self) -> str:
        """``sqlite``, ``postgresql``, ``mysql`` or ``mariadb``."""
        return self.url.get_backend_name()

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def engine(self) -> Engine:
        """The engine, for migrations and tests."""
        assert self._engine is not None, "the database is not open"
        return self._engine

    def open(self) -> None:
        """Connect once, to see that it can be done. Raises ConfigError, UnreachableError among them."""
        engine = _engine(self.url, self._threads)
        try:
            with engine.connect():
                pass
        except DBAPIError as error:
            engine.dispose()
            kind = ConfigError if self.dialect == "sqlite" else UnreachableError
            raise kind(f"database.url: {self.shown}: {first_line(error)}") from None
        except _UnfitError as unfit:
            engine.dispose()
            raise ConfigError(f"database.url: {self.shown}: {unfit}") from None
        self._engine = engine
        self._write = sessionmaker(engine, expire_on_commit=False)
        self._read = sessionmaker(
            engine.execution_options(**{_READ_ONLY: True}), expire_on_commit=False
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    async def run(self, work: Work[T], *, read_only: bool = False) -> T:
        """Do one transaction in a thread of the database's own; see :meth:`transact`."""
        return await self._pool.run(self.transact, work, read_only=read_only)

    async def read(self, work: Work[T]) -> T:
        """Do one transaction that writes nothing."""
        return await self._pool.run(self.transact, work, read_only=True)

    def transact(self, work: Work[T], *, read_only: bool = False) -> T:
        """Call ``work`` with a session and commit; again, while the database asks for that."""
        pause_s = _FIRST_PAUSE_S
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._session(read_only=read_only) as (session, commit):
                    result = work(session)
                    commit()
                    return result
            except DBAPIError as error:
                if attempt == ATTEMPTS or not is_transient(error):
                    raise
            time.sleep(pause_s * random.uniform(0.5, 1.5))
            pause_s *= 2
        raise AssertionError("not reached")

    @contextmanager
    def _session(self, *, read_only: bool) -> Iterator[tuple[Session, Callable[[], None]]]:
        after: Callable[[], None] | None = None
        committed = False
        with (self._read if read_only else self._write)() as session:

            def commit() -> None:
                nonlocal after, committed
                if not read_only and self.before_commit is not None:
                    after = self.before_commit(session)
                session.commit()
                committed = True

            yield session, commit
        if committed and after is not None:
            after()


def claimable(statement: Select[Any]) -> Select[Any]:
    """The statement, locking the rows it finds and passing over those that another replica locked.

    For a claim: select with it, write your name and a lease into the rows, commit. SQLite has one
    writer at a time and needs no row locks; there the clause is left out.
    """
    return statement.with_for_update(skip_locked=True)


def first_line(error: DBAPIError) -> str:
    """What the database said, without its hints and without the statement."""
    return next(iter(str(error.orig).strip().splitlines()), type(error).__name__)


def is_transient(error: DBAPIError) -> bool:
    """Whether the database gave the transaction up and doing it anew may succeed."""
    cause = error.orig
    if isinstance(cause, sqlite3.OperationalError):
        return "locked" in str(cause) or "busy" in str(cause)
    if getattr(cause, "sqlstate", None) in _TRANSIENT_STATES:
        return True
    number = cause.args[0] if cause is not None and cause.args else None
    return number in _TRANSIENT_NUMBERS


def _parse(url: str) -> URL:
    scheme, separator, _ = url.partition("://")
    try:
        if not separator or scheme not in _DRIVERS:
            raise ArgumentError
        parsed = make_url(url).set(drivername=_DRIVERS[scheme])
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise ConfigError(
            "database.url: must be sqlite:///PATH, postgresql://USER:PASSWORD@HOST/NAME, "
            "mysql://… or mariadb://…"
        ) from None
    if scheme in ("mysql", "mariadb"):
        parsed = parsed.update_query_dict({"charset": "utf8mb4"})
    return parsed


def _engine(url: URL, threads: int) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, threads)
    engine = sqlalchemy.create_engine(
        url,
        pool_size=threads,
        max_overflow=4,
        pool_pre_ping=True,
        pool_recycle=1800,
        isolation_level="READ COMMITTED",
        connect_args={"connect_timeout": 10},
    )
    if url.get_backend_name() == "postgresql":
        # Before the dialect asks anything: with SQL_ASCII it would get bytes where it wants text.
        event.listen(engine, "connect", _check_encoding, insert=True)
    return engine


class _UnfitError(Exception):
    """The database is there, and cannot hold what we have."""


def _check_encoding(connection: Any, _: object) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise _UnfitError(
            f"its encoding is {encoding}, which does not hold every name; make it with "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


def _sqlite(url: URL, threads: int) -> Engine:
    if url.database and url.database != ":memory:":
        folder = Path(url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigError(f"database.url: {folder}: {error.strerror}") from error
    engine = sqlalchemy.create_engine(
        url,
        poolclass=sqlalchemy.QueuePool,
        pool_size=threads,
        max_overflow=4,
        connect_args={"timeout": 30.0, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # we begin transactions ourselves
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get(_READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
