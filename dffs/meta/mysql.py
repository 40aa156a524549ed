"""MySQL (or MariaDB) as engine: one table of keys and values, one of counters.

A transaction reads with single statements. The commit locks what was read, compares, and writes:
three round trips for most operations. Several volumes share a database with `?table=name`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pymysql
from pymysql.constants import CLIENT, ER

from dfcore.errors import BadInput
from dffs.meta.kv import SEQUENCE, EngineDown, Pair, public_url
from dffs.meta.optimistic import OptimisticEngine, OptimisticTxn, Range
from dffs.meta.postgres import TABLE_NAME

_CONNECT_S = 10
_ANSWER_S = 60
_SHARDS = 64
_KEY_BYTES = 300  # the longest is an entry: 9 + 255
_BEATEN = frozenset({ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT, ER.CHECKREAD, ER.DUP_ENTRY})
_FULL = frozenset({ER.DISK_FULL, ER.RECORD_FILE_FULL})

_TABLES = (
    f"CREATE TABLE IF NOT EXISTS {{kv}} (k VARBINARY({_KEY_BYTES}) PRIMARY KEY, v MEDIUMBLOB NOT NULL)"
    " ENGINE=InnoDB",
    "CREATE TABLE IF NOT EXISTS {counters} (k VARBINARY(64), shard INT, n BIGINT NOT NULL,"
    " PRIMARY KEY (k, shard)) ENGINE=InnoDB",
)


class _MySQLTxn(OptimisticTxn):
    def __init__(self, engine: MySQLEngine) -> None:
        super().__init__()
        self._engine = engine

    def _read(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        if not keys:
            return []
        found = dict(self._engine.query("SELECT k, v FROM {kv} WHERE k IN %s", (list(keys),)))
        return [found.get(key) for key in keys]

    def _read_through(
        self, keys: Sequence[bytes], through: Sequence[bytes]
    ) -> tuple[Sequence[bytes | None], Sequence[bytes | None], Sequence[bytes | None]]:
        rows = self._engine.query(_THROUGH, ([*keys, b""], list(through)))
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
        return self._engine.query(
            *_range_query(start, end, -1 if limit is None else limit, keys_only)
        )

    def _read_counter(self, name: bytes) -> int:
        rows = self._engine.query("SELECT SUM(n) FROM {counters} WHERE k = %s", (name,))
        return int(rows[0][0] or 0)


_THROUGH = (
    "SELECT k, v, NULL FROM {kv} WHERE k IN %s UNION ALL "
    "SELECT a.k, a.v, b.v FROM {kv} a LEFT JOIN {kv} b"
    " ON b.k = CONCAT(_binary'i', SUBSTRING(a.v, 1, 8)) WHERE a.k IN %s"
)


def _range_query(
    start: bytes, end: bytes, limit: int, keys_only: bool, locking: str = ""
) -> tuple[str, tuple[Any, ...]]:
    what = "k, x''" if keys_only else "k, v"
    bound = "" if limit < 0 else f" LIMIT {limit:d}"
    where = "WHERE k >= %s AND k < %s ORDER BY k"
    return f"SELECT {what} FROM {{kv}} {where}{bound}{locking}", (start, end)


class MySQLEngine(OptimisticEngine):
    """Optimistic transactions over a pool of connections in autocommit mode."""

    lost = (pymysql.OperationalError, pymysql.InterfaceError, OSError)
    broken = (pymysql.MySQLError,)

    def __init__(self, url: str) -> None:
        super().__init__(public_url(url))
        parts = urlsplit(url)
        options = {key: values[0] for key, values in parse_qs(parts.query).items()}
        table = options.pop("table", "dffs")
        if not TABLE_NAME.fullmatch(table):
            raise BadInput(f"table={table!r}: a name of small letters, digits and _ is allowed")
        if options.keys() - {"ssl_ca"}:
            raise BadInput(f"{self.url}: options allowed are table and ssl_ca")
        self._names = {"kv": f"`{table}`", "counters": f"`{table}_counters`"}
        self._where: dict[str, Any] = {
            "host": parts.hostname or "127.0.0.1",
            "port": parts.port or 3306,
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "database": parts.path.strip("/"),
            **options,
        }
        self._shards = count()
        self._free: list[tuple[pymysql.Connection[Any], int]] = []
        try:
            for statement in _TABLES:
                self.query(statement, ())
        except (*self.lost, *self.broken) as error:
            raise EngineDown(f"{self.url}: {error}") from error

    def _connect(self) -> tuple[pymysql.Connection[Any], int]:
        connection = pymysql.connect(
            **self._where,
            autocommit=True,
            connect_timeout=_CONNECT_S,
            read_timeout=_ANSWER_S,
            write_timeout=_ANSWER_S,
            client_flag=CLIENT.MULTI_STATEMENTS,
            charset="utf8mb4",
        )
        return connection, next(self._shards) % _SHARDS

    def query(self, query: str, arguments: Sequence[Any]) -> list[Any]:
        """Run one statement as a transaction of its own."""
        with self._connection() as (connection, _):
            return self._run(connection, query, arguments)

    def _run(self, connection: Any, query: str, arguments: Sequence[Any] = ()) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(query.format(**self._names), arguments)
            return list(cursor.fetchall())

    @contextmanager
    def _connection(self) -> Iterator[tuple[pymysql.Connection[Any], int]]:
        try:
            connection, shard = self._free.pop()
        except IndexError:
            connection, shard = self._connect()
        try:
            yield connection, shard
        except BaseException:
            with suppress(pymysql.MySQLError):
                connection.close()
            raise
        self._free.append((connection, shard))

    def _is_full(self, error: Exception) -> bool:
        return bool(error.args) and error.args[0] in _FULL

    def _begin(self) -> OptimisticTxn:
        return _MySQLTxn(self)

    def _commit(self, txn: OptimisticTxn) -> bool:
        with self._connection() as (connection, shard):
            try:
                if self._has_changed(connection, txn):
                    connection.rollback()
                    return False
                self._write(connection, txn, shard)
                return True
            except pymysql.MySQLError as error:
                if error.args and error.args[0] in _BEATEN:
                    connection.rollback()
                    return False
                raise

    def _has_changed(self, connection: Any, txn: OptimisticTxn) -> bool:
        """Begin, lock what was read, and compare."""
        # Nothing has an empty key: it stands for "nothing was read".
        query = "BEGIN; SELECT k, v FROM {kv} WHERE k IN %s FOR UPDATE".format(**self._names)
        with connection.cursor() as cursor:
            cursor.execute(query, (list(txn.watched) or [b""],))
            cursor.nextset()
            now = dict(cursor.fetchall())
        if any(now.get(key) != value for key, value in txn.watched.items()):
            return True
        return any(self._range_has_changed(connection, seen) for seen in txn.ranges)

    def _range_has_changed(self, connection: Any, seen: Range) -> bool:
        query = _range_query(seen.start, seen.end, seen.limit, seen.keys_only, " FOR UPDATE")
        return self._run(connection, *query) != [tuple(pair) for pair in seen.found]

    def _write(self, connection: Any, txn: OptimisticTxn, shard: int) -> None:
        """Write and commit, in one round trip."""
        puts, deletes = txn.puts_and_deletes()
        for prefix, value in txn.appends:
            puts.append((prefix + self._next_number(connection), value))
        statements: list[str] = []
        arguments: list[Any] = []
        if puts:
            rows = ",".join(["(%s,%s)"] * len(puts))
            statements.append(
                f"INSERT INTO {{kv}} VALUES {rows} ON DUPLICATE KEY UPDATE v = VALUES(v)"
            )
            arguments += [part for pair in puts for part in pair]
        if deletes:
            statements.append("DELETE FROM {kv} WHERE k IN %s")
            arguments.append(deletes)
        if txn.adds:
            rows = ",".join([f"(%s,{shard:d},%s)"] * len(txn.adds))
            statements.append(
                f"INSERT INTO {{counters}} VALUES {rows} ON DUPLICATE KEY UPDATE n = n + VALUES(n)"
            )
            arguments += [part for pair in txn.adds.items() for part in pair]
        self._run_all(connection, [*statements, "COMMIT"], arguments)

    def _run_all(self, connection: Any, statements: list[str], arguments: list[Any]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("; ".join(statements).format(**self._names), arguments)
            while cursor.nextset():
                pass

    def _next_number(self, connection: Any) -> bytes:
        self._run(connection, _COUNT_ON, (SEQUENCE,))
        query = "SELECT n FROM {counters} WHERE k = %s AND shard = 0 FOR UPDATE"
        number: int = self._run(connection, query, (SEQUENCE,))[0][0]
        return number.to_bytes(8, "big")

    def counters(self) -> dict[bytes, int]:
        """All counters."""
        rows = self.query("SELECT k, SUM(n) FROM {counters} GROUP BY k", ())
        return {name: int(total) for name, total in rows}

    def clear(self) -> None:
        """Remove all keys and counters."""
        for table in ("{kv}", "{counters}"):
            self.query(f"TRUNCATE TABLE {table}", ())

    def sync(self) -> None:
        """Nothing: a commit that was answered is on disk, unless the server was told otherwise."""

    def close(self) -> None:
        """Close all connections."""
        while self._free:
            self._free.pop()[0].close()


_COUNT_ON = "INSERT INTO {counters} VALUES (%s, 0, 1) ON DUPLICATE KEY UPDATE n = n + 1"
