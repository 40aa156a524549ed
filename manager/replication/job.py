"""The job of type ``replicate``: one version to one volume. Its steps are the version's files."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from random import Random
from typing import Any

from sqlalchemy.orm import Session

from dfcore.backoff import Backoff
from dfcore.errors import MeganeuraError, Unavailable
from dfinfra.clock import Clock
from dfinfra.jobs import JobGroup
from dfinfra.offload import Pool
from manager.jobs.files import PlannedFile
from manager.jobs.hosts import JobHost
from manager.jobs.runner import Work
from manager.jobs.states import StepState
from manager.jobs.work import Plan
from manager.models import registry
from manager.models.desk import Desk
from manager.models.names import FileEntry, folder_of, version_folder
from manager.replication import rules
from manager.replication.copy import Copier

AT_ONCE = 4
ATTEMPTS = 4
_BACKOFF = Backoff(base_s=1.0, cap_s=30.0)


class Replicate:
    """Handler of ``replicate``."""

    def __init__(self, desk: Desk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock
        self._random = Random()
        self._pool = Pool("replication", AT_ONCE)

    async def close(self) -> None:
        """Let the threads go."""
        self._pool.close()

    async def run(self, work: Work) -> Mapping[str, Any]:
        """Copy what is missing, then have the target's tag lead to it."""
        spec = work.claim.spec
        number = int(spec["version_id"])
        files = await self._desk.database.read(lambda s: registry.files_of(s, number))
        if not await work.planned():
            await work.plan(_plan(files, str(spec["target"])))
        source, target = str(spec["source"]), str(spec["target"])
        await self._desk.on_shelf(source, self._desk.volumes.get, source)
        stop = threading.Event()
        copier = await self._desk.on_shelf(target, self._copier, source, target, stop)
        try:
            if not await self._there(spec):
                await self._copy(work, copier, files, stop)
        finally:
            stop.set()
            await self._pool.run(copier.close)
        for key, step in list(work.board):
            if step.state is StepState.RUNNING:
                work.board.change(key, state=StepState.FAILED, error="broken off; see the log")
        if not work.board.progress().steps.get(StepState.FAILED):
            await self._publish(work, target)
        return copier.result(len(files))

    def _copier(self, source: str, target: str, stop: threading.Event) -> Copier:
        volumes = self._desk.volumes
        return Copier(volumes.get(source), volumes.get(target), stop)

    async def _copy(
        self, work: Work, copier: Copier, files: list[FileEntry], stop: threading.Event
    ) -> None:
        limit = asyncio.Semaphore(AT_ONCE)

        async def one(file_no: int, entry: FileEntry) -> None:
            async with limit:
                await self._file(work, copier, file_no, entry, stop)

        async with JobGroup(f"job {work.claim.id}") as group:
            for file_no, entry in enumerate(files):
                group.spawn(one(file_no, entry), name=str(file_no))

    async def _file(
        self, work: Work, copier: Copier, file_no: int, entry: FileEntry, stop: threading.Event
    ) -> None:
        board, key = work.board, (file_no, 0)
        loop, began = asyncio.get_running_loop(), self._clock.monotonic()
        path = f"{_aside(work)}/{entry.path}"

        def tell(done_bytes: int) -> None:
            loop.call_soon_threadsafe(lambda: board.change(key, done_bytes=done_bytes))

        def copied() -> None:
            try:
                copier.file(entry, path, tell)
            except OSError as error:
                raise Unavailable(error.strerror or str(error)) from error

        for attempt in range(ATTEMPTS):
            board.change(key, state=StepState.RUNNING, attempts=attempt + 1)
            try:
                # A copy that is called off ends between two blocks.
                await self._pool.run_interruptibly(stop.set, copied)
            except MeganeuraError as error:
                board.change(key, error=str(error))
                if not error.retryable or attempt == ATTEMPTS - 1:
                    board.change(key, state=StepState.FAILED)
                    return
                await asyncio.sleep(_BACKOFF.delay_s(attempt, self._random))
            else:
                took_ms = int((self._clock.monotonic() - began) * 1000)
                done = {"done_bytes": entry.size_bytes, "took_ms": took_ms, "error": ""}
                board.change(key, state=StepState.DONE, **done)
                return

    async def _there(self, spec: Mapping[str, Any]) -> bool:
        target = str(spec["target"])
        folder = version_folder(spec["model"], spec["revision"])

        def found() -> bool:
            return self._desk.shelf(target).tree.find(folder) is not None

        return await self._desk.on_shelf(target, found)

    async def _publish(self, work: Work, target: str) -> None:
        spec, aside = work.claim.spec, _aside(work)

        def linked(session: Session) -> None:
            # A copy of an earlier version that ends later must not take the tag back: the row names
            # the job whose turn it is, and is locked while the link is replaced.
            if rules.is_latest(session, work.claim.id):
                self._desk.shelf(target).link(spec["model"], spec["tag"], spec["revision"])

        def published() -> None:
            shelf = self._desk.shelf(target)
            if shelf.tree.find(aside) is not None:
                shelf.publish(aside, version_folder(spec["model"], spec["revision"]))
            self._desk.database.transact(linked)

        await self._desk.on_shelf(target, published)
        for file_no, file in enumerate(work.board.plan.files):
            done = {"state": StepState.DONE, "done_bytes": file.size_bytes or 0}
            work.board.change((file_no, 0), **done)


def _aside(work: Work) -> str:
    spec = work.claim.spec
    revision = str(spec["revision"])[:32]
    return f"{folder_of(spec['model'])}/.versions/.building-{revision}-{work.claim.id}"


def _plan(files: list[FileEntry], target: str) -> Plan:
    planned = [
        PlannedFile(file.path, f"dffs://{target}/{file.path}", file.size_bytes, digest=file.digest)
        for file in files
    ]
    return Plan(planned, [JobHost(target, target, "", 0, seed=False)])
