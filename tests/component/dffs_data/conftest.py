"""Volumes for the tests: SQLite and a directory, made anew for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dfcore.backoff import Backoff
from dffs.blocks.retry import RetryPolicy
from dffs.format import Format
from dffs.options import CacheOptions, VolumeOptions
from dffs.vfs.parts import FilesPolicy
from dffs.volume import Volume

BLOCK = 64 << 10
Opener = Callable[..., Volume]


def options(tmp_path: Path, **changes: object) -> VolumeOptions:
    """A node with a cache of its own in `tmp_path`/cache and no patience."""
    chosen = VolumeOptions(
        cache=CacheOptions(dirs=(tmp_path / "cache",), size_bytes=1 << 30, free_ratio=0.0),
        files=FilesPolicy(buffer_bytes=4 << 20, max_uploads=4),
        retry=RetryPolicy(tries=3, full_tries=2, backoff=Backoff(base_s=0.001, cap_s=0.01)),
    )
    return replace(chosen, **changes)  # type: ignore[arg-type]


@pytest.fixture
def meta_url(tmp_path: Path) -> str:
    """An engine that holds a formatted volume."""
    url = f"sqlite:///{tmp_path}/meta.db"
    record = Format("models", storage="file", bucket=f"{tmp_path}/bucket", block_size_bytes=BLOCK)
    Volume.format_new(url, record)
    return url


@pytest.fixture
def open_volume(meta_url: str, tmp_path: Path) -> Iterator[Opener]:
    """Opens the volume as one node after the other; all are closed at the end."""
    opened: list[Volume] = []

    def opener(**changes: object) -> Volume:
        volume = Volume.open(meta_url, options(tmp_path / f"node{len(opened)}", **changes))
        opened.append(volume)
        return volume

    yield opener
    for volume in reversed(opened):
        volume.close()


@pytest.fixture
def volume(open_volume: Opener) -> Volume:
    """The volume on one node."""
    return open_volume()
