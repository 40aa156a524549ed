"""Wait for a non-blocking socket that no transport owns, on whichever loop runs.

The fetchers and ``upload/sendfile`` use their sockets directly; these two coroutines are all they
need of the loop. asyncio and uvloop both have ``add_reader`` and ``add_writer``; uvloop has no
sendfile.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def readable(fd: int) -> None:
    """Return when ``fd`` can be read, or has ended or failed."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, _resolve, ready)
    try:
        await ready
    finally:
        # Before anybody closes fd: a closed one would stay in epoll while a dup of it lives.
        loop.remove_reader(fd)


async def writable(fd: int) -> None:
    """Return when ``fd`` can be written, or has failed."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(fd, _resolve, ready)
    try:
        await ready
    finally:
        loop.remove_writer(fd)


async def retrying(fd: int, operation: Callable[[], T], *, writes: bool = False) -> T:
    """Do ``operation`` on a non-blocking (TLS) socket, waiting as often as it would block."""
    while True:
        try:
            return operation()
        except ssl.SSLWantWriteError:
            await writable(fd)
        except ssl.SSLWantReadError:
            await readable(fd)
        except BlockingIOError:
            await (writable(fd) if writes else readable(fd))


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
