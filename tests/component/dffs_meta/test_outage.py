"""A server that dies and comes back: clients wait for it, and nothing that was acknowledged is lost."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

import pytest
import redis

from dfcore.backoff import Backoff
from dffs.meta import retry
from dffs.meta.fs import open_meta
from dffs.meta.kv import EngineDown
from dffs.meta.types import ROOT_CALLER, ROOT_INO, FileKind, MetaError, Settings
from tests.servers.processes import MariaDB, Postgres, Redis, Server, ServerMissing

AWAY_S = 0.5

MAKERS: dict[str, Callable[[Path], Server]] = {
    "redis": lambda folder: Redis(folder, durable=True),
    "postgresql": Postgres,
    "mysql": MariaDB,
}


@pytest.fixture(params=list(MAKERS))
def server(request: pytest.FixtureRequest) -> Server:
    """A server of our own, ended with the test; not in tmp_path, which `nobody` may not enter."""
    folder = Path(mkdtemp(prefix="meganeura-test-"))
    folder.chmod(0o755)
    made = MAKERS[request.param](folder / "server")
    try:
        made.start()
    except ServerMissing as error:
        pytest.skip(str(error))
    request.addfinalizer(lambda: shutil.rmtree(folder, ignore_errors=True))
    request.addfinalizer(made.stop)
    return made


def test_an_outage_is_waited_out_or_told_in_one_line(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    meta = open_meta(server.url)
    meta.create_volume(Settings(), b"{}")
    acknowledged: list[bytes] = []
    unknown: list[bytes] = []
    stop = threading.Event()

    def work(number: int) -> None:
        turn = 0
        while not stop.is_set():
            name = b"%d-%d" % (number, turn)
            turn += 1
            try:
                meta.mknod(ROOT_CALLER, ROOT_INO, name, FileKind.FILE, 0o644)
                acknowledged.append(name)
            except EngineDown:
                unknown.append(name)  # the commit was under way when the server died

    workers = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for worker in workers:
        worker.start()
    _until(lambda: len(acknowledged) > 20)
    server.kill()
    time.sleep(AWAY_S)
    before = len(acknowledged)
    server.start()
    _until(lambda: len(acknowledged) > before + 20)
    stop.set()
    for worker in workers:
        worker.join()
    there = {entry.name for entry in meta.readdir(ROOT_CALLER, ROOT_INO, limit=10**6)}
    assert not set(acknowledged) - there
    assert not there - set(acknowledged) - set(unknown)
    assert len(unknown) <= len(workers)
    assert list(meta.check()) == []
    monkeypatch.setattr(retry, "PATIENCE_S", 0.3)
    server.kill()
    with pytest.raises(EngineDown) as caught:
        meta.lookup(ROOT_CALLER, ROOT_INO, b"x")
    assert "\n" not in str(caught.value) and not isinstance(caught.value, MetaError)
    meta.close()


def test_connections_that_broke_are_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "_ABSENCE", Backoff(base_s=0.0001, cap_s=0.0001))
    with Redis(tmp_path / "redis") as server, redis.Redis.from_url(server.url) as admin:
        meta = open_meta(server.url)
        meta.create_volume(Settings(), b"{}")
        for _ in range(150):  # the library's own pools hold 100
            admin.client_kill_filter(_type="normal", skipme=True)
            assert meta.getattr(ROOT_INO).ino == ROOT_INO
        meta.close()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
