"""One server per kind and test run, shared by all its worker processes.

`url("redis")`, `fresh_engine_url("redis")` and `s3_bucket()` start what is not running yet. The
server ends when the test run's main process does. A program that is not installed skips the test.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.servers.processes import SeaweedFS
from tests.servers.programs import REPOSITORY

START_S = 90.0
_NUMBERS = itertools.count(1)


class Bucket(NamedTuple):
    """An empty S3 bucket and what opens it."""

    endpoint: str
    name: str
    access_key: str
    secret_key: str


def url(kind: str) -> str:
    """The URL of the run's server of a kind: redis, postgresql, mysql, s3."""
    return str(_server(kind)["url"])


def fresh_engine_url(kind: str) -> str:
    """An empty metadata engine on the run's server: a Redis database, or a table of its own."""
    base = url(kind)
    if kind == "redis":
        return f"{base.rpartition('/')[0]}/{_next_redis_database(base)}"
    return f"{base}?table=kv_{os.getpid()}_{next(_NUMBERS)}"


def s3_bucket() -> Bucket:
    """An empty bucket on the run's S3 server."""
    server = _server("s3")
    name = f"bucket-{os.getpid()}-{next(_NUMBERS)}"
    request = urllib.request.Request(f"{server['filer']}/buckets/{name}/", data=b"", method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()
    return Bucket(str(server["url"]), name, SeaweedFS.access_key, SeaweedFS.secret_key)


def _next_redis_database(base: str) -> int:
    import redis

    with redis.Redis.from_url(base) as client:
        return 1 + int(client.incr("next-database")) % 4000  # type: ignore[arg-type]


def _owner() -> int:
    """The test run's main process: the parent of a worker of pytest-xdist, else ourselves."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


@cache
def _server(kind: str) -> dict[str, Any]:
    owner = _owner()
    folder = Path(tempfile.gettempdir()) / f"meganeura-server-{kind}-{owner}"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            folder.mkdir()
            command = [sys.executable, "-m", "tests.servers.keeper", kind, str(folder), str(owner)]
            with (folder / "log").open("ab") as log:
                subprocess.run(
                    command,
                    cwd=REPOSITORY,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    check=True,
                )
        known = _wait(folder)
    if "missing" in known:
        pytest.skip(known["missing"])
    if "failed" in known:
        raise RuntimeError(f"the {kind} server did not start: {known['failed']}")
    return known


def _wait(folder: Path) -> dict[str, Any]:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if (folder / "ready.json").exists():
            known: dict[str, Any] = json.loads((folder / "ready.json").read_text())
            return known
        for outcome in ("missing", "failed"):
            if (folder / outcome).exists():
                return {outcome: (folder / outcome).read_text()}
        time.sleep(0.05)
    raise RuntimeError(
        f"{folder.name} did not become ready: {(folder / 'log').read_text()[-2000:]}"
    )
