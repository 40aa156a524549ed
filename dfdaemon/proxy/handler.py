"""One request's way through the proxy: admit, route, make a reply, carry it out.

The server feeds it plain connections, the interceptor those inside tunnels. It holds no state of a
request between calls; what it shares it was given.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass, replace

from aiohttp import web

from dfcore.errors import (
    BadInput,
    ContentChanged,
    Denied,
    MeganeuraError,
    NoSpace,
    Unavailable,
    Unsized,
)
from dfdaemon.hub import rewrite
from dfdaemon.hub.config import HubConfig
from dfdaemon.hub.mirror import HubMirror, HubRequest
from dfdaemon.hub.replies import Answer, Pass, Reply, Serve
from dfdaemon.proxy.config import BasicAuthConfig, ProxyConfig
from dfdaemon.proxy.failure import answer_for, plain
from dfdaemon.proxy.headers import DragonflyHeaders, parse_dragonfly
from dfdaemon.proxy.output import Output, Outputs
from dfdaemon.proxy.passthrough import Pairs, forward
from dfdaemon.proxy.prefetch import Prefetcher
from dfdaemon.proxy.response import TaskResponder, render, under_conditions
from dfdaemon.proxy.rules import Route, Rules, Way
from dfdaemon.proxy.swarm import Download, SwarmDoor
from dfdaemon.proxy.target import Form, Target, parse_target
from dfdaemon.proxy.upstream import Upstream
from dfdaemon.task.spec import Headers

# Bodies that are read whole are small questions: path lists and Git LFS batches.
_MAX_READ_BYTES = 16 << 20


@dataclass(frozen=True)
class Doors:
    """Where replies come from and who carries them out."""

    rules: Rules
    mirror: HubMirror
    swarm: SwarmDoor
    insecure_swarm: SwarmDoor
    responder: TaskResponder
    prefetcher: Prefetcher
    outputs: Outputs
    upstream: Upstream


class Handler:
    """``via`` names this proxy towards origins, and shows a request that comes back to it."""

    def __init__(self, config: ProxyConfig, hub: HubConfig, doors: Doors, *, via: str) -> None:
        self._config = config
        self._hub = hub
        self._doors = doors
        self._via = via

    def route(self, request: web.BaseRequest, tunnel: str | None = None) -> Route:
        """The way of a request. Raises BadInput, Denied or, without the password, Refused."""
        if tunnel is None:
            self._check_password(request)
        if any(self._via in value for value in request.headers.getall("Via", [])):
            raise BadInput("the request came back to this proxy: its remote is the proxy itself")
        own, host = own_authorities(request), request.headers.get("Host", "")
        target = parse_target(request.method, request.raw_path, host, own, tunnel)
        route = self._doors.rules.route(
            request.method, target, request.headers, _base(request, target)
        )
        if route.way is Way.DENY:
            raise Denied(route.reason)
        return route

    async def carry_out(self, request: web.BaseRequest, route: Route) -> web.StreamResponse:
        """Answer a request that is no CONNECT."""
        wishes = parse_dragonfly(request.headers)
        output = await self._output(wishes)
        reply = await self._reply(request, route, wishes)
        try:
            return await self._follow(request, route, reply, wishes, output)
        except ContentChanged:
            # Nothing has been sent yet: begin again with what is there now.
            reply = await self._reply(request, route, wishes, anew=True)
            return await self._follow(request, route, reply, wishes, output)

    async def _follow(
        self,
        request: web.BaseRequest,
        route: Route,
        reply: Reply,
        wishes: DragonflyHeaders,
        output: Output | None,
    ) -> web.StreamResponse:
        if isinstance(reply, Answer):
            return render(under_conditions(reply, request), request)
        if isinstance(reply, Pass):
            return await self._pass_on(request, reply.url, route)
        try:
            return await self._serve(request, reply, wishes, output)
        except (NoSpace, Unsized):
            # Rather uncached than not at all. The origin sees the requester's own credentials.
            return await self._pass_on(request, reply.spec.url, route, reply)

    async def _reply(
        self,
        request: web.BaseRequest,
        route: Route,
        wishes: DragonflyHeaders,
        *,
        anew: bool = False,
    ) -> Reply:
        if route.way is Way.HUB:
            reply = await self._doors.mirror.handle(self._hub_request(request, route))
            if isinstance(reply, Serve) and reply.spec.digest is not None:
                # The Hub has named the content: no wish of the client renames it.
                spec = replace(wishes.apply(reply.spec), content=reply.spec.content)
                return replace(reply, spec=spec)
            return reply
        if route.way in (Way.CDN, Way.SWARM):
            door = self._doors.insecure_swarm if route.insecure else self._doors.swarm
            return await door.handle(Download(route, request.headers, wishes), anew=anew)
        return Pass(route.url)

    def _hub_request(self, request: web.BaseRequest, route: Route) -> HubRequest:
        return HubRequest(
            request.method,
            route.url[len(self._hub.base) :],
            Headers(dict(request.headers)),
            lambda: _read_small(request),
            route.authority,
        )

    async def _serve(
        self,
        request: web.BaseRequest,
        reply: Serve,
        wishes: DragonflyHeaders,
        output: Output | None,
    ) -> web.StreamResponse:
        prefetch = self._config.prefetch if wishes.prefetch is None else wishes.prefetch
        if prefetch and "Range" in request.headers:
            self._doors.prefetcher.start(reply.spec)
        return await self._doors.responder.serve(request, reply, output)

    async def _pass_on(
        self, request: web.BaseRequest, url: str, route: Route, reply: Serve | None = None
    ) -> web.StreamResponse:
        """Let the origin answer; with a ``reply`` of the Hub in its place, from where the Hub leads."""
        is_hub = route.way is Way.HUB

        def of_hub(pairs: Pairs) -> Pairs:
            if reply is not None:
                ours = {name.lower() for name, _ in reply.headers}
                pairs = [pair for pair in pairs if pair[0].lower() not in ours] + reply.headers
            return rewrite.rewrite_headers(pairs, self._hub.base, route.authority)

        return await forward(
            request,
            url,
            self._doors.upstream.session,
            via=self._via,
            proxy=self._doors.upstream.proxy,
            tls=self._doors.upstream.trust.context(url, verified=not route.insecure),
            rewrite=of_hub if is_hub else None,
            follow=is_hub and reply is not None,
        )

    async def _output(self, wishes: DragonflyHeaders) -> Output | None:
        if wishes.output_path is None:
            return None
        return await self._doors.outputs.allow(
            wishes.output_path, force_hard_link=wishes.force_hard_link
        )

    def _check_password(self, request: web.BaseRequest) -> None:
        auth = self._config.basic_auth
        if auth is None:
            return
        given = request.headers.get("Proxy-Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, _basic(auth)):
            raise PasswordNeeded("this proxy needs a user name and a password")


class PasswordNeeded(MeganeuraError):  # noqa: N818 - named as the other errors are
    """The client did not send the proxy's password."""

    code = "password_needed"
    http_status = 407
    grpc_code = "UNAUTHENTICATED"


