"""A manager with fake nodes below it, and a client with a token in front of it.

Its database is SQLite, or what MANAGER_DATABASE says (postgresql, mysql).
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from dfinfra import config as settings
from dfinfra.lifecycle import Service
from manager import app, bootstrap
from manager.auth.secrets import hash_token, new_token
from manager.config import ManagerConfig
from manager.db.base import now
from manager.db.clusters import ACTIVE, Scheduler, SchedulerCluster
from manager.db.database import Database
from manager.db.users import AccessToken, User
from tests.component.manager.bed import fresh_database
from tests.component.manager_jobs.fakes import FakeNode, FakeScheduler

TIMEOUT_S = 20.0
TOKENS = {name: new_token("mgt_") for name in ("root", "somebody")}
_FOLDER = TemporaryDirectory(prefix="manager-jobs-")


@dataclass
class Client:
    """REST with one token."""

    session: aiohttp.ClientSession
    base: str
    token: str

    async def ask(
        self, method: str, path: str, body: Any = None, *, status: int = 200, **query: Any
    ) -> Any:
        """The answer's document; the status must be as said."""
        async with self.session.request(
            method,
            f"{self.base}{path}",
            json=body,
            params={key: str(value) for key, value in query.items()},
            headers={"Authorization": f"Bearer {self.token}"},
        ) as answer:
            text = await answer.text()
            assert answer.status == status, f"{method} {path}: {answer.status} {text}"
            return await answer.json() if text else None

    async def preheat(self, **args: Any) -> int:
        """Order a preheat; returns the job's number."""
        made = await self.ask("POST", "/api/v1/jobs", {"type": "preheat", "args": args})
        return int(made["id"])

    async def until(self, path: str, fits: Callable[[Any], bool]) -> Any:
        """The answer at a path, as soon as it fits."""
        async with asyncio.timeout(TIMEOUT_S):
            while not fits(answer := await self.ask("GET", path)):  # noqa: ASYNC110 - HTTP
                await asyncio.sleep(0.02)
        return answer

    async def over(self, job_id: int) -> dict[str, Any]:
        """The job when it is over."""
        job: dict[str, Any] = await self.until(
            f"/api/v1/jobs/{job_id}", lambda j: j["phase"] in ("SUCCESS", "FAILURE", "CANCELLED")
        )
        return job


@dataclass
class Bed:
    """What tests work with."""

    app: app.App
    nodes: list[FakeNode]
    client: Client
    guest: Client


def config_of(folder: Path, changes: Mapping[str, Any]) -> ManagerConfig:
    """A manager's configuration for loopback, with a database in ``folder``."""
    base: dict[str, Any] = {
        "server": {"grpc": {"ip": "127.0.0.1"}, "rest": {"ip": "127.0.0.1"}},
        "admin": {"port": 0},
        "stateDir": str(folder),
        "targets": {"allow": ["127.0.0.0/8"]},
        "poll": "100ms",
        "jobs": {"lease": "3s", "beat": "50ms"},
    }
    for key, value in changes.items():
        base[key] = {**base.get(key, {}), **value} if isinstance(value, dict) else value
    path = folder / "manager.yaml"
    path.write_text(yaml.safe_dump(base))
    return settings.load(ManagerConfig, path)


@asynccontextmanager
async def running(services: list[Service]) -> AsyncIterator[None]:
    """The services in their order."""
    started: list[Service] = []
    try:
        for service in services:
            await service.start()
            started.append(service)
        yield
    finally:
        for service in reversed(started):
            await service.stop()


@asynccontextmanager
async def started(
    folder: Path,
    *,
    nodes: int = 2,
    seeds: int = 1,
    scheduler_port: int | None = None,
    **changes: Any,
) -> AsyncIterator[Bed]:
    """A manager that knows a scheduler with so many fake nodes, or a real one at a port."""
    async with AsyncExitStack() as stack:
        hosts: list[FakeNode] = []
        if scheduler_port is None:
            hosts = [FakeNode(f"seed-{i}", seed=True) for i in range(seeds)]
            hosts += [FakeNode(f"node-{i}") for i in range(nodes)]
            scheduler = FakeScheduler(hosts)
            servers = [*(h.server for h in hosts), scheduler.server]
            await stack.enter_async_context(running(servers))
            scheduler_port = scheduler.server.port
        changes.setdefault("database", {"url": await asyncio.to_thread(_database, folder)})
        built = app.build(config_of(folder, changes))
        await stack.enter_async_context(running(list(built.services)))
        await built.core.database.run(lambda s: _introduce(s, scheduler_port))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        base = f"http://127.0.0.1:{built.rest.port}"
        clients = [Client(session, base, token) for token in TOKENS.values()]
        yield Bed(built, hosts, clients[0], clients[1])


def _introduce(session: Session, port: int) -> None:
    cluster = session.scalar(select(SchedulerCluster))
    session.add(
        Scheduler(
            host_name="scheduler",
            ip="127.0.0.1",
            port=port,
            state=ACTIVE,
            scheduler_cluster_id=cluster.id,
        )
    )


def _database(folder: Path) -> str:
    """The URL of a database with two users: a copy of the first one that was made, if it is a file."""
    kind = os.environ.get("MANAGER_DATABASE", "sqlite")
    if kind == "sqlite":
        return f"sqlite:///{shutil.copy(_template(), folder / 'manager.db')}"
    url = fresh_database(kind, folder)
    _fill(url, folder)
    return url


@cache
def _template() -> Path:
    folder = Path(_FOLDER.name)
    _fill(f"sqlite:///{folder / 'template.db'}", folder)
    return folder / "template.db"


def _fill(url: str, folder: Path) -> None:
    password = folder / "password"
    password.write_text("a password of root")
    auth = {"rootPasswordFile": str(password)}
    database = Database(url)
    bootstrap.prepare(config_of(folder, {"auth": auth, "database": {"url": url}}), database)
    database.transact(_people)
    database.close()  # the last one to close leaves the file whole


def _people(session: Session) -> None:
    session.add(User(name="somebody", password_hash="", roles=["guest"]))
    session.flush()
    for name, token in TOKENS.items():
        user = session.scalars(select(User).where(User.name == name)).one()
        session.add(
            AccessToken(
                name=f"of {name}",
                token_hash=hash_token(token),
                scopes=["jobs", "secrets", "models", "replication", "webhooks"],
                expired_at=now() + timedelta(days=1),
                user_id=user.id,
            )
        )
