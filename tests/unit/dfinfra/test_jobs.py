"""Jobs are named, kept, and never fail silently."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest

from dfinfra import jobs
from dfinfra.jobs import JobGroup


async def _fail() -> None:
    raise ValueError("broken")


async def _forever() -> None:
    await asyncio.Event().wait()


async def _done() -> None:
    pass


async def test_a_failed_job_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        await asyncio.wait({jobs.spawn(_fail(), name="sums")})
    assert "job failed" in caplog.text
    assert "sums" in caplog.text


async def test_on_error_gets_the_exception_instead(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[BaseException] = []
    await asyncio.wait({jobs.spawn(_fail(), name="x", on_error=seen.append)})
    assert [str(error) for error in seen] == ["broken"]
    assert not caplog.records


async def test_a_job_nobody_holds_is_kept() -> None:
    started = asyncio.Event()
    finish = asyncio.Event()
    finished = asyncio.Event()

    async def work() -> None:
        started.set()
        await finish.wait()
        finished.set()

    jobs.spawn(work(), name="alone")
    await started.wait()
    gc.collect()
    assert "alone" in jobs.running()
    finish.set()
    await finished.wait()


@pytest.mark.parametrize("work", [_fail, _done])
async def test_the_end_of_a_vital_job_is_a_crash(work: object) -> None:
    crashes: list[str] = []
    jobs.on_crash(lambda name, error: crashes.append(name))
    await asyncio.wait({jobs.spawn(work(), name="v", vital=True, on_error=lambda _: None)})  # type: ignore[operator]
    assert crashes == ["v"]


async def test_a_cancelled_vital_job_is_no_crash() -> None:
    crashes: list[str] = []
    jobs.on_crash(lambda name, error: crashes.append(name))
    job = jobs.spawn(_forever(), name="v", vital=True)
    job.cancel()
    await asyncio.wait({job})
    assert crashes == []


async def test_a_group_is_empty_after_cancel_all() -> None:
    group = JobGroup("g")
    held = [group.spawn(_forever(), name=str(i)) for i in range(3)]
    await group.cancel_all()
    await asyncio.sleep(0)
    assert all(job.cancelled() for job in held)
    assert len(group) == 0


async def test_a_job_may_cancel_its_own_group() -> None:
    group = JobGroup("g")
    other = group.spawn(_forever(), name="other")
    mine = group.spawn(group.cancel_all(), name="mine")
    await mine
    assert other.cancelled()


async def test_join_waits_for_jobs_that_start_meanwhile() -> None:
    group = JobGroup("g")
    ended: list[str] = []

    async def inner() -> None:
        await asyncio.sleep(0)
        ended.append("inner")

    async def outer() -> None:
        group.spawn(inner(), name="inner")

    async with group:
        group.spawn(outer(), name="outer")
    assert ended == ["inner"]


async def test_a_failed_block_cancels_its_jobs() -> None:
    group = JobGroup("g")
    with pytest.raises(KeyError):
        async with group:
            job = group.spawn(_forever(), name="x")
            raise KeyError
    assert job.cancelled()
