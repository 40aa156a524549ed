"""A whole manager with its console on a free port, in a thread; its swarm is a stand-in.

``with Site(folder, Shape()) as site: site.url``; `python -m tests.console.site` is for looking at it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy.orm import Session

from manager import app
from manager.config import AdminConfig, AuthConfig, Listen, ManagerConfig, ServerConfig
from manager.console import part as console
from manager.observe.collector import Collector, Pace
from manager.observe.history import History
from manager.observe.model import Target
from manager.parts import Core, Part
from tests.console.content import enter, fill
from tests.console.swarm import TARGETS, Shape, StandInSwarm

PASSWORD = "correct horse battery"
START_S = 30.0
PACE = Pace(watched_s=1.0, hosts_watched_s=5.0)


class Site:
    """A manager that runs while the block does. `base` names the folder of its database."""

    def __init__(self, folder: Path, shape: Shape, *, port: int = 0) -> None:
        self.swarm = StandInSwarm(shape, time.time)
        self.port = port
        self._folder = folder
        self._ready = threading.Event()
        self._ended: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="manager", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_S) or self._failure is not None:
            raise RuntimeError("the manager did not start") from self._failure
        fill(self.url, PASSWORD)
        deadline = time.monotonic() + START_S
        while not self.collector.state.hosts:
            if time.monotonic() > deadline:
                raise RuntimeError("the swarm was not asked")
            time.sleep(0.01)
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._remember, self.collector.state.history)
        return self

    def change(self, work: Callable[[Session], Any]) -> None:
        """Change the manager's database as another replica would."""
        assert self._loop is not None
        done = asyncio.run_coroutine_threadsafe(self._core.database.run(work), self._loop)
        done.result(START_S)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._loop is not None
        assert self._ended is not None
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(START_S)

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        loopback = "127.0.0.1"
        config = ManagerConfig(
            server=ServerConfig(
                grpc=Listen(loopback, 0), rest=Listen(loopback, self.port), grace_s=0.5
            ),
            auth=AuthConfig(root_password_file=secret),
            admin=AdminConfig(port=0),
            state_dir=self._folder,
        )
        parts = app.PARTS
        app.PARTS = tuple(self._part if part is console.part else part for part in parts)
        try:
            built = app.build(config)
        finally:
            app.PARTS = parts
        started = []
        try:
            for service in built.services:
                await service.start()
                started.append(service)
                if service.name == "database":
                    await built.core.database.run(enter)
            self.port = built.rest.port
            self._core = built.core
            self._ready.set()
            await self._ended.wait()
        finally:
            for service in reversed(started):
                await service.stop()

    def _part(self, core: Core) -> Part:
        part = console.part(core, self.swarm, _targets, PACE)
        (collector,) = part.services
        assert isinstance(collector, Collector)
        self.collector = collector
        return part

    def _remember(self, history: History) -> None:
        """The last half hour as the stand-in would have told it, so that charts are not empty."""
        now = time.time()
        for second in range(-1790, 1, 2):
            moved = self.swarm.traffic(second).since(self.swarm.traffic(second - 2))
            history.add(now + second, moved)


async def _targets() -> list[Target]:
    return list(TARGETS)


def main() -> None:
    """Serve until interrupted: `python -m tests.console.site [PORT [HOSTS [TASKS]]]`."""
    given = [int(text) for text in sys.argv[1:]]
    port, hosts, tasks = given + [8080, 48, 6][len(given) :]
    with tempfile.TemporaryDirectory() as folder:
        with Site(Path(folder), Shape(hosts=hosts, tasks=tasks), port=port) as site:
            print(f"{site.url}  root / {PASSWORD}", flush=True)
            threading.Event().wait()


if __name__ == "__main__":
    main()
