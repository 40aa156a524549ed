"""PostgreSQL as engine: one table of keys and values, one of counters, one function that compares
and commits.

A transaction reads with single statements. The function then runs as one serializable transaction
of the server: it compares what was read with what is there, and writes. Two round trips for most
operations. Several volumes share a database with `?table=name`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from struct import pack
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import errors, sql

from dfcore.errors import BadInput
from dffs.meta.kv import EngineDown, Pair, public_url
from dffs.meta.optimistic import OptimisticEngine, OptimisticTxn, Range
from dffs.meta.postgresschema import FUNCTION, TABLES
from dffs.meta.retry import one_line

_CONNECT_S = 10
_SHARDS = 64
# Only plans by index are good: any other would read, and lock, the whole table.
_SESSION = " ".join(
    f"-c {setting}"
    for setting in (
        "default_transaction_isolation=serializable",
        "enable_seqscan=off",
        "enable_hashjoin=off",
        "enable_mergejoin=off",
        "jit=off",
        "plan_cache_mode=force_generic_plan",
    )
)
TABLE_NAME = re.compile("[a-z_][a-z0-9_]{0,40}")


class _PostgresTxn(OptimisticTxn):
    def __init__(self, engine: PostgresEngine) -> None:
        super().__init__()
        self._engine = engine

    def _read(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        found = dict(self._engine.query("SELECT k, v FROM {kv} WHERE k = ANY(%s)", (list(keys),)))
        return [found.get(key) for key in keys]

    def _read_through(
        self, keys: Sequence[bytes], through: Sequence[bytes]
    ) -> tuple[Sequence[bytes | None], Sequence[bytes | None], Sequence[bytes | None]]:
        rows = self._engine.query(_THROUGH, (list(keys), list(through)))
        found = {key: (value, lead) for key, value, lead in rows}
        nothing = (None, None)
        return (
            [found.get(key, nothing)[0] for key in keys],
            [found.get(key, nothing)[0] for key in through],
            [found.get(key, nothing)[1] for key in through],
        )

    def _read_range(
        self, start: bytes, end: bytes, limit: int | None, keys_only: bool
    ) -> list[Pair]:
        what = "k, ''::bytea" if keys_only else "k, v"
        query = f"SELECT {what} FROM {{kv}} WHERE k >= %s AND k < %s ORDER BY k LIMIT %s"
        return self._engine.query(query, (start, end, limit))

    def _read_counter(self, name: bytes) -> int:
        rows = self._engine.query("SELECT sum(n)::bigint FROM {counters} WHERE k = %s", (name,))
        return int(rows[0][0] or 0)


_THROUGH = (
    "SELECT k, v, NULL::bytea FROM {kv} WHERE k = ANY(%s) UNION ALL "
    "SELECT a.k, a.v, b.v FROM {kv} a LEFT JOIN {kv} b"
    " ON b.k = 'i'::bytea || substr(a.v, 1, 8) WHERE a.k = ANY(%s)"
)


class PostgresEngine(OptimisticEngine):
    """Optimistic transactions over a pool of connections in autocommit mode."""

    lost = (psycopg.OperationalError, psycopg.InterfaceError, OSError)
    broken = (psycopg.Error,)

    def __init__(self, url: str) -> None:
        super().__init__(public_url(url))
        parts = urlsplit(url)
        options = parse_qs(parts.query)
        table = options.pop("table", ["dffs"])[0]
        if not TABLE_NAME.fullmatch(table):
            raise BadInput(f"table={table!r}: a name of small letters, digits and _ is allowed")
        query = urlencode({key: values[0] for key, values in options.items()})
        self._url = urlunsplit(parts._replace(query=query))
        self._names = {
            "kv": sql.Identifier(table),
            "counters": sql.Identifier(f"{table}_counters"),
            "commit": sql.Identifier(f"{table}_commit"),
        }
        self._texts: dict[str, bytes] = {}
        self._shards = count()
        self._free: list[tuple[psycopg.Connection[Any], int]] = []
        try:
            connection, shard = self._connect()
            with suppress(errors.UniqueViolation, errors.DuplicateTable):
                connection.execute(self._text(TABLES))
            with suppress(errors.InternalError, errors.UniqueViolation):
                connection.execute(self._text(FUNCTION))
            self._free.append((connection, shard))
        except psycopg.Error as error:
            raise EngineDown(f"{self.url}: {one_line(error)}") from error

    def _connect(self) -> tuple[psycopg.Connection[Any], int]:
        connection = psycopg.connect(
            self._url,
            autocommit=True,
            connect_timeout=_CONNECT_S,
            prepare_threshold=2,
            options=_SESSION,
        )
        return connection, next(self._shards) % _SHARDS

    def _text(self, query: str) -> bytes:
        text = self._texts.get(query)
        if text is None:
            composed = sql.SQL(query).format(**self._names)
            text = self._texts[query] = composed.as_bytes()
        return text

    def query(self, query: str, arguments: Sequence[Any], *, with_shard: bool = False) -> list[Any]:
        """Run one statement as a transaction of its own."""
        try:
            connection, shard = self._free.pop()
        except IndexError:
            connection, shard = self._connect()
        try:
            more = (shard,) if with_shard else ()
            cursor = connection.execute(self._text(query), (*arguments, *more), binary=True)
            rows = cursor.fetchall() if cursor.description else []
        except (*self.lost, errors.SerializationFailure, errors.DeadlockDetected):
            if connection.closed or connection.broken:
                connection.close()
            else:
                self._free.append((connection, shard))
            raise
        except BaseException:
            connection.close()
            raise
        self._free.append((connection, shard))
        return rows

    def _is_full(self, error: Exception) -> bool:
        return isinstance(error, errors.DiskFull)

    def _begin(self) -> OptimisticTxn:
        return _PostgresTxn(self)

    def _commit(self, txn: OptimisticTxn) -> bool:
        puts, deletes = txn.puts_and_deletes()
        ranges = txn.ranges
        lists: dict[str, list[Any]] = {
            "watched bytea": list(txn.watched),
            "seen bytea": list(txn.watched.values()),
            "starts bytea": [seen.start for seen in ranges],
            "ends bytea": [seen.end for seen in ranges],
            "limits bigint": [None if seen.limit < 0 else seen.limit for seen in ranges],
            "keys_only bool": [seen.keys_only for seen in ranges],
            "digests text": [_range_digest(seen) for seen in ranges],
            "put_keys bytea": [key for key, _ in puts],
            "put_values bytea": [value for _, value in puts],
            "deletes bytea": deletes,
            "add_keys bytea": list(txn.adds),
            "add_deltas bigint": list(txn.adds.values()),
            "append_prefixes bytea": [prefix for prefix, _ in txn.appends],
            "append_values bytea": [value for _, value in txn.appends],
        }
        # What is empty is left to its default: to send a list costs more than to look it up.
        given = {name: values for name, values in lists.items() if values}
        passed = [f"{name.split()[0]} => %s::{name.split()[1]}[]" for name in given]
        query = f"SELECT {{commit}}({', '.join([*passed, 'shard_number => %s'])})"
        try:
            return bool(self.query(query, list(given.values()), with_shard=True)[0][0])
        except (errors.SerializationFailure, errors.DeadlockDetected):
            return False

    def counters(self) -> dict[bytes, int]:
        """All counters."""
        return dict(self.query("SELECT k, sum(n)::bigint FROM {counters} GROUP BY k", ()))

    def clear(self) -> None:
        """Remove all keys and counters."""
        self.query("TRUNCATE {kv}, {counters}", ())

    def sync(self) -> None:
        """Nothing: a commit that was answered is on disk, unless the server was told otherwise."""

    def close(self) -> None:
        """Close all connections."""
        while self._free:
            self._free.pop()[0].close()


def _range_digest(seen: Range) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for key, value in seen.found:
        digest.update(pack(">i", len(key)) + key)
        if not seen.keys_only:
            digest.update(pack(">i", len(value)) + value)
    return digest.hexdigest()
