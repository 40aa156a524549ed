"""kill -9 in the middle of work: what the next start reports is there, and what was promised."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from blobstore import BlobStore
from dfcore.digest import unit_digest
from tests.component.blobstore.kit import config, content

ROOT = Path(__file__).parents[3]


def work_until_killed(disk: Path, seed: int) -> set[str]:
    """Blobs that were reported to be on the disk, and not deleted after."""
    command = [sys.executable, "-m", "tests.component.blobstore.victim", str(disk), str(seed)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    lines = random.Random(seed).randrange(1, 120)
    kept: set[str] = set()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        for number, line in enumerate(process.stdout):
            if number == lines:
                process.send_signal(signal.SIGKILL)
            # What is still in the pipe was said before it died.
            what, _, blob_id = line.strip().partition(" ")
            if what == "kept":
                kept.add(blob_id)
            elif what == "gone":
                kept.discard(blob_id)
    assert process.returncode == -signal.SIGKILL
    return kept


def check(disk: Path, kept: set[str]) -> None:
    with BlobStore(config(disk)) as store:
        for info in store.all():
            blob = store.get(info.blob_id)
            if blob is None:
                continue
            data = content(blob.geometry, f"{blob.id}/{blob.size_bytes}")
            for unit in blob.held.iter_set():
                extent = blob.geometry.unit_range(unit)
                part = blob.pread(extent.start, extent.size)
                assert part == data[extent.start : extent.end]
                assert blob.digests(unit) == unit_digest(part)
        complete = {info.blob_id for info in store.all() if info.complete}
        assert kept <= complete
        files = sum(1 for path in (disk / "blobs").rglob("*~*") if path.suffix != ".units")
        assert files == store.stats().blobs


@pytest.mark.parametrize("seed", range(6))
def test_a_killed_store_reports_only_what_verifies(tmp_path: Path, seed: int) -> None:
    for round_number in range(2):
        kept = work_until_killed(tmp_path, seed * 100 + round_number)
        check(tmp_path, kept)
