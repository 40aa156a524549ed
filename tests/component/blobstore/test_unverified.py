"""A blob that a crash caught says so until its bytes were read."""

from __future__ import annotations

from pathlib import Path

from blobstore import BlobStore, DiskConfig, StoreConfig
from dfcore.digest import unit_digest
from dfcore.pieces import Geometry

MIB = 1 << 20


def test_what_a_start_does_not_believe_is_told_until_it_was_read(tmp_path: Path) -> None:
    config = StoreConfig((DiskConfig(tmp_path),))
    data = bytes(2 * MIB)
    with BlobStore(config) as store:
        blob = store.create("partial", Geometry(4 * MIB, 4 * MIB, MIB))
        blob.write_at(0, data[:MIB])
        blob.commit(0, unit_digest(data[:MIB]))
        assert not store.is_unverified("partial")
        del blob
    with BlobStore(config) as store:
        store.wait_verified()
        assert not store.is_unverified("partial")
        assert not store.is_unverified("absent")
        found = store.get("partial")
        assert found is not None
        assert 0 in found.held
