"""The listener: a raw aiohttp server whose handler sees every request, CONNECT included.

A service of the process; ``app`` builds it and hands it its collaborators. A handler is cancelled
when its client has gone. Sessions and pools are made at the start, on the running loop.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from dfcore.errors import ConfigError, MeganeuraError
from dfdaemon.fetch.trust import OriginTrust
from dfdaemon.hub.config import HubConfig
from dfdaemon.hub.metadata import HubMetadata
from dfdaemon.hub.mirror import HubMirror
from dfdaemon.hub.origin import OriginGateway
from dfdaemon.hub.rights import UrlRights
from dfdaemon.proxy.config import ProxyConfig
from dfdaemon.proxy.handler import Doors, Handler, failure_answer, too_busy
from dfdaemon.proxy.intercept import Interceptor, Leaves
from dfdaemon.proxy.metrics import ProxyMetrics
from dfdaemon.proxy.output import Outputs
from dfdaemon.proxy.passthrough import cut_off
from dfdaemon.proxy.prefetch import Prefetcher
from dfdaemon.proxy.replay import Replays, ReplayServer
from dfdaemon.proxy.response import ExtentSender, TaskResponder, render
from dfdaemon.proxy.rules import Route, Rules, Way
from dfdaemon.proxy.swarm import SwarmDoor
from dfdaemon.proxy.target import split_authority
from dfdaemon.proxy.tunnel import TakenOver, open_tunnel
from dfdaemon.proxy.upstream import Upstream
from dfdaemon.task.service import HubGateway, TaskService
from dfinfra import tracing
from dfinfra.clock import Clock
from dfinfra.http import listen_error
from dfinfra.logs import get_logger
from dfinfra.metrics import CollectorRegistry
from dfinfra.offload import Pool

_log = get_logger("proxy")
_FILE_THREADS = 2


@dataclass(frozen=True)
class ProxyParts:
    """What the proxy works with. ``metadata`` is this node's, in front of the gateway to the seed.

    Without ``leaves`` nothing is intercepted. ``server_ip`` is shown to clients. ``trust`` is for TLS
    to origins; without it the system's authorities count.
    """

    tasks: TaskService
    metadata: HubMetadata
    sender: ExtentSender
    clock: Clock
    registry: CollectorRegistry
    leaves: Leaves | None = None
    server_ip: str = ""
    trust: OriginTrust | None = None


class ProxyServer:
    """Listens at ``config.tcp_listen``; implements ``dfinfra.lifecycle.Service``."""

    name = "proxy"

    def __init__(self, config: ProxyConfig, hub: HubConfig, parts: ProxyParts) -> None:
        self._config = config
        self._hub = hub
        self._parts = parts
        self._metrics = ProxyMetrics(parts.registry)
        self._tls = _server_tls(config)
        self._requests = 0
        self._tunnels: set[asyncio.Task[object]] = set()
        self._runner: web.ServerRunner | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The port it listens at, once started."""
        return self._port

    @property
    def connection_count(self) -> int:
        """Connections of clients, tunnels included."""
        server = self._runner.server if self._runner else None
        return len(server.connections) if server else 0

    async def start(self) -> None:
        """Bind and serve. Raises ConfigError if the address cannot be bound."""
        self._build()
        listen = self._config.tcp_listen
        self._runner = web.ServerRunner(
            ReplayServer(self._replays, self._on_request, **self._server_options()),
            handle_signals=False,
            shutdown_timeout=self._config.stop_grace_s,
        )
        await self._runner.setup()
        site = web.TCPSite(
            self._runner,
            listen.listen,
            listen.port,
            ssl_context=self._tls,
            reuse_address=True,
            backlog=1024,
        )
        try:
            await site.start()
        except OSError as error:
            await self.stop()
            raise listen_error(listen.listen, listen.port, error) from error
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Take no new requests, let those under way end, close everything."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        for site in list(runner.sites):
            await site.stop()
        # Tunnels end when their ends wish, so they are not waited for.
        for tunnel in self._tunnels:
            tunnel.cancel()
        if self._interceptor is not None:
            await self._interceptor.shutdown(self._config.stop_grace_s)
        await runner.cleanup()
        await self._doors.prefetcher.aclose()
        await self._doors.upstream.aclose()
        self._pool.close()

    def _build(self) -> None:
        config, parts = self._config, self._parts
        upstream = Upstream(config, parts.trust or OriginTrust())
        self._pool = Pool("proxy-files", _FILE_THREADS)
        trusted_s = min(self._hub.ref_ttl_s, self._hub.allow_ttl_s)
        self._replays = Replays(parts.clock.monotonic, self._metrics.replayed.inc, trusted_s)
        responder = TaskResponder(
            parts.tasks,
            parts.sender,
            self._replays,
            server_ip=parts.server_ip,
            max_ranges=config.limits.ranges,
        )
        self._doors = Doors(
            rules=Rules(config, self._hub),
            mirror=HubMirror(self._hub, parts.metadata, parts.clock),
            swarm=self._door(parts.metadata),
            insecure_swarm=self._insecure_door(upstream),
            responder=responder,
            prefetcher=Prefetcher(parts.tasks),
            outputs=Outputs(config.output_dirs, self._pool),
            upstream=upstream,
        )
        via = f"1.1 meganeura-{secrets.token_hex(4)}"
        self._handler = Handler(config, self._hub, self._doors, via=via)
        self._interceptor: Interceptor | None = None
        if parts.leaves is not None and config.intercept.enabled:
            self._interceptor = Interceptor(
                parts.leaves, self._on_tunnelled, **self._server_options()
            )

    def _door(self, gateway: HubGateway) -> SwarmDoor:
        rights = UrlRights(
            gateway,
            self._parts.clock,
            fresh_s=self._hub.ref_ttl_s,
            allow_s=self._hub.allow_ttl_s,
            refuse_s=self._hub.refuse_ttl_s,
        )
        return SwarmDoor(
            rights, hub_base=self._hub.base, filtered_params=self._config.filtered_params
        )

    def _insecure_door(self, upstream: Upstream) -> SwarmDoor:
        """For remotes that only this node is told not to verify: asked from here."""
        gateway = OriginGateway(
            self._hub,
            upstream.session,
            self._parts.clock,
            proxy=upstream.proxy,
            tls=partial(upstream.trust.context, verified=False),
        )
        return self._door(gateway)

    def _server_options(self) -> dict[str, Any]:
        limit = self._config.limits.header_size_bytes
        return {
            "handler_cancellation": True,
            "access_log": None,
            "auto_decompress": False,
            "max_line_size": limit,
            "max_field_size": limit,
            "keepalive_timeout": 75.0,
        }

    async def _on_request(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._answered(request, None)

    async def _on_tunnelled(self, request: web.BaseRequest, tunnel: str) -> web.StreamResponse:
        return await self._answered(request, tunnel)

    async def _answered(self, request: web.BaseRequest, tunnel: str | None) -> web.StreamResponse:
        started_at = self._parts.clock.monotonic()
        way = "none"
        try:
            route = self._handler.route(request, tunnel)
            way = route.way.value
            if route.way in (Way.TUNNEL, Way.INTERCEPT):
                response = await self._connect(request, route)
            else:
                response = await self._traced(request, route)
        except ConnectionError:
            # The client has gone, or must be shown that the answer broke off.
            cut_off(request)
            return TakenOver()
        except MeganeuraError as error:
            response = render(failure_answer(error), request)
            if request.method == "CONNECT":
                response.force_close()
            if error.http_status >= 500:
                _log.warning("request failed", way=way, status=error.http_status, error=str(error))
        self._metrics.done(way, response.status, self._parts.clock.monotonic() - started_at)
        return response

    async def _traced(self, request: web.BaseRequest, route: Route) -> web.StreamResponse:
        """A client that sends W3C Trace Context sees our spans below its own."""
        parent = request.headers.get("traceparent", "")
        origin = urlsplit(route.url)
        about = {"method": request.method, "way": route.way.value, "host": origin.hostname}
        with tracing.span(f"proxy {request.method}", parent, path=origin.path, **about) as span:
            response = await self._counted(request, route)
            span.set(status=response.status)
            return response

    async def _counted(self, request: web.BaseRequest, route: Route) -> web.StreamResponse:
        if self._requests >= self._config.limits.requests:
            raise too_busy("requests")
        self._requests += 1
        self._metrics.under_way.labels("request").set(self._requests)
        try:
            return await self._handler.carry_out(request, route)
        finally:
            self._requests -= 1
            self._metrics.under_way.labels("request").set(self._requests)

    async def _connect(self, request: web.BaseRequest, route: Route) -> web.StreamResponse:
        if len(self._tunnels) >= self._config.limits.tunnels:
            raise too_busy("tunnels")
        job = asyncio.current_task()
        assert job is not None
        intercepts = route.way is Way.INTERCEPT and self._interceptor is not None
        # Intercepted ones are ended in good order by the interceptor.
        if not intercepts:
            self._tunnels.add(job)
        self._metrics.under_way.labels("tunnel").inc()
        try:
            if intercepts:
                assert self._interceptor is not None
                return await self._interceptor.intercept(request, route.url)
            host, port = split_authority(route.url, 443)
            return await open_tunnel(
                request,
                host,
                port,
                connect_timeout_s=self._config.connect_timeout_s,
                idle_s=self._config.tunnel_idle_s,
            )
        finally:
            self._tunnels.discard(job)
            self._metrics.under_way.labels("tunnel").dec()


def _server_tls(config: ProxyConfig) -> ssl.SSLContext | None:
    security = config.security
    if security.insecure or security.cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(security.cert, security.key)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
        raise ConfigError(f"proxy.security.cert: {security.cert}: {reason}") from error
    return context
