"""A manager that starts before its database: it waits as long as it is told to, and no longer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import make_url

from dfcore.errors import ConfigError
from dfinfra.jobs import JobGroup
from manager.db.database import Database
from tests.component.manager.bed import config_of, fresh_database, managed


@pytest.fixture
def closed() -> Iterator[socket.socket]:
    """A port of ours that refuses connections until it is listened at."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        yield port


def url_of(port: socket.socket, folder: Path) -> str:
    """A database of a real server as if it were at ``port``."""
    url = make_url(fresh_database("postgresql", folder))
    late = url.set(host="127.0.0.1", port=port.getsockname()[1])
    return late.update_query_dict({"sslmode": "disable"}).render_as_string(hide_password=False)


async def test_it_is_ready_once_the_database_is(
    closed: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(tmp_path, url_of(closed, tmp_path), database={"wait": "60s"})
    refused, loop, open_ = asyncio.Event(), asyncio.get_running_loop(), Database.open

    def opened(database: Database) -> None:
        try:
            open_(database)
        except ConfigError:
            loop.call_soon_threadsafe(refused.set)
            raise

    monkeypatch.setattr(Database, "open", opened)
    server = make_url(fresh_database("postgresql", tmp_path))
    open_there = partial(asyncio.open_connection, str(server.host), server.port)
    jobs = JobGroup("late database")

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_there, to_there = await open_there()
        jobs.spawn(pump(reader, to_there), name="there")
        jobs.spawn(pump(from_there, writer), name="here")

    async def come_up() -> None:
        await refused.wait()
        async with await asyncio.start_server(relay, sock=closed) as late:
            await late.serve_forever()

    jobs.spawn(come_up(), name="come up")
    try:
        async with managed(config) as bed:
            assert (await bed.root()).token
    finally:
        await jobs.cancel_all()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What comes goes on, until it ends."""
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.parametrize("wait", ["0s", "1ms"])
async def test_it_gives_up_in_one_line(closed: socket.socket, tmp_path: Path, wait: str) -> None:
    config = config_of(tmp_path, url_of(closed, tmp_path), database={"wait": wait})
    with pytest.raises(ConfigError, match=r"database\.url: .*refused") as caught:
        async with managed(config):
            pass
    assert len(str(caught.value).splitlines()) == 1


async def test_what_waiting_does_not_mend_is_said_at_once(tmp_path: Path) -> None:
    """A folder that cannot be made is no server that comes up yet."""
    (tmp_path / "file").write_text("")
    url = f"sqlite:///{tmp_path}/file/manager.db"
    with pytest.raises(ConfigError, match=r"database\.url"):
        async with asyncio.timeout(30):
            async with managed(config_of(tmp_path, url, database={"wait": "1h"})):
                pass