def failure_answer(error: MeganeuraError) -> Answer:
    """The answer that tells a client of an error of the proxy or of what is behind it."""
    answer = answer_for(error)
    if isinstance(error, PasswordNeeded):
        answer = plain(407, str(error))
        answer.headers.append(("Proxy-Authenticate", 'Basic realm="meganeura"'))
    return answer


def too_busy(what: str) -> MeganeuraError:
    """The error for a request above the limits."""
    return Unavailable(f"this proxy has as many {what} as it takes", retry_after_s=1)


def own_authorities(request: web.BaseRequest) -> frozenset[str]:
    """The authorities by which the client may have addressed us on this connection."""
    name = request.transport.get_extra_info("sockname") if request.transport else None
    if not isinstance(name, tuple):
        return frozenset()
    host, port = name[0], name[1]
    hosts = {host, f"[{host}]" if ":" in host else host}
    if host in ("127.0.0.1", "::1"):
        hosts |= {"localhost", "127.0.0.1", "[::1]"}
    usual = {h for h in hosts if port == 80}
    return frozenset({f"{h}:{port}" for h in hosts} | usual)


def _base(request: web.BaseRequest, target: Target) -> str:
    if target.form is not Form.ORIGIN or not target.authority:
        return ""
    scheme = "https" if request.secure else "http"
    return f"{scheme}://{target.authority}"


def _basic(auth: BasicAuthConfig) -> bytes:
    return b"Basic " + base64.b64encode(f"{auth.username}:{auth.password}".encode())


async def _read_small(request: web.BaseRequest) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > _MAX_READ_BYTES:
            raise BadInput(f"the request body is larger than {_MAX_READ_BYTES} bytes")
    return bytes(body)
