"""CONNECT to hosts that no rule names: bytes go both ways untouched.

Called by the server, which has checked that the host may be reached. Each side is read only as fast
as the other is written. The client's transport is taken from aiohttp for good; what aiohttp would do
when the client leaves (cancel the handler) still happens.
"""

from __future__ import annotations

import asyncio
from typing import cast

from aiohttp import web

from dfcore.errors import OriginUnreachable, TimedOut

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class TakenOver(web.StreamResponse):
    """Stands for a connection that is not aiohttp's any more: there is nothing to answer."""

    def __init__(self) -> None:
        super().__init__()
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> None:
        """Nothing to prepare."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing to end."""


class EarlyBytes:
    """What the client sent behind its CONNECT, before our protocol takes over."""

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Called by aiohttp's protocol."""
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        """Called by aiohttp's protocol."""


def take_over(request: web.BaseRequest) -> tuple[asyncio.Transport, bytes]:
    """Stop aiohttp from reading the connection; returns it and what has been read already."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client has gone")
    transport.pause_reading()
    early = EarlyBytes()
    request.protocol.set_parser(early)  # type: ignore[arg-type]
    return transport, early.data


class _End(asyncio.Protocol):
    """One end of a tunnel. ``peer`` is the other one's transport."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.peer: _End | None = None
        self.active = True
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.active = True
        if self.peer and self.peer.transport:
            self.peer.transport.write(data)

    def pause_writing(self) -> None:
        if self.peer and self.peer.transport and not self.peer.transport.is_closing():
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer and self.peer.transport and not self.peer.transport.is_closing():
            self.peer.transport.resume_reading()

    def eof_received(self) -> bool:
        # The other direction may still have something to say.
        transport = self.peer.transport if self.peer else None
        if transport and not transport.is_closing() and transport.can_write_eof():
            transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self.peer and self.peer.transport:
            self.peer.transport.close()
        if not self.lost.done():
            self.lost.set_result(None)


class _ClientEnd(_End):
    def __init__(self, request: web.BaseRequest) -> None:
        super().__init__()
        self._http = request.protocol

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._http.connection_lost(exc)


async def open_tunnel(
    request: web.BaseRequest, host: str, port: int, *, connect_timeout_s: float, idle_s: float
) -> web.StreamResponse:
    """Connect and pass bytes until one side ends. Raises a MeganeuraError if it cannot connect."""
    far = await _connect(host, port, connect_timeout_s)
    assert far.transport is not None
    try:
        transport, early = take_over(request)
        near = _ClientEnd(request)
        near.connection_made(transport)
        near.peer, far.peer = far, near
        transport.set_protocol(near)
        transport.write(ESTABLISHED)
        if early:
            far.transport.write(early)
        far.transport.resume_reading()
        transport.resume_reading()
        await _until_over(near, far, idle_s)
    finally:
        far.transport.close()
        if request.transport is not None:
            request.transport.close()
    return TakenOver()


async def _connect(host: str, port: int, timeout_s: float) -> _End:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            transport, end = await loop.create_connection(_End, host, port)
    except TimeoutError:
        raise TimedOut(f"{host}:{port} did not answer within {timeout_s:g} s") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OriginUnreachable(f"{host}:{port} cannot be reached: {reason}") from None
    transport.pause_reading()
    return end


async def _until_over(near: _End, far: _End, idle_s: float) -> None:
    """Wait until both ends are lost, or nothing has gone either way for ``idle_s``."""
    while not (near.lost.done() and far.lost.done()):
        near.active = far.active = False
        waiting = [end.lost for end in (near, far) if not end.lost.done()]
        done, _ = await asyncio.wait(waiting, timeout=idle_s)
        if not done and not near.active and not far.active:
            return
