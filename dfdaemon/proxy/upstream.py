"""The client session to the origins of requests that are passed on. Made and closed by the server.

Certificates are verified by ``trust`` unless the configuration says otherwise for the registry
mirror. The session never follows redirects by itself, decompresses or keeps cookies: it is a proxy's.
"""

from __future__ import annotations

from dfdaemon.fetch.trust import OriginTrust
from dfdaemon.proxy.config import ProxyConfig
from dfinfra.http import ClientLimits, client_session


class Upstream:
    """Must be made on the running loop. ``proxy`` is the one that it goes through, if any."""

    def __init__(self, config: ProxyConfig, trust: OriginTrust) -> None:
        self.trust = trust
        self.proxy = config.upstream_proxy
        self.session = client_session(
            ClientLimits(
                connect_s=config.connect_timeout_s,
                read_s=config.read_timeout_s,
                connections=config.limits.requests,
                connections_per_host=0,
            )
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self.session.close()
