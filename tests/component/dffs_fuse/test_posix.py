"""A mounted volume does what POSIX says: each case does the same on a plain directory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.component.dffs_fuse.mounted import folder_for_everybody, needs_fuse, volume_mount
from tests.component.dffs_fuse.posix_cases import CASES

pytestmark = needs_fuse
_numbers = itertools.count()


@pytest.fixture(scope="module")
def roots() -> Iterator[tuple[Path, Path]]:
    with folder_for_everybody() as base:
        plain = base / "plain"
        plain.mkdir(mode=0o755)
        url = f"sqlite:///{base}/meta.db"
        with volume_mount(url, base / "mnt", f"cache={base}/cache") as served:
            served.point.chmod(0o755)
            yield plain, served.point


@pytest.mark.parametrize("name", CASES)
def test_as_on_a_plain_directory(name: str, roots: tuple[Path, Path]) -> None:
    number = next(_numbers)
    seen = []
    for root in roots:
        place = root / f"{number}"
        place.mkdir(mode=0o755)
        seen.append(CASES[name](place))
    assert seen[1] == seen[0]
