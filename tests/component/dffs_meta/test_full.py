"""An engine without room refuses with ENOSPC, and works again when there is room."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import redis

from dffs.meta.fs import Meta, open_meta
from dffs.meta.types import ROOT_CALLER, ROOT_INO, FileKind, MetaError, Settings
from tests.servers.processes import Redis


def fill(meta: Meta, count: int) -> None:
    """Make files with long names."""
    for number in range(count):
        name = b"%d" % number + b"x" * 200
        meta.mknod(ROOT_CALLER, ROOT_INO, name, FileKind.FILE, 0o644)


def test_a_full_sqlite_file(tmp_path: Path) -> None:
    meta = open_meta(f"sqlite://{tmp_path}/meta.db")
    meta.create_volume(Settings(), b"{}")
    pages = meta.engine._writer.execute("PRAGMA page_count").fetchone()[0]  # type: ignore[attr-defined]
    meta.engine._writer.execute(f"PRAGMA max_page_count = {pages + 3}")  # type: ignore[attr-defined]
    with pytest.raises(MetaError) as caught:
        fill(meta, 1000)
    assert caught.value.errno == errno.ENOSPC
    meta.engine._writer.execute("PRAGMA max_page_count = 100000")  # type: ignore[attr-defined]
    meta.mknod(ROOT_CALLER, ROOT_INO, b"fits", FileKind.FILE, 0o644)
    assert list(meta.check()) == []
    meta.close()


def test_a_full_redis(tmp_path: Path) -> None:
    with Redis(tmp_path / "redis") as server, redis.Redis.from_url(server.url) as admin:
        meta = open_meta(server.url)
        meta.create_volume(Settings(), b"{}")
        used = int(admin.info("memory")["used_memory"])  # type: ignore[index]
        admin.config_set("maxmemory", used + 200_000)
        with pytest.raises(MetaError) as caught:
            fill(meta, 5000)
        admin.config_set("maxmemory", 0)
        assert caught.value.errno == errno.ENOSPC
        meta.mknod(ROOT_CALLER, ROOT_INO, b"fits", FileKind.FILE, 0o644)
        assert list(meta.check()) == []
        meta.close()
