"""How often a host announces itself, and to whom."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from google.protobuf.empty_pb2 import Empty

from blobstore.store import BlobStore
from dfdaemon.control import announce
from dfdaemon.control.announce import Announcer
from dfdaemon.control.scheduler import SchedulerClient
from dfinfra.offload import Pool
from dfinfra.rpc.channels import Channels
from tests.component.dfdaemon_control.bed import NODE, NothingHeld, describe
from tests.interop.go_scheduler import GoScheduler


class Listener(GoScheduler):
    """Dragonfly's scheduler, keeping the intervals that hosts promise."""

    def __init__(self) -> None:
        super().__init__()
        self.intervals: asyncio.Queue[float] = asyncio.Queue()

    async def AnnounceHost(self, request: Any, context: Any) -> Empty:
        self.intervals.put_nowait(request.interval.ToNanoseconds() / 1e9)
        return await super().AnnounceHost(request, context)


async def test_dragonflys_scheduler_hears_of_us_before_its_library_tires_of_our_pings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seen: GOAWAY too_many_pings after 80 s of silence, with the stream of every download."""
    assert announce.PLAIN_INTERVAL_S < 3 * 20.0, "three pings, at 20 s each"
    monkeypatch.setattr(announce, "PLAIN_INTERVAL_S", 0.01)
    channels, disk = Channels(), Pool("disk", 1)
    host = describe(NODE, seed=False)
    async with Listener() as scheduler, asyncio.timeout(10):
        client = SchedulerClient([scheduler.address], channels, NODE)
        store = cast(BlobStore, NothingHeld())
        announcer = Announcer(client, channels, host, store, disk, interval_s=300.0)
        await announcer.start()
        # What it is shows with the first list of blobs.
        assert await scheduler.intervals.get() == 300.0
        assert await scheduler.intervals.get() == 0.01
        assert await scheduler.intervals.get() == 0.01
        await announcer.stop()
    disk.close()
    await channels.close()
