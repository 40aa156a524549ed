"""Preheat: brings the files of a target to the hosts of a scope, step by step.

The plan (files and hosts) is made once and kept; whoever continues the job does what is left of it. A
few files are under way at once, each on many hosts: the swarm spreads a file best when all ask together.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any, TypeVar

from dfcore.backoff import Backoff
from dfcore.errors import MeganeuraError
from dfinfra.clock import Clock
from dfinfra.jobs import JobGroup
from manager.jobs.files import Access, PlannedFile, Source
from manager.jobs.hosts import choose
from manager.jobs.nodes import Nodes
from manager.jobs.origins import Origins
from manager.jobs.results import preheat_result
from manager.jobs.runner import Work
from manager.jobs.spec import PreheatSpec
from manager.jobs.states import StepState
from manager.jobs.swarm import Swarm
from manager.jobs.work import Plan, StepKey

ATTEMPTS = 5
_BACKOFF = Backoff(base_s=0.5, cap_s=15.0)
_ACCESS_KEPT_S = 60.0

T = TypeVar("T")


class Preheat:
    """Handler of jobs of type ``preheat``."""

    def __init__(
        self, origins: Origins, swarm: Swarm, nodes: Nodes, clock: Clock, random: Random
    ) -> None:
        self._origins = origins
        self._swarm = swarm
        self._nodes = nodes
        self._clock = clock
        self._random = random

    async def run(self, work: Work) -> Mapping[str, Any]:
        """Plan, unless that was done, and bring every file to every host."""
        spec = PreheatSpec.from_json(work.claim.spec)
        source = await self._origins.source(spec, work.credentials)
        if not await work.planned():
            await work.plan(await self._patiently(lambda: self._plan(spec, source, work)))
        errand = _Errand(self, spec, source, work)
        try:
            async with asyncio.timeout(spec.timeout_s):
                await errand.run()
        except TimeoutError:
            errand.give_up(f"not done within {spec.timeout_s:g} s")
        errand.give_up("broken off; the manager's log says why")
        return preheat_result(work.board)

    async def _plan(self, spec: PreheatSpec, source: Source, work: Work) -> Plan:
        hosts = await self._swarm.hosts(work.claim.cluster_ids)
        chosen = choose(hosts, spec.choice, str(work.claim.id))
        return Plan(await source.plan(spec), chosen)

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask again while that can help."""
        for attempt in range(ATTEMPTS):
            try:
                return await ask()
            except MeganeuraError as error:
                if not error.retryable or attempt == ATTEMPTS - 1:
                    raise
                await asyncio.sleep(self.pause_s(attempt, error))
        raise AssertionError("not reached")

    def pause_s(self, attempt: int, error: MeganeuraError) -> float:
        """How long to wait after a failed attempt."""
        asked = getattr(error, "retry_after_s", None)
        return _BACKOFF.delay_s(attempt, self._random, asked)

    async def bring(self, work: Work, key: StepKey, access: Access, spec: PreheatSpec) -> None:
        """One attempt of a step. Raises MeganeuraErrors."""
        board, began = work.board, self._clock.monotonic()

        def tell(done_bytes: int, size_bytes: int | None) -> None:
            board.change(key, done_bytes=done_bytes, size_bytes=size_bytes)

        file, host = board.plan.files[key[0]], board.plan.hosts[key[1]]
        brought = await self._nodes.bring(host, file, access, spec, tell)
        board.change(
            key,
            state=StepState.DONE,
            done_bytes=brought.size_bytes,
            size_bytes=brought.size_bytes,
            task_id=brought.task_id,
            took_ms=int((self._clock.monotonic() - began) * 1000),
            error="",
        )


class _Errand:
    """One run of one job."""

    def __init__(self, preheat: Preheat, spec: PreheatSpec, source: Source, work: Work) -> None:
        self._preheat = preheat
        self._spec = spec
        self._source = source
        self._work = work
        self._board = work.board
        self._access: dict[int, tuple[float, Access]] = {}
        self._locks: dict[int, asyncio.Lock] = {}

    async def run(self) -> None:
        """Do every step that is not over."""
        files = deque(no for no in range(len(self._board.plan.files)) if self._board.open_hosts(no))
        async with JobGroup(f"job {self._work.claim.id}") as group:
            for _ in range(min(self._spec.concurrent_files, len(files))):
                group.spawn(self._take_files(files), name="files", on_error=_raised_by_steps)

    def give_up(self, why: str) -> None:
        """What is not over has failed."""
        for key, step in list(self._board):
            if not step.state.over:
                self._board.change(key, state=StepState.FAILED, error=why)

    async def _take_files(self, files: deque[int]) -> None:
        while files:
            file_no = files.popleft()
            hosts = deque(self._board.open_hosts(file_no))
            async with JobGroup("file") as group:
                for _ in range(min(self._spec.concurrent_hosts, len(hosts))):
                    group.spawn(self._take_hosts(file_no, hosts), name=str(file_no))
            self._access.pop(file_no, None)

    async def _take_hosts(self, file_no: int, hosts: deque[int]) -> None:
        while hosts:
            await self._step((file_no, hosts.popleft()))

    async def _step(self, key: StepKey) -> None:
        for attempt in range(ATTEMPTS):
            self._board.change(key, state=StepState.RUNNING, attempts=attempt + 1)
            try:
                access = await self._opened(key[0])
                await self._preheat.bring(self._work, key, access, self._spec)
                return
            except MeganeuraError as error:
                self._access.pop(key[0], None)
                self._board.change(key, error=str(error))
                if not error.retryable or attempt == ATTEMPTS - 1:
                    self._board.change(key, state=StepState.FAILED)
                    return
                await asyncio.sleep(self._preheat.pause_s(attempt, error))

    async def _opened(self, file_no: int) -> Access:
        """How nodes get the file: asked once for many nodes, and again when that is a while ago."""
        async with self._locks.setdefault(file_no, asyncio.Lock()):
            now = asyncio.get_running_loop().time()
            until, access = self._access.get(file_no, (0.0, None))
            if access is None or now > until:
                file: PlannedFile = self._board.plan.files[file_no]
                access = await self._source.access(file)
                self._access[file_no] = now + _ACCESS_KEPT_S, access
            return access


def _raised_by_steps(_: BaseException) -> None:
    """Steps hold their errors themselves."""
