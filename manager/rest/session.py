"""Signing in and out, and who one is: ``/api/v1/users/signin`` and its neighbours.

Cookies are for browsers, the token in the answer for scripts (``Authorization: Bearer …``), as
Dragonfly's scripts use it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from aiohttp import web
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from dfcore.errors import Denied, Unauthorized
from dfinfra.offload import Pool
from manager.auth import accounts, audit, throttle
from manager.auth.identify import (
    CSRF_COOKIE,
    SESSION_COOKIE,
    Identifier,
    sent_token,
)
from manager.auth.permissions import Role
from manager.auth.secrets import csrf_of, hash_password, needs_rehash, verify_password
from manager.db.users import ENABLED, User
from manager.parts import Core
from manager.rest.routes import Answer, Call, Route, Wish

ShortText = Annotated[str, Field(max_length=256)]
Password = Annotated[str, Field(min_length=8, max_length=128)]
UserName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][\w.@+-]*$")]


class SignIn(Wish):
    """Name and password."""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    password: Annotated[str, Field(min_length=1, max_length=128)]


class SignUp(Wish):
    """A new user."""

    name: UserName
    password: Password
    email: Annotated[str, Field(max_length=256)] = ""
    phone: ShortText = ""
    avatar: ShortText = ""
    location: ShortText = ""
    bio: Annotated[str, Field(max_length=1024)] = ""


class SignedIn(Answer):
    """The session: its token for scripts, and what changes by cookie must send along."""

    code: int = 200
    token: str
    expire: datetime
    csrf_token: str


class Me(Answer):
    """Who one is, and what one may."""

    id: int
    name: str
    roles: list[str]
    permissions: list[str]
    teams: list[int]
    via: str


class SignedUp(Answer):
    """The user that was made."""

    id: int
    name: str
    email: str
    state: str
    created_at: datetime


class Sessions:
    """The handlers, with the pool that hashes passwords."""

    def __init__(self, core: Core, identifier: Identifier) -> None:
        self._core = core
        self._identifier = identifier
        # Each hash takes 19 MiB for 30 ms: two at a time.
        self.pool = Pool("passwords", 2)
        self._idle = timedelta(seconds=core.config.auth.session_s)

    async def sign_in(self, call: Call) -> web.Response:
        wish = call.body_as(SignIn)
        keys = throttle.keys(wish.name, self._identifier.address(call.request))
        database = self._core.database
        await database.read(lambda session: throttle.check(session, keys))
        user = await database.read(
            lambda session: session.scalar(select(User).where(User.name == wish.name))
        )
        kept = user.password_hash if user is not None else ""
        if not await self.pool.run(verify_password, kept, wish.password) or user is None:
            await database.run(lambda session: throttle.failed(session, keys))
            raise Unauthorized("the name or the password is wrong")
        if user.state != ENABLED:
            raise Denied("this user is disabled")
        if needs_rehash(kept):
            await self._keep(user.id, await self.pool.run(hash_password, wish.password))
        return await self.open(call.request, user.id, user.name, keys)

    async def open(
        self, request: web.Request, user_id: int, name: str, keys: tuple[str, ...] = ()
    ) -> web.Response:
        """Open a session and answer with it; also after a sign-in elsewhere."""

        def work(session: Session) -> tuple[str, datetime]:
            throttle.forget(session, keys)
            audit.note(user=name)
            return accounts.open_session(session, user_id, self._idle)

        token, expires = await self._core.database.run(work)
        body = SignedIn(token=token, expire=expires, csrf_token=csrf_of(token))
        answer = web.Response(text=body.model_dump_json(), content_type="application/json")
        self.set_cookies(request, answer, token)
        return answer

    async def token_for(self, user_id: int, name: str) -> str:
        """A new session's token, for one who signed in elsewhere."""

        def work(session: Session) -> str:
            audit.note(user=name)
            return accounts.open_session(session, user_id, self._idle)[0]

        return await self._core.database.run(work)

    def is_secure(self, request: web.Request) -> bool:
        """Whether the browser reaches us over HTTPS, perhaps through a proxy that ends it."""
        return request.secure or self._core.config.server.public_url.startswith("https:")

    def set_cookies(self, request: web.Request, answer: web.Response, token: str) -> None:
        """The session's cookie, out of reach of scripts, and the one that pages read."""
        secure = self.is_secure(request)
        longest = int(self._core.config.auth.session_max_s)
        for name, value, hidden in (
            (SESSION_COOKIE, token, True),
            (CSRF_COOKIE, csrf_of(token), False),
        ):
            answer.set_cookie(
                name,
                value,
                max_age=longest,
                path="/",
                httponly=hidden,
                secure=secure,
                samesite="Lax",
            )

    async def sign_out(self, call: Call) -> web.Response:
        token = sent_token(call.request)
        if token:
            await self._core.database.run(lambda s: accounts.close_session(s, token))
        answer = web.json_response({"code": 200})
        for name in (SESSION_COOKIE, CSRF_COOKIE):
            answer.del_cookie(name, path="/")
        return answer

    async def sign_up(self, call: Call) -> SignedUp:
        if not self._core.config.auth.sign_up:
            raise Denied("sign-up is off (auth.signUp); root makes users")
        wish = call.body_as(SignUp)
        hashed = await self.pool.run(hash_password, wish.password)

        def work(session: Session) -> User:
            values = wish.model_dump(exclude={"password"})
            user = User(**values, password_hash=hashed, roles=[Role.GUEST.value])
            session.add(user)
            session.flush()
            return user

        return SignedUp.model_validate(await self._core.database.run(work))

    async def refresh(self, call: Call) -> SignedIn:
        """The same session, used just now."""
        token = sent_token(call.request)
        if call.principal.via != "session":
            raise Unauthorized("only a session can be refreshed")

        def work(session: Session) -> datetime:
            config = self._core.config.auth
            longest = timedelta(seconds=config.session_max_s)
            accounts.touch(session, token, self._idle, longest)
            return accounts.session_end(session, token)

        expires = await self._core.database.run(work)
        return SignedIn(token=token, expire=expires, csrf_token=csrf_of(token))

    async def me(self, call: Call) -> Me:
        who = call.principal
        return Me(
            id=who.user_id,
            name=who.name,
            roles=sorted(who.roles),
            permissions=sorted(who.permissions),
            teams=sorted(who.teams),
            via=who.via,
        )

    async def _keep(self, user_id: int, hashed: str) -> None:
        def work(session: Session) -> None:
            user = session.get(User, user_id)
            if user is not None:
                user.password_hash = hashed

        await self._core.database.run(work)

    def routes(self) -> tuple[Route, ...]:
        """Their rows in the table."""
        users = "/api/v1/users"
        return (
            Route(
                "POST",
                f"{users}/signin",
                None,
                self.sign_in,
                "Sign in",
                body=SignIn,
                answer=SignedIn,
                refusals={401: "wrong name or password", 429: "too many failures of late"},
            ),
            Route("POST", f"{users}/signout", None, self.sign_out, "Sign out", answer=Code),
            Route(
                "POST", f"{users}/signup", None, self.sign_up, "Sign up", SignUp, answer=SignedUp
            ),
            Route(
                "POST",
                f"{users}/refresh_token",
                "profile:read",
                self.refresh,
                "Make the session last longer",
                answer=SignedIn,
                audited=False,
            ),
            Route("GET", f"{users}/me", "profile:read", self.me, "Who am I", answer=Me),
        )


class Code(Answer):
    """A bare acknowledgement, as Dragonfly's sign-out gives it."""

    code: int = 200
