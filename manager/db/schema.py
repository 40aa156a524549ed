"""Sees to it that the database has this version's schema, without the migrations' weight in memory.

One row tells whether there is anything to do. If there is, a process of its own does it: what it
needs (all of Alembic) would stay in the manager's memory for good.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dfcore.errors import ConfigError
from manager.db.database import Database

_VERSIONS = Path(__file__).parent / "migrations" / "versions"


def bring_up_to_date(database: Database) -> None:
    """Migrate if need be. Raises ConfigError."""
    if current(database) == newest():
        return
    url = database.url.set(drivername=database.dialect).render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-m", "manager.db.migrate"],
        input=url,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        reason = lines[-1].removeprefix("manager: ") if lines else "the migration failed"
        raise ConfigError(reason)


def newest() -> str:
    """The last revision: their files are numbered."""
    return max(path.stem for path in _VERSIONS.glob("[0-9]*.py"))


def current(database: Database) -> str | None:
    """The revision that the database is at; None for an empty one."""

    def look(session: Session) -> str | None:
        found: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
        return found

    try:
        return database.transact(look, read_only=True)
    except DBAPIError:
        return None
