"""An empty metadata engine of each kind, for suites that run on all of them."""

from __future__ import annotations

from pathlib import Path

from tests.servers import shared

ENGINES = ("memory", "sqlite", "redis", "postgresql", "mysql")


def engine_url(kind: str, folder: Path) -> str:
    """The URL of an empty engine (one of ENGINES); SQLite's file lies in `folder`."""
    if kind == "memory":
        return f"memory://{folder}"
    if kind == "sqlite":
        return f"sqlite:///{folder}/meta.db"
    return shared.fresh_engine_url(kind)
