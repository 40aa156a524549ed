"""A disk is full: old blobs make room, and where that is not enough the bytes pass through."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.bed import MIB, Bed

pytestmark = pytest.mark.cluster

SIZE = 20 * MIB


def stored_bytes(folder: Path) -> int:
    """What the files below the folder take on the disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def test_old_blobs_make_room_for_new_ones(make_bed: Callable[..., Bed]) -> None:
    limit = 2 * SIZE + 4 * MIB
    bed = make_bed(nodes=1, node={"storage": {"sizeLimit": limit}})
    (node,) = bed.swarm.nodes
    blobs = [bed.blob(SIZE) for _ in range(4)]
    for blob in blobs:
        assert blob.is_whole(bed.read(node, blob).result())
        assert stored_bytes(node.store) <= limit
    # The last ones are here; the first is fetched again, from the seed.
    before = node.figures().traffic
    assert blobs[-1].is_whole(bed.read(node, blobs[-1]).result())
    assert node.figures().traffic.seed == before.seed
    assert blobs[0].is_whole(bed.read(node, blobs[0]).result())
    assert node.figures().traffic.seed == before.seed + SIZE
    assert all(bed.origin_bytes(blob) <= SIZE * 1.01 for blob in blobs)


def test_a_blob_that_fits_nowhere_passes_through_and_leaves_nothing(
    make_bed: Callable[..., Bed],
) -> None:
    bed = make_bed(nodes=2, node=[{"storage": {"sizeLimit": 8 * MIB}}, {}])
    small, large = bed.swarm.nodes
    blob = bed.blob(SIZE)
    for node in (small, large, small):
        received = bed.read(node, blob).result()
        assert blob.is_whole(received), received
    part = bed.read(small, blob, headers={"Range": f"bytes={SIZE - 100}-"}).result()
    assert (part.status, part.size_bytes) == (206, 100)
    assert stored_bytes(small.store) < 8 * MIB
    fits = bed.blob(4 * MIB)
    assert fits.is_whole(bed.read(small, fits).result())
    assert small.figures().traffic.seed == 4 * MIB


def test_a_seed_without_room_is_not_the_end(make_bed: Callable[..., Bed]) -> None:
    bed = make_bed(nodes=2, seed={"storage": {"sizeLimit": 8 * MIB}})
    blob = bed.blob(SIZE)
    for reader in bed.read_all(blob):
        received = reader.result()
        assert blob.is_whole(received), received
    # One node went in its place, and the other took from it.
    assert bed.origin_bytes(blob) <= SIZE * 1.01


needs_mounts = pytest.mark.skipif(
    os.geteuid() != 0
    or not shutil.which("unshare")
    or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0,
    reason="a disk of its own for a process needs root and unshare",
)


@needs_mounts
def test_a_real_disk_that_is_full_never_holds_a_corrupt_file(make_bed: Callable[..., Bed]) -> None:
    bed = make_bed(nodes=1)
    tight = bed.swarm.add_node(storage={"sizeLimit": "1GiB"})
    tight.store.mkdir(parents=True)
    # A file system of 24 MiB that only this process sees, and that goes with it.
    mount = 'mount -t tmpfs -o size=24m none "$0" && exec "$@"'
    tight.prefix = ["unshare", "--mount", "sh", "-c", mount, str(tight.store)]
    tight.restart()
    blobs = [bed.blob(SIZE), bed.blob(SIZE), bed.blob(40 * MIB), bed.blob(4 * MIB)]
    for blob in blobs:
        received = bed.read(tight, blob).result()
        assert blob.is_whole(received), received
    for blob in blobs:
        assert blob.is_whole(bed.read(tight, blob).result())
    assert tight.running
    assert not list(tight.store.iterdir()), "the store was not on the disk of its own"
