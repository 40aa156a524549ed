"""Signing in at a provider: the way there (``…/signin/NAME``) and back (``…/callback``)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.orm import Session

from dfcore.errors import Denied, MeganeuraError, NotFound, Unauthorized
from dfinfra.redact import redact_text
from manager.auth import audit
from manager.auth.identify import PROBLEM_COOKIE
from manager.auth.oidc import Provider
from manager.auth.secrets import same
from manager.db.users import ENABLED, User
from manager.parts import Core
from manager.rest.routes import Answer, Call, Route
from manager.rest.session import Sessions

COOKIE = "meganeura_oidc"
_MINUTES = 10
_PATH = "/api/v1/users/signin"


class ProviderAnswer(Answer):
    """A provider that people can sign in at."""

    name: str
    title: str
    url: str


class Federated:
    """The handlers."""

    def __init__(self, core: Core, sessions: Sessions) -> None:
        self._core = core
        self._sessions = sessions
        self._providers = {one.name: Provider(one) for one in core.config.auth.oidc}

    async def listing(self, call: Call) -> list[ProviderAnswer]:
        return [
            ProviderAnswer(name=name, title=one.config.title or name, url=f"{_PATH}/{name}")
            for name, one in self._providers.items()
        ]

    async def begin(self, call: Call) -> web.Response:
        """Off to the provider."""
        return await self._for_people(call, self._begin)

    async def finish(self, call: Call) -> web.Response:
        """Back from the provider: a session, and on to the console."""
        return await self._for_people(call, self._finish)

    async def _for_people(
        self, call: Call, handler: Callable[[Call], Awaitable[web.Response]]
    ) -> web.Response:
        """Browsers come here by links: what goes wrong is told on the page of sign-in, not as JSON."""
        try:
            return await handler(call)
        except MeganeuraError as error:
            if "text/html" not in call.request.headers.get("Accept", ""):
                raise
            answer = web.Response(status=303, headers={"Location": "/signin"})
            answer.set_cookie(
                PROBLEM_COOKIE,
                quote(redact_text(str(error))[:300]),
                max_age=60,
                path="/signin",
                httponly=True,
                samesite="Lax",
                secure=self._sessions.is_secure(call.request),
            )
            return answer

    async def _begin(self, call: Call) -> web.Response:
        provider = self._provider(call)
        url, kept = await provider.begin(self._back(call, provider))
        answer = web.Response(status=302, headers={"Location": url})
        answer.set_cookie(
            COOKIE,
            base64.urlsafe_b64encode(json.dumps(kept).encode()).decode(),
            max_age=60 * _MINUTES,
            path=_PATH,
            httponly=True,
            samesite="Lax",
            secure=self._sessions.is_secure(call.request),
        )
        return answer

    async def _finish(self, call: Call) -> web.Response:
        provider, query = self._provider(call), call.request.query
        kept = _kept(call.request)
        if not same(query.get("state", ""), kept["state"]):
            raise Unauthorized("this sign-in was not begun here; try again")
        if "code" not in query:
            raise Unauthorized(f"{provider.config.name} refused the sign-in")
        claims = await provider.finish(self._back(call, provider), query["code"], kept)
        user = await self._core.database.run(lambda s: _user(s, provider, claims))
        if user.state != ENABLED:
            raise Denied("this user is disabled")
        token = await self._sessions.token_for(user.id, user.name)
        answer = web.Response(status=302, headers={"Location": "/"})
        self._sessions.set_cookies(call.request, answer, token)
        answer.del_cookie(COOKIE, path=_PATH)
        return answer

    def _provider(self, call: Call) -> Provider:
        provider = self._providers.get(call.text("name"))
        if provider is None:
            raise NotFound("there is no such provider of sign-in (auth.oidc)")
        return provider

    def _back(self, call: Call, provider: Provider) -> str:
        base = self._core.config.server.public_url.rstrip("/")
        if not base:
            base = f"{call.request.scheme}://{call.request.host}"
        return f"{base}{_PATH}/{provider.config.name}/callback"

    def routes(self) -> tuple[Route, ...]:
        """Their rows in the table."""
        one = _PATH + "/{name}"
        return (
            Route(
                "GET",
                "/api/v1/users/providers",
                None,
                self.listing,
                "Where else one can sign in",
                answer=list[ProviderAnswer],
            ),
            Route("GET", one, None, self.begin, "Sign in elsewhere", documented=False),
            Route("GET", one + "/callback", None, self.finish, "Back from there", documented=False),
        )


def _kept(request: web.Request) -> dict[str, str]:
    try:
        raw = base64.urlsafe_b64decode(request.cookies.get(COOKIE, ""))
        kept = json.loads(raw)
        return {name: str(kept[name]) for name in ("state", "nonce", "verifier")}
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise Unauthorized("this sign-in was not begun here, or too long ago") from None


def _user(session: Session, provider: Provider, claims: Mapping[str, Any]) -> User:
    """The provider's user: known by the subject, made at the first sign-in, roles as they are now."""
    subject = f"{provider.config.name} {claims['sub']}"[:320]
    user = session.scalar(select(User).where(User.subject == subject))
    if user is None:
        name = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])
        user = User(
            name=_free_name(session, name, provider.config.name),
            subject=subject,
            provider=provider.config.name,
        )
        session.add(user)
    user.email = str(claims.get("email") or "")[:256]
    user.roles = provider.roles(claims)
    session.flush()
    audit.note(user=user.name)
    return user


def _free_name(session: Session, wanted: str, provider: str) -> str:
    """A name that nobody has: a local user is never taken over by its name."""
    base = re.sub(r"[^\w.@+-]", "-", wanted)[:64] or "user"
    for name in (base, f"{base}@{provider}", *(f"{base}-{n}" for n in range(2, 1000))):
        if session.scalar(select(User.id).where(User.name == name)) is None:
            return name
    raise Denied("no name is free for this user")
