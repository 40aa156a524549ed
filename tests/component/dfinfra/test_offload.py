"""Thread pools keep their bounds and let no running call outlive its caller."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from dfinfra import jobs
from dfinfra.logs import bound
from dfinfra.offload import Pool


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool("test", 1)
    yield made
    made.close()


async def _until(condition: threading.Event) -> None:
    await asyncio.get_running_loop().run_in_executor(None, condition.wait)


async def test_results_and_errors_come_back(pool: Pool) -> None:
    assert await pool.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await pool.run(divmod, 1, 0)


async def test_context_variables_reach_the_thread(pool: Pool) -> None:
    import structlog

    with bound(task="t"):
        assert (await pool.run(structlog.contextvars.get_contextvars))["task"] == "t"


async def test_a_cancelled_caller_waits_for_a_running_call(pool: Pool) -> None:
    begun, finish, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        finish.wait()
        ended.set()

    caller = jobs.spawn(pool.run(work), name="caller")
    await _until(begun)
    caller.cancel()
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.sleep(0)
    assert not caller.done()
    finish.set()
    await asyncio.wait({caller})
    assert ended.is_set()
    assert caller.cancelled()


async def test_a_cancelled_caller_interrupts_a_call_that_can_be(pool: Pool) -> None:
    begun, finish = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        finish.wait()

    caller = jobs.spawn(pool.run_interruptibly(finish.set, work), name="caller")
    await _until(begun)
    caller.cancel()
    await asyncio.wait({caller})
    assert caller.cancelled()


async def test_a_call_that_has_not_begun_is_dropped(pool: Pool) -> None:
    begun, finish = threading.Event(), threading.Event()
    called: list[int] = []

    def work() -> None:
        begun.set()
        finish.wait()

    first = jobs.spawn(pool.run(work), name="first")
    await _until(begun)
    others = [jobs.spawn(pool.run(called.append, i), name="other") for i in range(5)]
    await asyncio.sleep(0)
    for other in others:
        other.cancel()
    await asyncio.wait(others)
    finish.set()
    await first
    assert called == []
