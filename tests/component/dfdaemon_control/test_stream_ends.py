"""However a stream to a scheduler ends, no job of it is left to be found by the collector."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from dfdaemon.control import held as control_held
from dfdaemon.control import session as control_session
from dfdaemon.control.held import announce_held
from dfdaemon.control.scheduler import SchedulerClient
from dfdaemon.task.spec import TaskSpec
from dfinfra.pb import scheduler_pb2_grpc
from dfinfra.rpc.channels import Channels
from tests.component.dfdaemon_control.bed import NODE, SPEC, meeting, register

PATIENCE_S = 5.0
STEPS = 24
"""More turns of the loop than a stream takes to be under way."""


@pytest.fixture
async def channels() -> AsyncIterator[Channels]:
    made = Channels()
    yield made
    await made.close()


class Complaints:
    """What the loop was told of, as of jobs that were thrown away while they waited."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda _, context: self.heard.append(str(context)))

    async def left(self) -> list[str]:
        """What a stream left behind, a moment for what is on its way to its end included."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while _jobs_of_streams() and not self.heard:
                    gc.collect()
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pass
        # Cycles of the last ones may not have been met yet.
        gc.collect()
        await asyncio.sleep(0)
        self._loop.set_exception_handler(None)
        return _jobs_of_streams() + self.heard


def _jobs_of_streams() -> list[str]:
    jobs = (repr(job) for job in asyncio.all_tasks())
    return [job for job in jobs if "_consume_request_iterator" in job or "session " in job]


async def test_a_download_may_end_at_any_moment_of_its_registration(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop that stood still finds the end of a download and its next try due in one turn."""
    monkeypatch.setattr(control_session, "LAST_WORD_S", 0)
    async with meeting(channels) as (_, client):
        complaints = Complaints()
        for steps in range(STEPS):
            _, session = register(client, SPEC, f"peer-{steps}")
            for _ in range(steps):
                await asyncio.sleep(0)
            await session.aclose("abandoned")
            del session
        assert await complaints.left() == []


async def test_a_scheduler_that_is_not_there_leaves_nothing_either(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_session, "LAST_WORD_S", 0)
    client = SchedulerClient(["127.0.0.1:9"], channels, NODE)
    complaints = Complaints()
    for steps in range(STEPS):
        _, session = register(client, SPEC, f"peer-{steps}")
        client.mark_up("127.0.0.1:9")
        for _ in range(steps):
            await asyncio.sleep(0)
        await session.aclose("abandoned")
        del session
    assert await complaints.left() == []


class _Scheduler(scheduler_pb2_grpc.SchedulerServicer):
    """Hangs up, or refuses, before it answered anything."""

    refuses = False

    async def AnnouncePeer(
        self, request_iterator: Any, context: grpc.aio.ServicerContext[Any, Any]
    ) -> None:
        if self.refuses:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not now")


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_scheduler_that_hangs_up_on_who_tells_of_a_held_task_leaves_nothing(
    channels: Channels, monkeypatch: pytest.MonkeyPatch, refuses: bool
) -> None:
    monkeypatch.setattr(control_held, "CALL_TIMEOUT_S", 10.0)
    server = grpc.aio.server()
    service = _Scheduler()
    service.refuses = refuses
    scheduler_pb2_grpc.add_SchedulerServicer_to_server(service, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    stub = scheduler_pb2_grpc.SchedulerStub(channels.get(f"127.0.0.1:{port}"))
    complaints = Complaints()
    for number in range(4):
        spec = TaskSpec(f"http://origin.test/{number}", size_bytes=10)
        await announce_held(stub, NODE, spec, f"peer-{number}")
    assert await complaints.left() == []
    await server.stop(None)
