"""What the store's tests share: small geometries, repeatable content, a clock that is set."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from blobstore import Blob, BlobMeta, BlobStore, DiskConfig, StoreConfig
from dfcore.digest import Digest, new_hasher, unit_digest
from dfcore.pieces import Geometry

UNIT = 4096
META = BlobMeta(url="https://origin/model", response_headers=(("ETag", '"1"'),), validator="v1")


class SetClock:
    """A clock that stands until it is told."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


def geometry(units: float, unit_length: int = UNIT) -> Geometry:
    """So many units, the last one perhaps not whole."""
    return Geometry(int(units * unit_length), 4 * unit_length, unit_length)


def content(geometry: Geometry, seed: int | str = 0) -> bytes:
    """The same bytes for the same seed."""
    return random.Random(seed).randbytes(geometry.size_bytes)


def sha256(data: bytes) -> Digest:
    hasher = new_hasher("sha256", len(data))
    hasher.update(data)
    return hasher.digest()


def config(*paths: Path, limit: int | None = None, **settings: Any) -> StoreConfig:
    """Disks that leave nothing free, so that a full test machine does not matter."""
    disks = tuple(DiskConfig(path, size_limit_bytes=limit, free_ratio=0) for path in paths)
    return StoreConfig(disks=disks, **settings)


def put_unit(blob: Blob, data: bytes, unit: int) -> None:
    """Write and commit one unit of `data`, which is the whole content."""
    extent = blob.geometry.unit_range(unit)
    part = data[extent.start : extent.end]
    blob.write_at(extent.start, part)
    blob.commit(unit, unit_digest(part))


def put(
    store: BlobStore, blob_id: str, units: float = 3, *, seed: int | str = 0, seal: bool = True
) -> Blob:
    """A whole blob."""
    shape = geometry(units)
    data = content(shape, seed)
    blob = store.create(blob_id, shape, meta=META)
    for unit in range(shape.unit_count):
        put_unit(blob, data, unit)
    if seal:
        blob.seal(sha256(data))
    return blob


def read(blob: Blob) -> bytes:
    return blob.pread(0, blob.size_bytes)


def ids(store: BlobStore) -> set[str]:
    return {info.blob_id for info in store.all()}
