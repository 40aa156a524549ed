"""Where a blob lives on a disk: names of its files, and which names may be blob ids.

Pure. Used by the store, its disks and recovery.

    <disk>/index.sqlite                      what this disk holds (index.py)
    <disk>/lock                              held by the one process that writes the store
    <disk>/blobs/<shard>/<id>~<nonce>        the bytes, at their final offsets
    <disk>/blobs/<shard>/<id>~<nonce>.units  journal of verified units (journal.py)

The nonce tells two incarnations of one id apart: after a crash an index row that survived from the
first one can never vouch for the bytes of the second.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from dfcore.errors import BadInput

INDEX_NAME = "index.sqlite"
LOCK_NAME = "lock"
BLOBS_DIR = "blobs"
JOURNAL_SUFFIX = ".units"

#: What file systems reserve is counted in steps of this many bytes.
ALLOCATION_BYTES = 4096

# Ends in a letter or digit, so that the shard (its last two characters) is never `..`;
# has no `~` and no `/`, so that a file name can be taken apart again.
_BLOB_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:+=-]{0,158}[A-Za-z0-9])?")
_FILE_NAME = re.compile(rf"(?P<id>{_BLOB_ID.pattern})~(?P<nonce>[0-9a-f]{{1,16}})")


def check_blob_id(blob_id: str) -> str:
    """The id itself; BadInput unless it can be a file name. Task ids and `sha256:...` can."""
    if not _BLOB_ID.fullmatch(blob_id):
        raise BadInput(f"blob id {blob_id[:200]!r} is not 1-160 letters, digits or ._:+=-")
    return blob_id


def shard_of(blob_id: str) -> str:
    """The folder of a blob: the end of its id, which is evenly spread where ids are digests."""
    return blob_id[-2:]


def file_name(blob_id: str, nonce: int) -> str:
    """Name of the data file of one incarnation of a blob."""
    return f"{blob_id}~{nonce:x}"


def allocated_bytes(size_bytes: int) -> int:
    """What a file of this size takes from the disk, about."""
    return -(-size_bytes // ALLOCATION_BYTES) * ALLOCATION_BYTES


class FileName(NamedTuple):
    """A file name of ours, taken apart."""

    blob_id: str
    nonce: int
    is_journal: bool


def parse_file_name(name: str) -> FileName | None:
    """The parts of a file name, None if it is not one of ours."""
    stem = name.removesuffix(JOURNAL_SUFFIX)
    match = _FILE_NAME.fullmatch(stem)
    if match is None:
        return None
    return FileName(match["id"], int(match["nonce"], 16), stem != name)
