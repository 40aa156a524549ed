"""Keeps the store within its limits between downloads; within one, room is made on demand."""

from __future__ import annotations

import asyncio

from blobstore.store import BlobStore
from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from dfinfra.offload import Pool

INTERVAL_S = 60.0

log = get_logger("keeper")


class Keeper:
    """A service that evicts what is old or over the limits."""

    name = "keeper"

    def __init__(self, store: BlobStore, disk: Pool) -> None:
        self._store = store
        self._disk = disk
        self._jobs = JobGroup("keeper")

    async def start(self) -> None:
        self._jobs.spawn(self._keep(), name="evict")

    async def stop(self) -> None:
        await self._jobs.cancel_all()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S)
            evicted = await self._disk.run(self._store.evict)
            if evicted:
                log.info("blobs evicted", count=len(evicted))
