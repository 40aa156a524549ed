"""From a URL to the engine behind it. Each engine's library is imported only where it is used."""

from __future__ import annotations

from dfcore.errors import BadInput
from dffs.meta.kv import Engine

_SCHEMES = "memory://, sqlite:///path, redis://, rediss://, postgresql://, mysql://"


def open_engine(url: str) -> Engine:
    """The engine behind a URL; BadInput for what is no such URL, EngineDown when nobody answers."""
    scheme, separator, _ = url.partition("://")
    if not separator:
        raise BadInput(f"{url!r} is no metadata engine; allowed are {_SCHEMES}")
    if scheme == "memory":
        from dffs.meta.memory import MemoryEngine

        return MemoryEngine(url)
    if scheme in {"sqlite", "sqlite3"}:
        from dffs.meta.sqlite import SqliteEngine

        return SqliteEngine(url)
    if scheme in {"redis", "rediss"}:
        from dffs.meta.redisdb import RedisEngine

        return RedisEngine(url)
    if scheme in {"postgres", "postgresql"}:
        from dffs.meta.postgres import PostgresEngine

        return PostgresEngine(url)
    if scheme in {"mysql", "mariadb"}:
        from dffs.meta.mysql import MySQLEngine

        return MySQLEngine(url)
    raise BadInput(f"{scheme}:// is no metadata engine; allowed are {_SCHEMES}")
