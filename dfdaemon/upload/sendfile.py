"""File bytes to sockets by the kernel."""

from __future__ import annotations

import socket

from aiohttp import web

from dfdaemon.fetch.limiter import NO_LIMIT, Limiter


class Sender:
    """Sends file bytes over sockets."""

    def __init__(self, *, threads: int = 8) -> None:
        raise NotImplementedError

    async def send_socket(
        self,
        sock: socket.socket,
        fd: int,
        offset: int,
        length: int,
        *,
        prefix: bytes = b"",
        limiter: Limiter = NO_LIMIT,
        stall_timeout_s: float | None = None,
        min_rate_bytes_s: int = 0,
    ) -> None:
        """Send ``prefix`` and then the extent over a non-blocking socket that no transport owns.

        Raises OSError (a ConnectionError, TimeoutError for a stalled reader, EIO for a short file);
        the connection is then of no more use.
        """
        raise NotImplementedError

    async def send_extent(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        fd: int,
        offset: int,
        length: int,
        *,
        limiter: Limiter = NO_LIMIT,
        stall_timeout_s: float | None = None,
    ) -> None:
        """Send an extent as part of the body of a prepared response whose Content-Length is set.

        Works on asyncio and uvloop, in clear and under TLS. Call it for each extent in order, then
        ``write_eof``. Raises as `send_socket` does.
        """
        raise NotImplementedError

    async def aclose(self) -> None:
        raise NotImplementedError
