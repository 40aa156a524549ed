"""Client sessions to the origins, by how much their TLS is trusted. Made and closed by the server.

Certificates are verified unless the configuration says otherwise for the registry mirror. The
session never follows redirects by itself, decompresses or keeps cookies: it is a proxy's.
"""

from __future__ import annotations

import ssl
from pathlib import Path

import aiohttp

from dfcore.errors import ConfigError
from dfdaemon.hub.config import HubConfig
from dfdaemon.proxy.config import ProxyConfig
from dfdaemon.proxy.rules import Route
from dfinfra.http import ClientLimits, client_session


class Upstream:
    """Opens its sessions on first use; must be made on the running loop."""

    def __init__(self, config: ProxyConfig, hub: HubConfig) -> None:
        mirror = config.registry_mirror
        self._limits = ClientLimits(
            connect_s=config.connect_timeout_s,
            read_s=config.read_timeout_s,
            connections=config.limits.requests,
            connections_per_host=0,
        )
        self._contexts = {
            "verified": tls_context((hub.ca_file,) if hub.ca_file else (), "hub.caFile"),
            "mirror": tls_context(mirror.certs, "proxy.registryMirror.certs"),
            "insecure": _unverified(),
        }
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self.proxy = config.upstream_proxy

    def session_for(self, route: Route) -> aiohttp.ClientSession:
        """The session whose TLS suits the route."""
        if route.insecure:
            return self._session("insecure")
        return self._session("mirror" if route.mirror else "verified")

    @property
    def verified(self) -> aiohttp.ClientSession:
        """The session that verifies by the system's authorities (and the Hub's, if configured)."""
        return self._session("verified")

    async def aclose(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def _session(self, kind: str) -> aiohttp.ClientSession:
        session = self._sessions.get(kind)
        if session is None:
            session = client_session(self._limits, tls=self._contexts[kind])
            self._sessions[kind] = session
        return session


def tls_context(authorities: tuple[Path, ...], key: str) -> ssl.SSLContext:
    """Verifies by the system's authorities and these; ConfigError if one cannot be read."""
    context = ssl.create_default_context()
    for path in authorities:
        try:
            context.load_verify_locations(path)
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
            raise ConfigError(f"{key}: {path}: {reason}") from error
    return context


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
