"""The core's own part: people, clusters, settings, and the document of the API."""

from __future__ import annotations

import json

from aiohttp import web

from dfinfra.services import Closing
from manager.auth.identify import Identifier
from manager.parts import Core, Part
from manager.rest import clusters, instances, records, roles, teams, tokens
from manager.rest.document import document
from manager.rest.federated import Federated
from manager.rest.routes import Call, Route
from manager.rest.session import Sessions
from manager.rest.users import Users


def part(core: Core) -> Part:
    """Routes and services of the core."""
    sessions = Sessions(core, Identifier(core.config, core.database))

    async def close() -> None:
        sessions.pool.close()

    return Part(
        routes=(
            *sessions.routes(),
            *Federated(core, sessions).routes(),
            *Users(sessions.pool).routes(),
            *roles.routes(),
            *teams.routes(),
            *tokens.routes(),
            *clusters.routes("/api/v1/clusters"),
            *clusters.history_routes(),
            *clusters.routes("/oapi/v1/clusters"),
            *instances.routes(),
            *records.routes(),
            Route("GET", "/healthy", None, healthy, "Whether the manager serves", documented=False),
        ),
        services=(Closing("passwords", close),),
    )


def document_routes(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """The document of all other routes, where our and Dragonfly's users look for it."""
    text = json.dumps(document(routes), ensure_ascii=False)

    async def show(_: Call) -> web.Response:
        return web.Response(text=text, content_type="application/json")

    return tuple(
        Route("GET", path, None, show, "The OpenAPI document", documented=False)
        for path in ("/api/v1/openapi.json", "/swagger/doc.json")
    )


async def healthy(_: Call) -> web.Response:
    """As Dragonfly's manager answers it."""
    return web.Response(text="OK")
