"""CONNECT to hosts that a rule names: TLS ends here, with a certificate of the local CA.

The requests inside go to the same handler as all others, with scheme https and the tunnel's
authority; clients must trust the CA (``dfctl ca export``). Called by the server.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from dfcore.errors import BadInput
from dfdaemon.proxy.target import split_authority
from dfdaemon.proxy.tunnel import ESTABLISHED, TakenOver, take_over
from dfinfra.logs import get_logger

_log = get_logger("proxy")

_HANDSHAKE_S = 30.0
TunnelHandler = Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]


class Leaves(Protocol):
    """Makes TLS contexts for host names; ``dfinfra.tls.LeafCache`` does."""

    def context(self, host: str) -> ssl.SSLContext: ...


@dataclass(slots=True)
class _Tunnel:
    authority: str
    outer: RequestHandler


class Interceptor:
    """Serves HTTP inside intercepted tunnels."""

    def __init__(self, leaves: Leaves, handler: TunnelHandler, **server_options: Any) -> None:
        self._leaves = leaves
        self._handler = handler
        self._tunnels: dict[RequestHandler, _Tunnel] = {}
        self._server = _TunnelServer(self._handle, self._ended, **server_options)

    async def intercept(self, request: web.BaseRequest, authority: str) -> web.StreamResponse:
        """Serve the tunnel until it ends."""
        host, _ = split_authority(authority, 443)
        # A certificate takes a millisecond once per host; a thread would take longer to start.
        context = self._leaves.context(host)
        transport, early = take_over(request)
        if early:
            transport.resume_reading()
            raise BadInput("TLS began before the tunnel was there")
        inner = self._server()
        self._tunnels[inner] = _Tunnel(authority, request.protocol)
        try:
            await self._shake_hands(transport, inner, context, authority)
            # From here on the end of the connection cancels this job, as for any request.
            await asyncio.get_running_loop().create_future()
        finally:
            self._tunnels.pop(inner, None)
            inner.force_close()
            transport.abort()
            # A connection that ended before TLS is only told to us.
            request.protocol.connection_lost(None)
        return TakenOver()

    async def shutdown(self, grace_s: float) -> None:
        """Let the requests inside end, then close the tunnels."""
        self._server.pre_shutdown()
        await self._server.shutdown(grace_s)

    async def _shake_hands(
        self,
        transport: asyncio.Transport,
        inner: RequestHandler,
        context: ssl.SSLContext,
        authority: str,
    ) -> None:
        transport.write(ESTABLISHED)
        try:
            secured = await asyncio.get_running_loop().start_tls(
                transport,
                inner,
                context,
                server_side=True,
                ssl_handshake_timeout=_HANDSHAKE_S,
            )
        except (OSError, ssl.SSLError) as error:
            _log.info(
                "no TLS with the client of a tunnel: does it trust our CA?",
                host=authority,
                error=type(error).__name__,
            )
            raise ConnectionResetError("TLS handshake failed") from None
        if secured is None:
            raise ConnectionResetError("the client has gone")
        inner.connection_made(secured)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        tunnel = self._tunnels.get(request.protocol)
        if tunnel is None:
            raise ConnectionResetError("the tunnel has ended")
        return await self._handler(request, tunnel.authority)

    def _ended(self, inner: RequestHandler, exc: BaseException | None) -> None:
        tunnel = self._tunnels.pop(inner, None)
        if tunnel is not None:
            tunnel.outer.connection_lost(exc)


class _TunnelServer(web.Server):
    """aiohttp's server, that also tells when a connection has ended."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        ended: Callable[[RequestHandler, BaseException | None], None],
        **options: Any,
    ) -> None:
        super().__init__(handler, **options)
        self._ended = ended

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._ended(handler, exc)
