"""Asks every scheduler, once per few seconds, and keeps the last answers.

However many people look, a scheduler hears one question per interval; when nobody looks, it hears
fewer. Memory: the last answer of each scheduler, two rings of history, 512 notes, 64 tasks in detail.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from dfcore.errors import MeganeuraError, NotFound
from dfinfra.clock import Clock
from dfinfra.flight import SingleFlight
from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from manager.observe.model import Held, Target, TaskDetail
from manager.observe.source import MuteError, Source
from manager.observe.state import State, Station

_log = get_logger("observe")
_TASKS_KEPT = 64

Targets = Callable[[], Awaitable[Sequence[Target]]]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between questions, while somebody looks and while nobody does."""

    watched_s: float = 2.0
    idle_s: float = 15.0
    hosts_watched_s: float = 10.0
    hosts_idle_s: float = 120.0
    attention_s: float = 30.0
    """How long after a look somebody counts as looking."""
    targets_s: float = 10.0
    task_s: float = 1.0
    """A task's picture is as old as this at most."""


class Collector:
    """A service of the manager. `state` is read by the console on the same loop."""

    name = "observe"

    def __init__(
        self, targets: Targets, source: Source, clock: Clock, pace: Pace | None = None
    ) -> None:
        self.state = State()
        self._targets = targets
        self._source = source
        self._clock = clock
        self._pace = pace or Pace()
        self._jobs = JobGroup("observe")
        self._followers: dict[str, asyncio.Task[None]] = {}
        self._looked_at = -1e9
        self._awake = asyncio.Event()
        self._details: OrderedDict[str, tuple[float, TaskDetail]] = OrderedDict()
        self._asking: SingleFlight[str, TaskDetail] = SingleFlight("task in detail")

    async def start(self) -> None:
        self._jobs.spawn(self._keep_targets(), name="observe targets", vital=True)
        self._jobs.spawn(self._keep_history(), name="observe history", vital=True)

    async def stop(self) -> None:
        await self._jobs.cancel_all()
        await self._source.aclose()

    def look(self) -> State:
        """The state, for somebody who looks: answers will be fresh while they go on."""
        if not self.watched:
            self._awake.set()
            self._awake = asyncio.Event()
        self._looked_at = self._clock.monotonic()
        return self.state

    @property
    def watched(self) -> bool:
        return self._clock.monotonic() - self._looked_at < self._pace.attention_s

    async def task(self, task_id: str) -> TaskDetail:
        """One task in detail, a second old at most. Raises NotFound, Unavailable."""
        self.look()
        kept = self._details.get(task_id)
        if kept is not None and self._clock.monotonic() - kept[0] < self._pace.task_s:
            return kept[1]
        detail = await self._asking.run(task_id, lambda: self._ask_task(task_id))
        self._details[task_id] = (self._clock.monotonic(), detail)
        self._details.move_to_end(task_id)
        while len(self._details) > _TASKS_KEPT:
            self._details.popitem(last=False)
        return detail

    async def _ask_task(self, task_id: str) -> TaskDetail:
        problem: MeganeuraError = NotFound(f"no scheduler knows task {task_id}")
        for station in self.state.stations_of(task_id):
            try:
                return await self._source.task(station.target, task_id)
            except NotFound:
                continue
            except MeganeuraError as error:
                problem = error
        raise problem

    async def held(self, host_id: str) -> list[Held]:
        """What a host has, by all schedulers that answer. Raises Unavailable if none does."""
        stations = [s for s in self.look().stations.values() if not (s.silent or s.mute)]
        found: dict[str, Held] = {}
        problem: MeganeuraError | None = None
        for station in stations:
            try:
                for one in await self._source.held(station.target, host_id):
                    found.setdefault(one.task_id, one)
            except MeganeuraError as error:
                problem = error
        if problem is not None and not found:
            raise problem
        return sorted(found.values(), key=lambda one: -one.size_bytes)

    # Jobs

    async def _keep_targets(self) -> None:
        while True:
            try:
                await self._retarget()
            except MeganeuraError as error:
                _log.warning("the list of schedulers could not be read", why=str(error))
            await asyncio.sleep(self._pace.targets_s)

    async def _retarget(self) -> None:
        new, gone = self.state.retarget(list(await self._targets()))
        for station in gone:
            self._followers.pop(station.target.address).cancel()
        for station in new:
            address = station.target.address
            self._followers[address] = self._jobs.spawn(
                self._follow(station), name=f"observe {address}"
            )

    async def _follow(self, station: Station) -> None:
        while True:
            awake = self._awake
            await self._ask(station)
            pace = self._pace
            pause_s = pace.watched_s if self.watched and not station.mute else pace.idle_s
            try:
                async with asyncio.timeout(pause_s):
                    await awake.wait()
            except TimeoutError:
                pass

    async def _ask(self, station: Station) -> None:
        now, pace = self._clock.time(), self._pace
        age_s = pace.hosts_watched_s if self.watched else pace.hosts_idle_s
        hosts = station.swarm is None or now - station.hosts_at >= age_s
        try:
            swarm = await self._source.swarm(
                station.target, hosts=hosts, notes_after=station.last_note
            )
            self.state.answered(station, swarm, self._clock.time())
        except MuteError as error:
            self.state.muted(station, str(error))
        except MeganeuraError as error:
            self.state.failed(station, str(error))

    async def _keep_history(self) -> None:
        while True:
            self.state.sample(self._clock.time())
            await asyncio.sleep(self._pace.watched_s)
