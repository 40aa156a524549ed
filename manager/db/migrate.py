"""Brings the database up to the schema of this version, whatever version it is at.

Alembic's migrations are in ``manager/db/migrations``. Replicas that start together take turns: a
lock in the database (a file beside it, for SQLite) is held while one of them works.
"""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dfcore.errors import ConfigError
from dfinfra.lifecycle import main_guard
from manager.db.database import Database, first_line

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_401_265  # any number that is nobody else's
_LOCK_NAME = "meganeura-migrations"
_LOCK_WAIT_S = 300


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate. Raises ConfigError if the schema is newer than this version, or may not be changed."""
    with _alone(database), database.engine.connect() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, revision)
        except CommandError as error:
            raise ConfigError(
                f"database.url: {database.shown}: its schema is not of this version ({error})"
            ) from error
        except DBAPIError as error:
            raise ConfigError(
                f"database.url: {database.shown}: cannot be migrated: {first_line(error)}"
            ) from None
        connection.commit()


def configuration() -> Config:
    """Alembic's configuration, for this folder of migrations."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    return config


def revisions() -> list[str]:
    """All revisions, the oldest first."""
    script = ScriptDirectory.from_config(configuration())
    return [found.revision for found in script.walk_revisions()][::-1]


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    if database.dialect == "sqlite":
        with _file_lock(database.url.database):
            yield
        return
    postgresql = database.dialect == "postgresql"
    take = "SELECT pg_advisory_lock(:key)" if postgresql else "SELECT GET_LOCK(:key, :wait)"
    give = "SELECT pg_advisory_unlock(:key)" if postgresql else "SELECT RELEASE_LOCK(:key)"
    key: dict[str, object] = {"key": _LOCK if postgresql else _LOCK_NAME}
    with database.engine.connect() as connection:
        wait = {} if postgresql else {"wait": _LOCK_WAIT_S}
        connection.execute(text(take), key | wait)
        connection.commit()
        try:
            yield
        finally:
            connection.execute(text(give), key)
            connection.commit()


@contextmanager
def _file_lock(database: str | None) -> Iterator[None]:
    if not database or database == ":memory:":
        yield
        return
    with open(f"{database}.migrating", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Migrate the database whose URL comes by standard input: ``manager.db.schema`` starts this."""
    database = Database(sys.stdin.read().strip(), threads=2)
    database.open()
    try:
        upgrade(database)
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main_guard(main, prog="manager"))
