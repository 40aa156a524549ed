"""The index of one disk: an SQLite file that says which blobs the disk holds.

It saves a walk over the directories at start and holds what does not belong into memory. The ledger
is its only writer; readers have a connection of their own (WAL). A file that cannot be read is put
aside, and recovery builds a new one from the journals.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from blobstore.model import BlobMeta, State
from dfcore.pieces import Geometry

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE blobs (
    blob_id      TEXT PRIMARY KEY,
    nonce        INTEGER NOT NULL,  -- which incarnation of the id: part of the file name
    size_bytes   INTEGER NOT NULL,
    piece_length INTEGER NOT NULL,
    unit_length  INTEGER NOT NULL,
    state        INTEGER NOT NULL,  -- model.State; 2 only after the bytes were forced to the disk
    digest       TEXT,              -- what the sealed content was checked against, or found to be
    created      REAL NOT NULL,     -- seconds since the epoch, as is last_used
    last_used    REAL NOT NULL,
    url          TEXT NOT NULL,     -- of meta, for listings
    restricted   INTEGER NOT NULL,  -- of meta, for listings
    meta         TEXT NOT NULL,     -- JSON of model.BlobMeta
    digests      BLOB               -- 16 bytes per unit; NULL if the blob has a journal for that
) WITHOUT ROWID;
CREATE TABLE info (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- '1' while no process has the store open: nothing to repair on start. A new index says '0',
-- because it may be new only for having been lost.
INSERT INTO info VALUES ('clean', '0');
"""

_PUT = f"INSERT OR REPLACE INTO blobs VALUES ({', '.join('?' * 13)})"


class Row(NamedTuple):
    """One row of the table `blobs`, in its column order."""

    blob_id: str
    nonce: int
    size_bytes: int
    piece_length: int
    unit_length: int
    state: int
    digest: str | None
    created: float
    last_used: float
    url: str
    restricted: int
    meta: str
    digests: bytes | None

    @property
    def geometry(self) -> Geometry:
        """How the blob is cut."""
        return Geometry(self.size_bytes, self.piece_length, self.unit_length)

    @property
    def has_journal(self) -> bool:
        """Blobs of at most one unit have none: they are kept only when they are sealed."""
        return self.size_bytes > self.unit_length


def make_row(
    blob_id: str,
    nonce: int,
    geometry: Geometry,
    meta: BlobMeta,
    *,
    state: State,
    created: float,
    last_used: float,
    digest: str | None = None,
    digests: bytes | None = None,
) -> Row:
    """A row from the store's own terms."""
    return Row(
        blob_id,
        nonce,
        geometry.size_bytes,
        geometry.piece_length,
        geometry.unit_length,
        int(state),
        digest,
        created,
        last_used,
        meta.url,
        int(meta.restricted),
        meta.to_json(),
        digests,
    )


class Index:
    """One open index file. apply() on one thread at a time; get() and rows() on any."""

    def __init__(self, path: Path) -> None:
        """Open or create it; sqlite3.DatabaseError if the file is not a usable index."""
        self._path = path
        # It names what the node holds, restricted blobs included; SQLite would let all read it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._read_lock = threading.Lock()
        self._writer = self._connect()
        try:
            self.was_clean = self._prepare()
            self._reader = self._connect()
        except sqlite3.Error:
            self._writer.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=30, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # A power cut may lose the last rows, never their order: what is lost is an older
            # state of the blob, which recovery checks again.
            connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _prepare(self) -> bool:
        version = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._writer.executescript(_SCHEMA + f"PRAGMA user_version = {SCHEMA_VERSION};")
        elif version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"index schema {version}, not {SCHEMA_VERSION}")
        row = self._writer.execute("SELECT value FROM info WHERE key = 'clean'").fetchone()
        clean = row is not None and row[0] == "1"
        if not clean:
            (verdict,) = self._writer.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
        self._mark(clean=False)
        return clean

    def _mark(self, *, clean: bool) -> None:
        # This one must not be lost: a stale "clean" would skip the repair.
        self._writer.execute("PRAGMA synchronous = FULL")
        self._writer.execute("INSERT OR REPLACE INTO info VALUES ('clean', ?)", (str(int(clean)),))
        self._writer.execute("PRAGMA synchronous = NORMAL")

    def get(self, blob_id: str) -> Row | None:
        """The row of one blob."""
        with self._read_lock:
            found = self._reader.execute(
                "SELECT * FROM blobs WHERE blob_id = ?", (blob_id,)
            ).fetchone()
        return None if found is None else Row._make(found)

    def rows(self) -> Iterator[Row]:
        """All rows, least recently used first; `meta` and `digests` are left empty."""
        columns = "blob_id, nonce, size_bytes, piece_length, unit_length, state, digest, created"
        query = (
            f"SELECT {columns}, last_used, url, restricted, '', NULL FROM blobs ORDER BY last_used"
        )
        with self._read_lock:
            found = self._reader.execute(query).fetchall()
        return map(Row._make, found)

    def apply(
        self,
        puts: Iterable[Row],
        removed: Iterable[str],
        touched: Iterable[tuple[str, float]] = (),
        durable: Iterable[Row] = (),
    ) -> None:
        """One transaction: rows gone, rows written, times of last use, bytes proven on the disk."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            self._writer.executemany(
                "DELETE FROM blobs WHERE blob_id = ?", ((blob_id,) for blob_id in removed)
            )
            self._writer.executemany(_PUT, puts)
            self._writer.executemany(
                "UPDATE blobs SET last_used = ? WHERE blob_id = ?",
                ((when, blob_id) for blob_id, when in touched),
            )
            self._writer.executemany(
                f"UPDATE blobs SET state = {State.DURABLE:d} WHERE blob_id = ? AND nonce = ?",
                ((row.blob_id, row.nonce) for row in durable),
            )
        except sqlite3.Error:
            self._writer.execute("ROLLBACK")
            raise
        self._writer.execute("COMMIT")

    def close(self, *, clean: bool) -> None:
        """`clean`: every row says what is on the disk, so that the next start may believe it."""
        try:
            if clean:
                self._mark(clean=True)
        finally:
            with self._read_lock:
                self._reader.close()
            self._writer.close()
