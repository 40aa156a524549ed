"""The core's own part: people, clusters and settings, the document of the API, and gRPC."""

from __future__ import annotations

from dfinfra.services import Closing
from manager.auth.identify import Identifier
from manager.parts import Core, Part
from manager.rest.session import Sessions


def part(core: Core) -> Part:
    """Routes and services of the core."""
    sessions = Sessions(core, Identifier(core.config, core.database))

    async def close() -> None:
        sessions.pool.close()

    return Part(
        routes=(*sessions.routes(),),
        services=(Closing("passwords", close),),
    )
