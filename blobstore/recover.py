"""What a start believes: rows and files that belong together, and bytes that match their digests.

After a clean stop the index is believed and no directory is walked. After a crash the folders are
compared with the index: a file that no row knows is adopted from its journal or dropped, a row
whose file is missing or has another length is dropped. A lost index is rebuilt from the journals.
Called by the store when it opens (repair) and by Blob when it is first asked for (verify_units).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from blobstore import files, journal, layout
from blobstore.disks import Disk
from blobstore.index import Index, Row, make_row
from blobstore.model import State
from dfcore.digest import UnitHasher
from dfcore.errors import Unavailable
from dfcore.pieces import Geometry
from dfinfra.logs import get_logger

_log = get_logger("blobstore")
_READ_BYTES = 1 << 20


@dataclass(slots=True)
class Recovered:
    """A disk's index, what it holds, and what has to be written to the index to make it true."""

    index: Index
    rows: list[Row]
    adopted: list[Row]
    dropped: list[str]


def open_index(disk: Disk) -> Index:
    """The disk's index; an unreadable one is put aside and a new one begun."""
    path = disk.root / layout.INDEX_NAME
    try:
        return Index(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise OSError(None, f"cannot open {path}: {error}") from error
        _log.warning("index unreadable, built anew", disk=str(disk.root), reason=str(error))
        for suffix in ("", "-wal", "-shm"):
            if (damaged := path.with_name(path.name + suffix)).exists():
                damaged.replace(path.with_name(f"{path.name}.damaged{suffix}"))
        index = Index(path)
        index.was_clean = False
        return index


def recover(disk: Disk) -> Recovered:
    """Open the index of a disk and make it and the folders agree. OSError if the disk fails."""
    index = open_index(disk)
    rows = list(index.rows())
    if index.was_clean:
        return Recovered(index, rows, [], [])
    found = _walk(disk)
    kept: list[Row] = []
    dropped: list[str] = []
    for row in rows:
        size = found.pop((row.blob_id, row.nonce), None)
        if size == row.size_bytes:
            kept.append(row)
        else:
            dropped.append(row.blob_id)
            _remove_files(disk, row.blob_id, row.nonce)
    known = {row.blob_id for row in kept}
    adopted: list[Row] = []
    for (blob_id, nonce), size in found.items():
        stray = None if blob_id in known else _row_of_stray(disk, blob_id, nonce, size)
        if stray is None:
            _remove_files(disk, blob_id, nonce)
        else:
            known.add(blob_id)
            adopted.append(stray)
    if kept or adopted or dropped:
        _log.info(
            "store repaired after a crash",
            disk=str(disk.root),
            kept=len(kept),
            adopted=len(adopted),
            dropped=len(dropped),
        )
    return Recovered(index, kept + adopted, adopted, dropped)


def _walk(disk: Disk) -> dict[tuple[str, int], int | None]:
    """Size of every data file; None for a journal whose data file is missing."""
    found: dict[tuple[str, int], int | None] = {}
    for entry in _files_below(disk.blobs_dir):
        name = layout.parse_file_name(entry.name)
        if name is None:
            continue  # not ours: leave it alone
        key = (name.blob_id, name.nonce)
        if name.is_journal:
            found.setdefault(key, None)
        else:
            found[key] = entry.stat(follow_symlinks=False).st_size
    return found


def _files_below(directory: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(directory) as shards:
        for shard in shards:
            if shard.is_dir(follow_symlinks=False):
                with os.scandir(shard.path) as entries:
                    yield from (e for e in entries if e.is_file(follow_symlinks=False))


def _row_of_stray(disk: Disk, blob_id: str, nonce: int, size: int | None) -> Row | None:
    if size is None:
        return None
    told = read_journal(disk.journal_path(blob_id, nonce))
    header = told.header
    if header is None or header.blob_id != blob_id or header.geometry.size_bytes != size:
        return None
    state = State.DURABLE if told.durable else State.FILLING
    return make_row(
        blob_id,
        nonce,
        header.geometry,
        header.meta,
        state=state,
        created=header.created,
        last_used=header.created,
        digest=told.digest,
    )


def _remove_files(disk: Disk, blob_id: str, nonce: int) -> None:
    disk.blob_path(blob_id, nonce).unlink(missing_ok=True)
    disk.journal_path(blob_id, nonce).unlink(missing_ok=True)


def read_journal(path: Path) -> journal.Replay:
    """What a journal says; nothing if it is missing or unreadable."""
    try:
        return journal.replay(path.read_bytes())
    except OSError:
        return journal.Replay()


def verify_units(
    fd: int, geometry: Geometry, told: Mapping[int, bytes], is_closing: Callable[[], bool]
) -> dict[int, bytes]:
    """Those of the units whose bytes in the file have the digest that the journal tells.

    Unavailable if `is_closing` says so on the way: then nothing is known.
    """
    buffer = memoryview(bytearray(min(_READ_BYTES, geometry.unit_length)))
    good: dict[int, bytes] = {}
    for unit, digest in sorted(told.items()):
        if is_closing():
            raise Unavailable("the blob store is closing")
        if unit < geometry.unit_count and digest_in_file(fd, geometry, unit, buffer) == digest:
            good[unit] = digest
    return good


def digest_in_file(
    fd: int, geometry: Geometry, unit: int, buffer: memoryview | None = None
) -> bytes | None:
    """The digest of a unit as it is in the file; None if it cannot be read whole."""
    if buffer is None:
        buffer = memoryview(bytearray(min(_READ_BYTES, geometry.unit_length)))
    hasher = UnitHasher()
    extent = geometry.unit_range(unit)
    at = extent.start
    try:
        while at < extent.end:
            part = buffer[: min(len(buffer), extent.end - at)]
            if files.preadv_all(fd, part, at) != len(part):
                return None
            hasher.update(part)
            at += len(part)
    except OSError:
        return None
    return hasher.digest()
