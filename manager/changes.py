"""Hears of changes, wherever they were made: in this replica or in another one.

``await changes.wait("clusters", seen)`` returns when the topic's counter is no longer ``seen``.
Writers call ``db.revisions.bump`` in their transaction; after a transaction of this replica
``poke`` makes the look happen at once, others see it within a second. What sends live news to
browsers waits here as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from manager.db.database import Database
from manager.db.revisions import all_revisions

log = get_logger("changes")

Listener = Callable[[frozenset[str]], None]


class Changes:
    """A service that looks at the counters of all topics every ``poll_s``."""

    name = "changes"

    def __init__(self, database: Database, poll_s: float) -> None:
        self._database = database
        self._poll_s = poll_s
        self._seen: dict[str, int] = {}
        self.healthy = False
        """Whether the database answered when it was last asked."""
        self._waiters: set[asyncio.Future[None]] = set()
        self._listeners: list[Listener] = []
        self._poked = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._jobs = JobGroup("changes")

    async def start(self) -> None:
        """Look once, then again and again."""
        self._loop = asyncio.get_running_loop()
        await self._look()
        self._jobs.spawn(self._keep_looking(), name="look")

    async def stop(self) -> None:
        """Look no more; those who wait are cancelled with their own jobs."""
        await self._jobs.cancel_all()

    def revision(self, topic: str) -> int:
        """The topic's counter as last seen; 0 for one that never changed."""
        return self._seen.get(topic, 0)

    def poke(self) -> None:
        """Something was committed here: look now. From any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._poked.set)

    def listen(self, listener: Listener) -> None:
        """Have ``listener`` called on the loop with the names of the topics that changed."""
        self._listeners.append(listener)

    async def wait(self, topic: str, seen: int, timeout_s: float | None = None) -> int:
        """Wait until the counter is not ``seen``, or the time is over; returns the counter."""
        await self.wait_any({topic: seen}, timeout_s)
        return self.revision(topic)

    async def wait_any(self, seen: Mapping[str, int], timeout_s: float | None = None) -> None:
        """Wait until one of the counters is not what was seen of it, or the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                while all(self.revision(topic) == value for topic, value in seen.items()):
                    await self._next()
        except TimeoutError:
            pass

    async def _next(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    async def _keep_looking(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._poll_s):
                    await self._poked.wait()
            except TimeoutError:
                pass
            self._poked.clear()
            try:
                await self._look()
            except Exception as error:  # the database is away: say so and look again
                self.healthy = False
                log.warning("database does not answer", reason=type(error).__name__)
                await asyncio.sleep(self._poll_s)

    async def _look(self) -> None:
        found = await self._database.read(all_revisions)
        self.healthy = True
        changed = frozenset(t for t, value in found.items() if self._seen.get(t) != value)
        if not changed:
            return
        self._seen = found
        for listener in self._listeners:
            listener(changed)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
