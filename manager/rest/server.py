"""Serves the table of routes: who asks, may they, is the input sound, then the handler and its answer.

Every request passes here in the same order: principal, permission, cross-site check, query, body,
handler, audit. What a handler raises becomes a 4xx or, if it is a bug, a 500 without details.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from dfcore.errors import BadInput, MeganeuraError, Unavailable
from dfinfra.http import HttpServer
from dfinfra.logs import get_logger
from dfinfra.metrics import SECONDS_BUCKETS, Counter, Histogram
from manager.auth import audit
from manager.auth.identify import Identifier
from manager.auth.principal import ANONYMOUS, Principal
from manager.parts import Core
from manager.rest import live
from manager.rest.paging import links
from manager.rest.problems import Conflict, Invalid, failure, invalid, refused
from manager.rest.routes import Call, Page, Route

log = get_logger("rest")

_CHANGES_NOTHING = ("GET", "HEAD", "OPTIONS")
_PAGE = TypeAdapter(list[Any])


class RestServer:
    """The REST API and whatever else is in the table, at one address."""

    name = "rest"

    def __init__(
        self,
        core: Core,
        routes: Sequence[Route],
        identifier: Identifier,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._core = core
        self._identifier = identifier
        listen = core.config.server.rest
        self.app = web.Application(
            middlewares=[_harden], client_max_size=max(r.max_body_bytes for r in routes)
        )
        self.app[live.ENDS] = set()
        self.app.on_shutdown.append(live.end_all)
        self._requests = Counter(
            "meganeura_manager_requests",
            "Requests by route and status.",
            ["route", "method", "status"],
            registry=core.metrics,
        )
        self._seconds = Histogram(
            "meganeura_manager_request_seconds",
            "How long answers took.",
            ["route"],
            buckets=SECONDS_BUCKETS,
            registry=core.metrics,
        )
        self._add(routes)
        self._server = HttpServer(
            self.name,
            self.app,
            listen.ip,
            listen.port,
            tls=tls,
            grace_s=core.config.server.grace_s,
        )

    @property
    def port(self) -> int:
        """The port it listens at, once started."""
        return self._server.port

    async def start(self) -> None:
        """Bind and serve."""
        await self._server.start()

    async def stop(self) -> None:
        """Let requests end, then close."""
        await self._server.stop()

    def _add(self, routes: Iterable[Route]) -> None:
        for route in routes:
            handler = self._handler(route)
            if route.method == "GET":
                self.app.router.add_get(route.path, handler)
            else:
                self.app.router.add_route(route.method, route.path, handler)

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            began = time.monotonic()
            response = await self._guarded(route, request)
            self._requests.labels(route.path, route.method, str(response.status)).inc()
            self._seconds.labels(route.path).observe(time.monotonic() - began)
            return response

        return handle

    async def _guarded(self, route: Route, request: web.Request) -> web.StreamResponse:
        draft = _draft(route, request)
        try:
            with audit.under(draft):
                response = await self._serve(route, request, draft)
        except web.HTTPException as error:
            response = failure(error.status, error.reason)
        except MeganeuraError as error:
            response = refused(error)
        except IntegrityError:
            response = refused(Conflict("the name is taken, or something still refers to it"))
        except DataError:
            response = refused(BadInput("a text has a NUL character, or is too long to be kept"))
        except OperationalError as error:
            log.error("database does not answer", reason=type(error.orig).__name__)
            response = refused(Unavailable("the database does not answer", retry_after_s=5))
        except Exception:
            log.exception("request failed", route=route.path, method=route.method)
            response = failure(500, "this is a fault of the manager; its log says more")
        if draft is not None and not draft.written:
            await self._write_down(draft, response.status)
        return response

    async def _write_down(self, draft: audit.Draft, status: int) -> None:
        """What changed nothing, or was refused, is written down on its own."""
        try:
            await self._core.database.run(lambda session: audit.write(session, draft, status))
        except OperationalError:
            log.error("not written down", path=draft.path, actor=draft.actor_name)

    async def _serve(
        self, route: Route, request: web.Request, draft: audit.Draft | None
    ) -> web.StreamResponse:
        principal = await self._principal(route, request)
        if draft is not None:
            draft.by(principal)
        if route.permission is not None:
            principal.must(route.permission)
        if route.method not in _CHANGES_NOTHING:
            self._identifier.check_origin(request, principal)
        call = Call(self._core, request, principal)
        if route.query is not None:
            call = replace(call, query=_query(route.query, request))
        if route.body is not None and not route.formless:
            call = replace(call, body=await _body(route, request))
            if draft is not None:
                draft.tell(call.body)
        return _response(request, route, await route.handler(call))

    async def _principal(self, route: Route, request: web.Request) -> Principal:
        try:
            return await self._identifier.identify(request)
        except MeganeuraError:
            if route.permission is None:
                return ANONYMOUS
            raise


def _draft(route: Route, request: web.Request) -> audit.Draft | None:
    if route.method in _CHANGES_NOTHING or not route.audited:
        return None
    return audit.Draft(operation=route.method, path=request.path.replace("\0", "\ufffd")[:1024])


def _query(kind: type[BaseModel], request: web.Request) -> BaseModel:
    values: dict[str, Any] = {}
    for name in request.query:
        field = kind.model_fields.get(name)
        if field is not None:
            repeated = str(field.annotation).startswith(("list", "tuple"))
            found = request.query.getall(name)
            values[name] = found if repeated else found[-1]
    try:
        return kind.model_validate_strings(values)
    except ValidationError as error:
        raise invalid("query", error) from None


async def _body(route: Route, request: web.Request) -> BaseModel:
    assert route.body is not None
    length = request.content_length
    if length is not None and length > route.max_body_bytes:
        raise web.HTTPRequestEntityTooLarge(route.max_body_bytes, length)
    raw = await request.read()
    if not raw:
        raw = b"{}"
    try:
        return route.body.model_validate_json(raw)
    except ValidationError as error:
        raise invalid("body", error) from None
    except RecursionError:
        raise Invalid("body: nested too deeply") from None


def _response(request: web.Request, route: Route, given: Any) -> web.StreamResponse:
    if isinstance(given, web.StreamResponse):
        return given
    headers: dict[str, str] = {}
    if given is None:
        return web.Response(status=route.status)
    if isinstance(given, Page):
        headers = links(request, given.total)
        given = list(given.items)
    if isinstance(given, BaseModel):
        text = given.model_dump_json()
    elif isinstance(given, list):
        text = _PAGE.dump_json(given, serialize_as_any=True).decode()
    else:
        text = json.dumps(given)
    return web.Response(
        status=route.status, text=text, content_type="application/json", headers=headers
    )


@web.middleware
async def _harden(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """What every answer carries, and what requests outside of the table get."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        response = failure(error.status, error.reason)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        if "Location" in error.headers:
            response.headers["Location"] = error.headers["Location"]
    except BadInput as error:
        response = refused(error)
    if not response.prepared:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        if response.content_type == "application/json":
            response.headers.setdefault("Cache-Control", "no-store")
    return response
