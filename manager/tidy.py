"""Gives memory back to the system that a storm of requests has left behind.

The C library keeps what was freed. After ten thousand nodes came at once that is more than the manager
itself; then it is handed back (glibc's ``malloc_trim``, a few milliseconds in a thread).
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable
from pathlib import Path

from dfinfra.jobs import JobGroup
from dfinfra.offload import Pool

INTERVAL_S = 30.0
GROWTH = 1.2


class Tidy:
    """A service that looks every half minute; does nothing with another C library."""

    name = "tidy"

    def __init__(self) -> None:
        self._pool = Pool("tidy", 1)
        self._jobs = JobGroup("tidy")
        self._trim = _malloc_trim()

    async def start(self) -> None:
        """Begin."""
        if self._trim is not None:
            self._jobs.spawn(self._run(self._trim), name="trim")

    async def stop(self) -> None:
        """End."""
        await self._jobs.cancel_all()
        self._pool.close()

    async def _run(self, trim: Callable[[int], int]) -> None:
        pages = _resident_pages()
        while True:
            await asyncio.sleep(INTERVAL_S)
            # Nobody gets memory meanwhile, so it is done after a growth only.
            if _resident_pages() > GROWTH * pages:
                await self._pool.run(trim, 0)
                pages = _resident_pages()


def _resident_pages() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])


def _malloc_trim() -> Callable[[int], int] | None:
    try:
        return ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):
        return None
