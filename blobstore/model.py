"""The store's vocabulary: what a caller tells about a blob and what it is told.

Pure values. Written into index rows and journal headers by the store; read by everybody else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit


class State(IntEnum):
    """How far a blob is. The numbers stand in index rows."""

    #: Units are still missing, or the whole has not been checked.
    FILLING = 0
    #: Complete, but a power cut might still lose bytes: every unit is verified again on start.
    SEALED = 1
    #: Complete and known to be on the disk: trusted without reading it.
    DURABLE = 2


@dataclass(frozen=True, slots=True)
class BlobMeta:
    """What the store remembers about a blob on behalf of its caller.

    `url` loses its query, fragment and user part here: signatures and passwords are never kept.
    `digest` is what the content is expected to be, if that is known beforehand.
    """

    url: str = ""
    digest: str | None = None
    response_headers: tuple[tuple[str, str], ...] = ()
    restricted: bool = False
    validator: str | None = None
    tag: str = ""
    application: str = ""
    task_type: str = "standard"

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", _without_secrets(self.url))
        headers = tuple((str(name), str(value)) for name, value in self.response_headers)
        object.__setattr__(self, "response_headers", headers)

    def to_json(self) -> str:
        """The form kept in the index."""
        # Not dataclasses.asdict(): that takes longer than making the blob's file.
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return json.dumps(values, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> BlobMeta:
        """Read back what to_json() wrote; fields that a newer version added are dropped."""
        values = json.loads(text)
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        return cls(**known)


def _without_secrets(url: str) -> str:
    if not any(mark in url for mark in "?#@"):
        return url
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """One blob of a listing. Times are seconds since the epoch."""

    blob_id: str
    size_bytes: int
    held_bytes: int
    complete: bool
    digest: str | None
    url: str
    restricted: bool
    created: float
    last_used: float
    pinned: bool
    disk: Path


@dataclass(frozen=True, slots=True)
class DiskStats:
    """One disk. `used_bytes` is what blobs take or have reserved; `free_bytes` what the file
    system has left; `room_bytes` what the store may still take without evicting."""

    path: Path
    healthy: bool
    used_bytes: int = 0
    free_bytes: int = 0
    room_bytes: int = 0
    size_limit_bytes: int | None = None
    blobs: int = 0


@dataclass(frozen=True, slots=True)
class StoreStats:
    """The whole store. `unverified` blobs are still to be checked after a start."""

    disks: tuple[DiskStats, ...] = ()
    blobs: int = 0
    used_bytes: int = 0
    unverified: int = 0
    evicted_blobs: int = 0
    evicted_bytes: int = 0
