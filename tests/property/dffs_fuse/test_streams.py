"""The same random operations on a mounted volume, on a plain directory and on JuiceFS: no differences.

`MEGANEURA_STREAMS` sets how many streams are tried.
"""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from dffs.fuse.mount import abort, find_mount, umount
from tests.component.dffs_fuse.mounted import needs_fuse, volume_mount
from tests.property.dffs_fuse.operations import Operation, Place, streams
from tests.servers import programs

pytestmark = needs_fuse
STREAMS = int(os.environ.get("MEGANEURA_STREAMS", "25"))
_numbers = itertools.count()
_checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    base = tmp_path_factory.mktemp("ours")
    options = ("block=65536", f"cache={base}/cache")
    with volume_mount(f"sqlite:///{base}/meta.db", base / "mnt", *options) as served:
        yield served.point


@pytest.fixture(scope="module")
def juicefs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    program = programs.find("juicefs")
    if program is None:
        pytest.skip("JUICEFS IS NOT INSTALLED: tests/servers/install")
    base = tmp_path_factory.mktemp("juicefs")
    url, point = f"sqlite3://{base}/meta.db", base / "mnt"
    point.mkdir()
    _run(program, "format", "--trash-days", "0", "--bucket", f"{base}/objects/", url, "peer")
    quiet = ("--no-usage-report", "--no-agent", "--metrics", "127.0.0.1:0")
    cache = ("--cache-dir", f"{base}/cache")
    _run(program, "mount", "-d", *quiet, "--enable-xattr", *cache, url, point)
    mounted = find_mount(point)
    try:
        yield point
    finally:
        try:
            umount(point)
        except OSError:
            if mounted is not None:
                abort(mounted.minor)
            umount(point, lazy=True)


def _run(*command: object) -> None:
    subprocess.run(list(map(str, command)), check=True, capture_output=True)


def _differences(stream: list[Operation], *roots: Path) -> list[object]:
    number = next(_numbers)
    places = [Place(root / f"s{number}") for root in roots]
    found: list[object] = []
    for place in places:
        place.root.mkdir()
    try:
        for step, operation in enumerate(stream):
            outcomes = [place.do(operation) for place in places]
            if any(outcome != outcomes[0] for outcome in outcomes):
                found.append((step, operation, [_short(outcome) for outcome in outcomes]))
                return found
        for place in places:
            place.close()
        trees = [place.tree() for place in places]
        found += [pair for pair in itertools.zip_longest(*trees) if len(set(map(str, pair))) > 1]
    finally:
        for place in places:
            place.close()
    return found


def _short(outcome: object) -> object:
    return f"{len(outcome)} bytes {hash(outcome)}" if isinstance(outcome, bytes) else outcome


@given(stream=streams)
@settings(max_examples=STREAMS, deadline=None, suppress_health_check=_checks)
def test_a_volume_behaves_as_a_plain_directory(
    stream: list[Operation], ours: Path, tmp_path: Path
) -> None:
    assert _differences(stream, tmp_path, ours) == []


@given(stream=streams)
@settings(max_examples=max(1, STREAMS // 5), deadline=None, suppress_health_check=_checks)
def test_a_volume_behaves_as_juicefs(stream: list[Operation], ours: Path, juicefs: Path) -> None:
    assert _differences([_since_the_epoch(step) for step in stream], juicefs, ours) == []


def _since_the_epoch(operation: Operation) -> Operation:
    """JuiceFS does not keep times before 1970; we do, as ext4 does."""
    name, *arguments = operation
    if name == "utime":
        return (name, arguments[0], abs(arguments[1]))
    return operation
