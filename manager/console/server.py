"""Pages as rows of the REST table: who looks, may they, fill the template, say what browsers may load.

Those who have not signed in are led to `/signin`; those who may not see a page are told so on a page.
`?_live=1` answers the fresh blocks and the data of a page as JSON.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from aiohttp import web

from dfcore.errors import MeganeuraError
from manager.auth.identify import PROBLEM_COOKIE
from manager.console.assets import PREFIX, Assets
from manager.console.nav import menu_for
from manager.console.page import ConsolePage, Visit
from manager.console.render import Renderer
from manager.console.rest import Rest
from manager.observe.collector import Collector
from manager.rest.routes import Call, Route

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SECURE = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
_THEMES = ("light", "dark")


class Console:
    """`table` gives all rows of the manager, once they are known."""

    def __init__(self, collector: Collector, table: Callable[[], Sequence[Route]]) -> None:
        self._collector = collector
        self._table = table
        self._rest: Rest | None = None
        self._assets = Assets()
        self._renderer = Renderer(self._assets)

    @property
    def rest(self) -> Rest:
        if self._rest is None:
            self._rest = Rest(self._table())
        return self._rest

    def routes(self, pages: Sequence[ConsolePage]) -> tuple[Route, ...]:
        """The pages, and what they load."""
        rows = [_row(page.path, self._handler(page), page.title) for page in pages]
        rows.append(_row("/signin", self._sign_in, "The sign-in page."))
        rows.append(_row(PREFIX + "/{tag}/{name:.+}", self._asset, "Style, scripts and fonts."))
        return tuple(rows)

    # Pages

    def _handler(self, page: ConsolePage) -> Callable[[Call], Awaitable[web.Response]]:
        async def handle(call: Call) -> web.Response:
            live = "_live" in call.request.query
            if not call.principal.known:
                return self._stranger(call, live=live)
            visit = Visit(call, self.rest, self._collector, live)
            try:
                call.principal.must(page.permission)
                context = await page.load(visit)
            except MeganeuraError as error:
                return self._failed(visit, page, error)
            return self._answer(visit, page, context)

        return handle

    def _answer(self, visit: Visit, page: ConsolePage, context: dict[str, Any]) -> web.Response:
        if "forward" in context:
            return web.Response(status=303, headers={"Location": context["forward"], **_SECURE})
        if not page.template:
            return web.json_response(context["answer"], headers=_SECURE)
        whole = self._shared(visit, page) | context
        if visit.live:
            parts = self._renderer.blocks(page.template, page.live, whole)
            body = {"parts": parts, "data": context.get("data")}
            response = web.json_response(body, headers=_SECURE)
        else:
            response = _html(self._renderer.page(page.template, whole))
        response.enable_compression()
        return response

    def _shared(self, visit: Visit, page: ConsolePage) -> dict[str, Any]:
        """What the frame around every page shows."""
        path = page.nav or page.path
        groups = menu_for(visit.principal)
        return {
            "page": page,
            "title": page.title,
            "path": path,
            "menu": groups,
            "who": visit.principal,
            "may": visit.principal.may,
            "theme": _theme(visit.call.request),
            "data": None,
            "here": visit.call.request.path_qs,
        }

    def _failed(self, visit: Visit, page: ConsolePage, error: MeganeuraError) -> web.Response:
        if visit.live:
            return web.json_response(
                {"message": str(error)}, status=error.http_status, headers=_SECURE
            )
        context = self._shared(visit, page) | {"problem": str(error), "status": error.http_status}
        response = _html(self._renderer.page("error.html", context), status=error.http_status)
        response.enable_compression()
        return response

    # Around the pages

    def _stranger(self, call: Call, *, live: bool) -> web.Response:
        if live:
            return web.json_response({"message": "sign in"}, status=401, headers=_SECURE)
        path = call.request.path_qs
        target = "/signin" if path == "/" else f"/signin?next={quote(path, safe='')}"
        return web.Response(status=303, headers={"Location": target, **_SECURE})

    async def _sign_in(self, call: Call) -> web.Response:
        forward = local_path(call.request.query.get("next", ""))
        if call.principal.known:
            return web.Response(status=303, headers={"Location": forward, **_SECURE})
        auth = call.core.config.auth
        context = {
            "theme": _theme(call.request),
            "forward": forward,
            "providers": auth.oidc,
            "sign_up": auth.sign_up,
            "problem": unquote(call.request.cookies.get(PROBLEM_COOKIE, ""))[:300],
        }
        response = _html(self._renderer.page("signin.html", context))
        response.del_cookie(PROBLEM_COOKIE, path="/signin")
        response.enable_compression()
        return response

    async def _asset(self, call: Call) -> web.Response:
        parts = call.request.match_info
        accepted = call.request.headers.get("Accept-Encoding", "")
        return self._assets.answer(parts["tag"], parts["name"], accepted)


def local_path(path: str) -> str:
    """A path of this site, and nothing that a browser takes for another one."""
    parts = urlsplit(path.replace("\\", "/"))
    fine = path.startswith("/") and not path.startswith(("//", "/\\"))
    fine = fine and not parts.netloc and not parts.scheme and path.isprintable()
    return path if fine and not path.startswith("/signin") else "/"


def _row(path: str, handler: Any, summary: str) -> Route:
    return Route("GET", path, None, handler, summary, documented=False, tag="console")


def _html(text: str, *, status: int = 200, headers: Mapping[str, str] = _SECURE) -> web.Response:
    return web.Response(
        status=status, text=text, content_type="text/html", charset="utf-8", headers=headers
    )


def _theme(request: web.Request) -> str:
    theme = request.cookies.get("theme", "")
    return theme if theme in _THEMES else ""
