"""Who makes a request: a session's cookie, a token in the Authorization header, or nobody.

A cookie is sent by the browser whoever wrote the page, so a change with a cookie must carry what
only our own pages know (``X-CSRF-Token``), and must come from our own origin. Tokens are sent on
purpose and need neither.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from aiohttp import web

from dfcore.errors import Denied, Unauthorized
from manager.auth import accounts
from manager.auth.principal import ANONYMOUS, Principal
from manager.auth.secrets import SESSION_PREFIX, TOKEN_PREFIX, csrf_of, same
from manager.config import ManagerConfig
from manager.db.database import Database

SESSION_COOKIE = "meganeura_session"
CSRF_COOKIE = "meganeura_csrf"
PROBLEM_COOKIE = "meganeura_problem"
"""Why a sign-in elsewhere came to nothing, for the page of sign-in. Not in the page's address, where
anybody could put words into our mouth."""
CSRF_HEADER = "X-CSRF-Token"


class Identifier:
    """Finds the principal of a request."""

    def __init__(self, config: ManagerConfig, database: Database) -> None:
        self._config = config
        self._database = database
        self._idle = timedelta(seconds=config.auth.session_s)
        self._longest = timedelta(seconds=config.auth.session_max_s)

    async def identify(self, request: web.Request) -> Principal:
        """The principal. Raises Unauthorized for a token or cookie that is not valid (any more)."""
        token = sent_token(request)
        if not token:
            return ANONYMOUS
        if token.startswith(SESSION_PREFIX):
            found = await self._database.read(lambda s: accounts.by_session(s, token))
        elif token.startswith(TOKEN_PREFIX):
            found = await self._database.read(lambda s: accounts.by_token(s, token))
        else:
            found = None
        if found is None:
            raise Unauthorized("the session or token is not valid, or has ended")
        principal, stale = found
        if stale:
            await self._database.run(lambda s: accounts.touch(s, token, self._idle, self._longest))
        return principal

    def check_origin(self, request: web.Request, principal: Principal) -> None:
        """Raises Denied for a change that a page of somebody else may have sent."""
        if bearer(request):
            return
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc not in self._own_hosts(request):
            raise Denied("this request comes from a page of another site")
        if request.headers.get("Sec-Fetch-Site") == "cross-site":
            raise Denied("this request comes from a page of another site")
        cookie = request.cookies.get(SESSION_COOKIE)
        if cookie and principal.via == "session":
            sent = request.headers.get(CSRF_HEADER, "")
            if not same(sent, csrf_of(cookie)):
                raise Denied(f"the header {CSRF_HEADER} is missing or not this session's")

    def _own_hosts(self, request: web.Request) -> set[str]:
        own = urlsplit(self._config.server.public_url).netloc
        return {request.host, own} - {""}

    def address(self, request: web.Request) -> str:
        """The client's address, as far as the configured proxies can be believed."""
        count = self._config.server.trusted_proxies
        if count > 0:
            chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
            if len(chain) >= count and chain[-count]:
                return chain[-count][:64]
        return request.remote or ""


def bearer(request: web.Request) -> str:
    """The token in the Authorization header, or (Dragonfly's open API) in the query."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() in ("bearer", "token") and token.strip():
        return token.strip()
    return request.query.get("access_token", "").strip()


def sent_token(request: web.Request) -> str:
    """The token that the request shows, from wherever."""
    return bearer(request) or request.cookies.get(SESSION_COOKIE, "")
