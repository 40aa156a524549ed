"""Reads for pages: the rows of the REST table, called in this process as the same person.

A page sees what REST answers, after REST's own check of rights and of parameters; nothing is fetched
over a socket. Writes are not made here: the browser sends them to REST itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from aiohttp import web

from dfcore.errors import NotFound
from manager.rest.routes import Call, Page, Route

_PART = re.compile(r"\{([a-z_]+)(:[^{}]+)?\}")


class Inner:
    """The page's request with the path and the parts of another one."""

    def __init__(self, request: web.Request, path: str, parts: dict[str, str]) -> None:
        self._request = request
        self.path = path
        self.match_info = parts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)


class Rest:
    """The GET rows of the table."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = [
            (re.compile(_PART.sub(_group, route.path) + r"\Z"), route)
            for route in routes
            if route.method == "GET" and route.documented
        ]

    def has(self, path: str) -> bool:
        """Whether any row answers this."""
        return any(pattern.match(path) for pattern, _ in self._routes)

    async def get(self, call: Call, path: str, **query: Any) -> Any:
        """What REST answers: models, or a `Page` of them. Raises what the handler raises."""
        for pattern, route in self._routes:
            found = pattern.match(path)
            if found is None:
                continue
            if route.permission is not None:
                call.principal.must(route.permission)
            asked = None if route.query is None else route.query.model_validate(query)
            request = cast(web.Request, Inner(call.request, path, found.groupdict()))
            return await route.handler(Call(call.core, request, call.principal, asked))
        raise NotFound(f"this manager has no {path}")

    async def rows(self, call: Call, path: str, **query: Any) -> list[Any]:
        """The items of a list, paged or not."""
        answer = await self.get(call, path, **query)
        return list(answer.items if isinstance(answer, Page) else answer or ())


def _group(part: re.Match[str]) -> str:
    return f"(?P<{part[1]}>{(part[2] or ':[^/]+')[1:]})"
