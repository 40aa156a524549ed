"""Live news by Server-Sent Events: what happens to a job and to each of its steps.

``EventSource`` and ``dfctl`` connect anew by themselves and say which event they had last
(``Last-Event-ID``), so that nothing is missed and nothing told twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from sqlalchemy.orm import Session

from manager.jobs import steps, store
from manager.rest.jobs_schema import JobAnswer, job_answer, step_answer
from manager.rest.routes import Call

QUIET_S = 20.0
"""A comment is sent after this long without news, so that proxies keep the connection."""
BATCH = 500
ENDS = web.AppKey("live", set[asyncio.Task[Any]])
"""The streams that are open; a stop ends them, or it would wait for them."""


async def job_events(call: Call) -> web.StreamResponse:
    """The job, and its steps in the order of their changes, until it is over.

    Events are ``step`` (a step that changed; its id is what ``Last-Event-ID`` takes), ``job`` (the
    job, whenever it changed), and ``over`` (the job, for the last time).
    """
    number = call.number()
    follower = _Follower(call, number, _last_id(call.request))
    job, news = await follower.look()  # a job that is not there is an answer of the usual kind
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
    )
    await response.prepare(call.request)
    open_streams = call.request.app[ENDS]
    me = asyncio.current_task()
    assert me is not None
    open_streams.add(me)
    try:
        while True:
            await response.write(news or b": still there\n\n")
            if follower.over:
                return response
            if not follower.behind:
                await follower.wait(job)
            job, news = await follower.look()
    finally:
        open_streams.discard(me)


async def end_all(app: web.Application) -> None:
    """End the open streams; for the server's stop."""
    open_streams = app[ENDS]
    for stream in tuple(open_streams):
        stream.cancel()


class _Follower:
    """What one who looks on has been told."""

    def __init__(self, call: Call, number: int, turn: int) -> None:
        self._call = call
        self._number = number
        self._turn = turn
        self._told = ""
        self._seen = 0
        self.over = False
        self.behind = False
        """There was more than one look takes in."""

    async def look(self) -> tuple[JobAnswer, bytes]:
        """The job, and what is new of it as events. Raises NotFound."""
        changes = self._call.core.changes
        self._seen = changes.revision(store.TOPIC)

        def read(session: Session) -> tuple[JobAnswer, list[tuple[int, BaseModel]]]:
            job = job_answer(store.get(session, self._number))
            rows = steps.changed_since(session, self._number, self._turn, BATCH)
            return job, [(step.turn, step_answer(file, host, step)) for file, host, step in rows]

        job, found = await self._call.core.database.read(read)
        self.behind = len(found) >= BATCH
        news = b"".join(self._events(job, found))
        return job, news

    def _events(self, job: JobAnswer, found: list[tuple[int, BaseModel]]) -> Iterator[bytes]:
        for no, (turn, step) in enumerate(found):
            # Who breaks off within a turn is told all of it again.
            is_last = no + 1 == len(found) or found[no + 1][0] > turn
            self._turn = turn if is_last else self._turn
            yield _event("step", step, self._turn)
        text = job.model_dump_json()
        self.over = job.phase.over and not self.behind
        if self.over or text != self._told:
            self._told = text
            yield _event("over" if self.over else "job", job, self._turn)

    async def wait(self, job: JobAnswer) -> None:
        """Until something may be new: jobs at work are written every beat, others when they change."""
        at_work = job.started_at is not None and not job.phase.over
        every_s = self._call.core.config.jobs.beat_s if at_work else QUIET_S
        await self._call.core.changes.wait(store.TOPIC, self._seen, every_s)


def _last_id(request: web.Request) -> int:
    text = request.headers.get("Last-Event-ID", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _event(name: str, body: BaseModel, turn: int) -> bytes:
    return f"event: {name}\nid: {turn}\ndata: {body.model_dump_json()}\n\n".encode()
