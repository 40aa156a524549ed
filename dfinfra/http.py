"""aiohttp sessions and servers with our limits instead of the library's.

aiohttp's defaults cut a download after five minutes, decompress what we want to keep as
it is, and do not notice a client that went away. Every service makes its client session and
its servers here.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from dfcore.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """How long a client session waits and how much it opens; times in seconds."""

    connect_s: float = 10.0
    read_s: float = 60.0
    connections: int = 256
    connections_per_host: int = 64
    trust_env: bool = False


def client_session(
    limits: ClientLimits | None = None,
    *,
    tls: ssl.SSLContext | None = None,
) -> aiohttp.ClientSession:
    """A session whose answers arrive as sent: not decompressed, without a total time limit.

    ``tls`` is the context for https; without it certificates are verified against the
    system's authorities. ``trust_env`` of the limits uses the proxies of the environment.
    """
    limits = limits or ClientLimits()
    connector = aiohttp.TCPConnector(
        limit=limits.connections,
        limit_per_host=limits.connections_per_host,
        ssl=tls if tls is not None else True,
        ttl_dns_cache=30,
    )
    timeout = aiohttp.ClientTimeout(
        total=None,
        connect=None,
        sock_connect=limits.connect_s,
        sock_read=limits.read_s,
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        auto_decompress=False,
        trust_env=limits.trust_env,
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=256 << 10,
        skip_auto_headers=("Accept-Encoding",),
        max_line_size=64 << 10,
        max_field_size=64 << 10,
    )


class HttpServer:
    """A service of the process that serves an aiohttp application at one address."""

    def __init__(
        self,
        name: str,
        app: web.Application,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        grace_s: float = 5.0,
    ) -> None:
        """Port 0 takes any free one. Requests get ``grace_s`` to end when it stops."""
        self.name = name
        self._host = host
        self._port = port
        self._tls = tls
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            # A handler is cancelled when its client has gone.
            handler_cancellation=True,
            shutdown_timeout=grace_s,
            # Header fields as long as signed URLs and cookies can be.
            max_line_size=64 << 10,
            max_field_size=64 << 10,
            keepalive_timeout=75.0,
        )
        self._bound_port = 0

    @property
    def port(self) -> int:
        """The port it listens at, once started."""
        return self._bound_port

    async def start(self) -> None:
        """Bind and serve. Raises ConfigError if the address cannot be bound."""
        await self._runner.setup()
        site = web.TCPSite(
            self._runner,
            self._host,
            self._port,
            ssl_context=self._tls,
            reuse_address=True,
            backlog=1024,
        )
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise listen_error(self._host, self._port, error) from error
        self._bound_port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Refuse new connections, let requests end within the grace time."""
        await self._runner.cleanup()


def listen_error(host: str, port: int, error: OSError) -> ConfigError:
    """The one line for an address that cannot be bound."""
    if isinstance(error, socket.gaierror):
        return ConfigError(f"cannot listen on {host}:{port}: {host} is not an address")
    reason = (error.strerror or str(error)).rpartition(": ")[2]
    return ConfigError(f"cannot listen on {host}:{port}: {reason}")
