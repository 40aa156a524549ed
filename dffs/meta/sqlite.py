"""SQLite as engine: one file, for the processes of one machine.

WAL mode: readers never wait. Writers take turns; each is one `BEGIN IMMEDIATE`. A commit survives
the death of the process at once, a power cut from the next `sync` on (or always, with
`?synchronous=full`).
"""

from __future__ import annotations

import errno
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from dfcore.errors import BadInput
from dffs.meta.kv import SEQUENCE, EngineDown, Pair, Txn
from dffs.meta.types import MetaError

T = TypeVar("T")

_BUSY_S = 30.0
_CACHE_KIB = 65536
_MAPPED_BYTES = 256 * 2**20
_LOG_PAGES = 8000
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS counters (k BLOB PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID",
)
_GET = "SELECT v FROM kv WHERE k = ?"
# For listings: a statement for many keys takes a quarter of the time of one for each.
_WORTH_A_BATCH = 16
_BATCH = 250
_AT_ONCE = 50
# Several keys in one statement: it takes SQLite's lock once, and gives the values in their order.
_GETS = [
    "SELECT " + ", ".join(["(SELECT v FROM kv WHERE k = ?)"] * count)
    for count in range(_AT_ONCE + 1)
]
_PUT = "INSERT INTO kv VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v"
_DELETE = "DELETE FROM kv WHERE k = ?"
_ADD = "INSERT INTO counters VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET n = n + excluded.n"
_COUNTER = "SELECT n FROM counters WHERE k = ?"
_SCAN = "SELECT k, v FROM kv WHERE k >= ? AND k < ? ORDER BY k LIMIT ?"
_SCAN_KEYS = "SELECT k, x'' FROM kv WHERE k >= ? AND k < ? ORDER BY k LIMIT ?"


class _SqliteTxn(Txn):
    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._execute = connection.execute

    def _read(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        count = len(keys)
        if count == 1:
            row = self._execute(_GET, keys).fetchone()
            return row if row else (None,)
        if count <= _AT_ONCE:
            return self._execute(_GETS[count], keys).fetchone() if count else ()
        return [
            value
            for first in range(0, count, _AT_ONCE)
            for value in self._read(keys[first : first + _AT_ONCE])
        ]

    def _read_range(
        self, start: bytes, end: bytes, limit: int | None, keys_only: bool
    ) -> list[Pair]:
        statement = _SCAN_KEYS if keys_only else _SCAN
        return self._execute(statement, (start, end, -1 if limit is None else limit)).fetchall()

    def _read_counter(self, name: bytes) -> int:
        row = self._execute(_COUNTER, (name,)).fetchone()
        return row[0] if row else 0


class SqliteEngine:
    """One connection that writes, behind a lock, and a pool of those that read."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = parse_qs(parts.query)
        # sqlite:///var/x is /var/x, as in SQLAlchemy's absolute form sqlite:////var/x.
        path = unquote(parts.path)
        self.path = Path("/" + path.lstrip("/")) if not parts.netloc else Path(parts.netloc + path)
        self.url = f"sqlite://{self.path}"
        self._synchronous = options.get("synchronous", ["normal"])[0].lower()
        if self._synchronous not in {"off", "normal", "full", "extra"}:
            raise BadInput(
                f"synchronous={self._synchronous!r}: allowed are off, normal, full, extra"
            )
        self._readers: list[sqlite3.Connection] = []  # those that nobody uses now
        self._lock = threading.Lock()
        try:
            self._writer = self._connect(timeout_s=0)
            self._patiently("PRAGMA journal_mode = WAL")
            for statement in _SCHEMA:
                self._patiently(statement)
        except sqlite3.Error as error:
            raise EngineDown(f"cannot open {self.path}: {error}") from error

    def _connect(self, timeout_s: float = _BUSY_S) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=timeout_s, isolation_level=None, check_same_thread=False
        )
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
        # A checkpoint waits for the disk: seldom, then.
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        return connection

    def transact(self, fn: Callable[[Txn], T], *, read_only: bool = False) -> T:
        """Run `fn` in one transaction."""
        if read_only:
            with self._reader() as connection:
                return fn(_SqliteTxn(connection))
        with self._lock:
            return self._write(fn)

    def _write(self, fn: Callable[[Txn], T]) -> T:
        connection = self._writer
        try:
            self._patiently("BEGIN IMMEDIATE")
            try:
                txn = _SqliteTxn(connection)
                result = fn(txn)
                if txn.has_effect:
                    _apply(connection, txn)
                connection.execute("COMMIT")
                return result
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
                raise MetaError(errno.ENOSPC, f"{self.path}: {error}") from error
            raise EngineDown(f"{self.path}: {error}") from error

    def _patiently(self, statement: str) -> None:
        """Execute, as soon as others let us; SQLite's own waiting sleeps too long for short turns."""
        deadline = time.monotonic() + _BUSY_S
        wait_s = 0.0002
        while True:
            try:
                self._writer.execute(statement)
                return
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise
            time.sleep(wait_s * random.uniform(0.5, 1.0))
            wait_s = min(wait_s * 2, 0.02)

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        try:
            try:
                connection = self._readers.pop()
            except IndexError:
                connection = self._connect()
            try:
                yield connection
            except sqlite3.Error:
                connection.close()
                raise
            except BaseException:  # a refusal, such as ENOENT: nothing is wrong with the connection
                self._readers.append(connection)
                raise
            self._readers.append(connection)
        except sqlite3.Error as error:
            raise EngineDown(f"{self.path}: {error}") from error

    def stream(self, start: bytes, end: bytes) -> Iterator[Pair]:
        """All pairs of a range, of one moment."""
        with closing(self._connect()) as connection:
            yield from connection.execute(_SCAN, (start, end, -1))

    def counters(self) -> dict[bytes, int]:
        """All counters."""
        with self._reader() as connection:
            return dict(connection.execute("SELECT k, n FROM counters").fetchall())

    def clear(self) -> None:
        """Remove all keys and counters."""
        with self._lock:
            self._writer.execute("DELETE FROM kv")
            self._writer.execute("DELETE FROM counters")

    def sync(self) -> None:
        """Force the log to the disk: all commits are in it, or in the file it was written back to."""
        log = self.path.with_name(f"{self.path.name}-wal")
        if log.exists():
            with log.open("rb") as handle:
                os.fdatasync(handle.fileno())

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for connection in [*self._readers, self._writer]:
                connection.close()
            self._readers.clear()


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _apply(connection: sqlite3.Connection, txn: Txn) -> None:
    execute = connection.execute
    for name, delta in txn.adds.items():
        execute(_ADD, (name, delta))
    for prefix, value in txn.appends:
        execute(_ADD, (SEQUENCE, 1))
        number = execute(_COUNTER, (SEQUENCE,)).fetchone()[0]
        txn.writes[prefix + number.to_bytes(8, "big")] = value
    for key, new in txn.writes.items():
        if new is None:
            execute(_DELETE, (key,))
        else:
            execute(_PUT, (key, new))
