"""Personal access tokens: for scripts, with scopes and an end. The token itself is shown once.

A token may what its user may, as far as its scopes go. Everybody handles their own; root sees all
of them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from dfcore.errors import Denied, NotFound
from manager.auth import audit
from manager.auth.permissions import is_scope, opened_by
from manager.auth.principal import Principal
from manager.auth.secrets import TOKEN_PREFIX, hash_token, new_token
from manager.db.base import now
from manager.db.users import AccessToken
from manager.rest.paging import equal_to, page
from manager.rest.problems import Invalid
from manager.rest.routes import MAX_ID, Answer, Call, Page, Query, Route, Wish

Scopes = Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=64)]
Title = Annotated[str, Field(min_length=1, max_length=256)]
Bio = Annotated[str, Field(max_length=1024)]
State = Literal["active", "inactive"]


class NewToken(Wish):
    """A token. ``user_id`` may be left out; only root names another user."""

    name: Title
    bio: Bio = ""
    scopes: Scopes
    expired_at: AwareDatetime
    user_id: Annotated[int, Field(ge=0, le=MAX_ID)] = 0


class TokenPatch(Wish):
    """What of a token is to change."""

    bio: Bio | None = None
    scopes: Scopes | None = None
    state: State | None = None
    expired_at: AwareDatetime | None = None


class TokenAnswer(Answer):
    """A token, without itself."""

    id: int
    name: str
    bio: str
    scopes: list[str]
    state: str
    expired_at: datetime
    last_used_at: datetime | None
    user_id: int
    created_at: datetime
    updated_at: datetime


class MadeToken(TokenAnswer):
    """A token that was just made; ``token`` is never shown again."""

    token: str


class TokenQuery(Query):
    """Which tokens."""

    name: str | None = None
    state: State | None = None
    user_id: int | None = None


def _check(call: Call, scopes: list[str] | None, expires: datetime | None) -> None:
    for scope in scopes or ():
        if not is_scope(scope):
            raise Invalid(f"scopes: there is no scope {scope}")
    by_token = call.principal.via == "token"
    if scopes and by_token and not opened_by(scopes) <= call.principal.permissions:
        raise Denied("a token makes no token that may more")
    if expires is None:
        return
    longest = timedelta(seconds=call.core.config.auth.token_max_s)
    if not now() < expires <= now() + longest:
        raise Invalid(f"expired_at: must be within {longest.days} days from now")


def _load(session: Session, number: int, who: Principal) -> AccessToken:
    row = session.get(AccessToken, number)
    if row is None or not (row.user_id == who.user_id or who.is_root):
        raise NotFound(f"there is no token {number}")
    return row


async def create(call: Call) -> MadeToken:
    wish = call.body_as(NewToken)
    _check(call, wish.scopes, wish.expired_at)
    owner = wish.user_id or call.principal.user_id
    if owner != call.principal.user_id and not call.principal.is_root:
        raise Denied("only root makes tokens for others")
    token = new_token(TOKEN_PREFIX)

    def work(session: Session) -> MadeToken:
        row = AccessToken(
            name=wish.name,
            bio=wish.bio,
            scopes=wish.scopes,
            expired_at=wish.expired_at,
            token_hash=hash_token(token),
            user_id=owner,
        )
        session.add(row)
        session.flush()
        audit.note(id=row.id)
        shown = TokenAnswer.model_validate(row).model_dump()
        return MadeToken(**shown, token=token)

    return await call.core.database.run(work)


async def update(call: Call) -> TokenAnswer:
    number, patch = call.number(), call.body_as(TokenPatch)
    _check(call, patch.scopes, patch.expired_at)

    def work(session: Session) -> TokenAnswer:
        row = _load(session, number, call.principal)
        for name, value in patch.model_dump(exclude_none=True).items():
            setattr(row, name, value)
        session.flush()
        return TokenAnswer.model_validate(row)

    return await call.core.database.run(work)


async def destroy(call: Call) -> None:
    number = call.number()

    def work(session: Session) -> None:
        row = _load(session, number, call.principal)
        audit.note(name=row.name)
        session.delete(row)

    await call.core.database.run(work)


async def show(call: Call) -> TokenAnswer:
    number = call.number()
    return await call.core.database.read(
        lambda s: TokenAnswer.model_validate(_load(s, number, call.principal))
    )


async def listing(call: Call) -> Page:
    query = call.query_as(TokenQuery)
    statement: Any = equal_to(select(AccessToken).order_by(AccessToken.id), AccessToken, query)
    if not call.principal.is_root:
        statement = statement.where(AccessToken.user_id == call.principal.user_id)
    return await call.core.database.read(
        lambda s: page(s, statement, query, TokenAnswer.model_validate)
    )


def routes() -> tuple[Route, ...]:
    """The rows of the table."""
    tokens = "/api/v1/personal-access-tokens"
    one = tokens + "/{id}"
    read, write = "personal-access-tokens:read", "personal-access-tokens:write"
    return (
        Route("POST", tokens, write, create, "Make a token", NewToken, answer=MadeToken),
        Route("DELETE", one, write, destroy, "Delete a token"),
        Route("PATCH", one, write, update, "Change a token", TokenPatch, answer=TokenAnswer),
        Route("GET", one, read, show, "One token", answer=TokenAnswer),
        Route("GET", tokens, read, listing, "Tokens", query=TokenQuery, answer=list[TokenAnswer]),
    )
