"""The journal beside a blob of more than one unit: which units were verified, in what order.

A file of checksummed frames: a header that says which blob this is, one frame per unit that became
held (or was discarded), one when the sealed bytes were known to be on the disk. A frame costs one
write(2) and no fsync: what a crash leaves behind is believed frame by frame up to the first bad
one, and a unit only after its bytes were hashed again (recover.py). Written by Blob under its lock.

    frame  = kind u8 | payload length u32 | payload | xxh3_64 of all before, u64   (little-endian)
    kinds: 1 header (JSON), 2 held (unit u32, digest 16 bytes), 3 discarded (unit u32), 4 durable
"""

from __future__ import annotations

import errno
import json
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path

import xxhash

from blobstore.model import BlobMeta
from dfcore.digest import UNIT_DIGEST_BYTES
from dfcore.errors import BadInput
from dfcore.pieces import Geometry

HEADER, HELD, DISCARDED, DURABLE = 1, 2, 3, 4

_HEAD = struct.Struct("<BI")
_UNIT = struct.Struct("<I")
_UNIT_DIGEST = struct.Struct(f"<I{UNIT_DIGEST_BYTES}s")
_CHECK = struct.Struct("<Q")
# Far above any header; a garbled length is noticed before memory is asked for.
_MAX_PAYLOAD = 16 << 20


@dataclass(frozen=True, slots=True)
class Header:
    """Who a journal belongs to: enough to rebuild a lost index row."""

    blob_id: str
    geometry: Geometry
    created: float
    meta: BlobMeta


@dataclass(slots=True)
class Replay:
    """What a journal says. `good_bytes` is where its first bad frame begins, or its end."""

    header: Header | None = None
    units: dict[int, bytes] = field(default_factory=dict)
    durable: bool = False
    digest: str | None = None
    good_bytes: int = 0


def frame(kind: int, payload: bytes) -> bytes:
    """One frame."""
    body = _HEAD.pack(kind, len(payload)) + payload
    return body + _CHECK.pack(xxhash.xxh3_64_intdigest(body))


def header_frame(header: Header) -> bytes:
    """The first frame of a journal."""
    geometry = header.geometry
    values = {
        "id": header.blob_id,
        "geometry": [geometry.size_bytes, geometry.piece_length, geometry.unit_length],
        "created": header.created,
        "meta": header.meta.to_json(),
    }
    return frame(HEADER, json.dumps(values).encode())


def held_frame(unit: int, digest: bytes) -> bytes:
    """The bytes of `unit` are in the file and have this digest."""
    return frame(HELD, _UNIT_DIGEST.pack(unit, digest))


def discarded_frame(unit: int) -> bytes:
    """The bytes of `unit` are not to be believed any more."""
    return frame(DISCARDED, _UNIT.pack(unit))


def durable_frame(digest: str | None) -> bytes:
    """The blob is complete, checked and on the disk; `digest` names it, if it has one."""
    return frame(DURABLE, (digest or "").encode())


def replay(data: bytes) -> Replay:
    """Read a journal up to its first bad frame. Never raises: garbage is an empty journal."""
    told = Replay()
    at = 0
    while (found := _frame_at(data, at)) is not None:
        kind, payload, end = found
        try:
            _apply(told, kind, payload)
        except (BadInput, ValueError, KeyError, TypeError, struct.error):
            break
        at = told.good_bytes = end
        if told.header is None:
            return Replay()
    return told


def _frame_at(data: bytes, at: int) -> tuple[int, bytes, int] | None:
    if at + _HEAD.size > len(data):
        return None
    kind, length = _HEAD.unpack_from(data, at)
    body_end = at + _HEAD.size + length
    if length > _MAX_PAYLOAD or body_end + _CHECK.size > len(data):
        return None
    (check,) = _CHECK.unpack_from(data, body_end)
    if check != xxhash.xxh3_64_intdigest(data[at:body_end]):
        return None
    return kind, data[at + _HEAD.size : body_end], body_end + _CHECK.size


def _apply(told: Replay, kind: int, payload: bytes) -> None:
    if kind == HEADER:
        told.header = _read_header(payload)
    elif kind == HELD:
        unit, digest = _UNIT_DIGEST.unpack(payload)
        told.units[unit] = digest
    elif kind == DISCARDED:
        told.units.pop(_UNIT.unpack(payload)[0], None)
        told.durable = False
    elif kind == DURABLE:
        told.durable = True
        told.digest = payload.decode() or None
    else:
        raise ValueError(f"unknown kind of frame: {kind}")


def _read_header(payload: bytes) -> Header:
    values = json.loads(payload)
    return Header(
        blob_id=values["id"],
        geometry=Geometry(*values["geometry"]),
        created=values["created"],
        meta=BlobMeta.from_json(values["meta"]),
    )


class Journal:
    """An open journal. Not thread-safe: the blob's lock guards it."""

    __slots__ = ("_fd", "_header_bytes", "path")

    def __init__(self, path: Path, fd: int, header_bytes: int) -> None:
        self.path = path
        self._fd = fd
        self._header_bytes = header_bytes

    @classmethod
    def create(cls, path: Path, header: Header) -> Journal:
        """A new journal; OSError if it cannot be written."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        first = header_frame(header)
        journal = cls(path, fd, len(first))
        try:
            journal.append(first)
        except OSError:
            journal.close()
            path.unlink(missing_ok=True)
            raise
        return journal

    @classmethod
    def reopen(cls, path: Path, told: Replay) -> Journal:
        """Go on after the last good frame of a journal that was read before."""
        assert told.header is not None
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.ftruncate(fd, told.good_bytes)
        except OSError:
            os.close(fd)
            raise
        return cls(path, fd, len(header_frame(told.header)))

    def append(self, data: bytes) -> None:
        """One write. A short one leaves a torn frame, so nothing may follow: close it then."""
        if os.write(self._fd, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def forget_units(self) -> None:
        """Back to the header alone."""
        os.ftruncate(self._fd, self._header_bytes)

    def close(self) -> None:
        """Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()
