"""Managers in this process, on a database of each kind, and clients in front of them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import yaml
from sqlalchemy import create_engine, make_url, text

from dfinfra import config as settings
from dfinfra.pb import manager_pb2_grpc, managerlink_pb2_grpc
from manager import app
from manager.config import ManagerConfig
from tests.servers import shared

ROOT_PASSWORD = "a password of root"
KINDS = ("sqlite", "postgresql", "mysql")
_NUMBERS = count(1)
_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}


def fresh_database(kind: str, folder: Path) -> str:
    """The URL of an empty database."""
    if kind == "sqlite":
        return f"sqlite:///{folder}/manager-{next(_NUMBERS)}.db"
    server = make_url(shared.url(kind)).set(drivername=_DRIVERS[kind])
    name = f"manager_{os.getpid()}_{next(_NUMBERS)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.set(drivername=kind, database=name).render_as_string(hide_password=False)


def config_of(folder: Path, url: str, **changes: Any) -> ManagerConfig:
    """A manager's configuration for loopback."""
    password = folder / "password"
    password.write_text(ROOT_PASSWORD)
    base: dict[str, Any] = {
        "server": {
            **{name: {"ip": "127.0.0.1"} for name in ("grpc", "rest")},
            "stream": {"ip": "127.0.0.1", "port": 0},
            "grace": "1s",
        },
        "database": {"url": url, "connections": 3},
        "auth": {"rootPasswordFile": str(password)},
        "admin": {"port": 0},
        "stateDir": str(folder),
        "poll": "100ms",
    }
    for key, value in changes.items():
        base[key] = {**base.get(key, {}), **value} if isinstance(value, dict) else value
    path = folder / f"manager-{next(_NUMBERS)}.yaml"
    path.write_text(yaml.safe_dump(base))
    return settings.load(ManagerConfig, path)


@dataclass
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: Any
    cookies: dict[str, str] = field(default_factory=dict)


@dataclass
class Client:
    """Somebody in front of the REST API."""

    session: aiohttp.ClientSession
    base: str
    token: str = ""

    async def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send one request; cookies are sent only if given as a header."""
        sent = dict(headers or {})
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        async with self.session.request(
            method, self.base + path, json=body, headers=sent, allow_redirects=False
        ) as answer:
            raw = await answer.read()
            is_json = answer.content_type == "application/json"
            content = await answer.json() if is_json and raw else raw
            cookies = {name: morsel.value for name, morsel in answer.cookies.items()}
            return Answer(answer.status, content, answer.headers, cookies)

    async def done(self, method: str, path: str, body: Any = None) -> Any:
        """The same, of which nothing but success is expected."""
        answer = await self.ask(method, path, body)
        assert answer.status == 200, (method, path, answer.status, answer.body)
        return answer.body

    async def signed_in(self, name: str, password: str) -> Client:
        """Another client, with the token of a session."""
        answer = await self.ask(
            "POST", "/api/v1/users/signin", {"name": name, "password": password}
        )
        assert answer.status == 200, answer.body
        return Client(self.session, self.base, answer.body["token"])


@dataclass
class Bed:
    """A running manager."""

    app: app.App
    anybody: Client
    manager: Any
    extension: Any

    @property
    def grpc_target(self) -> str:
        """Where nodes reach it."""
        return f"127.0.0.1:{self.app.grpc.server.port}"

    async def root(self) -> Client:
        """Root, signed in."""
        return await self.anybody.signed_in("root", ROOT_PASSWORD)


@asynccontextmanager
async def managed(config: ManagerConfig) -> AsyncIterator[Bed]:
    """A manager with this configuration."""
    built = app.build(config)
    started: list[Any] = []
    try:
        for service in built.services:
            await service.start()
            started.append(service)
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            target = f"127.0.0.1:{built.grpc.server.port}"
            async with grpc.aio.insecure_channel(target) as channel:
                yield Bed(
                    built,
                    Client(session, f"http://127.0.0.1:{built.rest.port}"),
                    manager_pb2_grpc.ManagerStub(channel),
                    managerlink_pb2_grpc.ManagerExtensionStub(channel),
                )
    finally:
        for service in reversed(started):
            await service.stop()
