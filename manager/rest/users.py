"""Users and the roles they have."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from dfcore.errors import Denied, NotFound, Unauthorized
from dfinfra.offload import Pool
from manager.auth import accounts, audit
from manager.auth.identify import sent_token
from manager.auth.permissions import LADDER, Role
from manager.auth.principal import Principal
from manager.auth.secrets import hash_password, verify_password
from manager.db.users import ENABLED, CustomRole, User
from manager.rest.paging import equal_to, page
from manager.rest.problems import Conflict
from manager.rest.routes import Answer, Call, Page, Query, Route, Wish
from manager.rest.session import Password, ShortText, UserName

RoleName = Annotated[str, Field(min_length=1, max_length=64)]
Bio = Annotated[str, Field(max_length=1024)]


class NewUser(Wish):
    """A user that root makes."""

    name: UserName
    password: Password
    email: ShortText = ""
    phone: ShortText = ""
    avatar: ShortText = ""
    location: ShortText = ""
    bio: Bio = ""
    roles: Annotated[list[RoleName], Field(min_length=1, max_length=20)] = Field(
        default_factory=lambda: ["guest"]
    )


class UserPatch(Wish):
    """What of a user is to change; only root may change ``state``."""

    email: ShortText | None = None
    phone: ShortText | None = None
    avatar: ShortText | None = None
    location: ShortText | None = None
    bio: Bio | None = None
    state: Literal["enable", "disable"] | None = None


class PasswordReset(Wish):
    """The old password is not needed of root, for another user."""

    old_password: Annotated[str, Field(max_length=128)] = ""
    new_password: Password


class UserAnswer(Answer):
    """A user."""

    id: int
    name: str
    email: str
    phone: str
    avatar: str
    location: str
    bio: str
    state: str
    roles: list[str]
    provider: str
    created_at: datetime
    updated_at: datetime


class UserQuery(Query):
    """Which users."""

    name: str | None = None
    email: str | None = None
    location: str | None = None
    state: Literal["enable", "disable"] | None = None


def _load(session: Session, number: int) -> User:
    user = session.get(User, number)
    if user is None:
        raise NotFound(f"there is no user {number}")
    return user


def _role_exists(session: Session, name: str) -> None:
    if name in LADDER:
        return
    if session.scalar(select(CustomRole.id).where(CustomRole.name == name)) is None:
        raise NotFound(f"there is no role {name[:64]}")


def _not_the_last_root(session: Session, user: User) -> None:
    if Role.ROOT not in user.roles:
        return
    others = session.scalars(select(User).where(User.id != user.id, User.state == ENABLED))
    if not any(Role.ROOT in other.roles for other in others):
        raise Conflict("this is the last root user")


def _may_give(session: Session, giver: Principal, name: str) -> None:
    """Nobody gives away what they have not got."""
    _role_exists(session, name)
    if not accounts.permissions_of_roles(session, [name]) <= giver.permissions:
        raise Denied(f"the role {name} has permissions that you have not")


def _own_or_root(call: Call, number: int) -> None:
    if number != call.principal.user_id and not call.principal.is_root:
        raise Denied("only root reaches other users")


class Users:
    """The handlers, with the pool that hashes passwords."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, call: Call) -> UserAnswer:
        wish = call.body_as(NewUser)
        hashed = await self._pool.run(hash_password, wish.password)

        def work(session: Session) -> UserAnswer:
            for name in wish.roles:
                _may_give(session, call.principal, name)
            user = User(**wish.model_dump(exclude={"password"}), password_hash=hashed)
            session.add(user)
            session.flush()
            return UserAnswer.model_validate(user)

        return await call.core.database.run(work)

    async def update(self, call: Call) -> UserAnswer:
        number, patch = call.number(), call.body_as(UserPatch)
        _own_or_root(call, number)
        if patch.state is not None and not call.principal.is_root:
            raise Denied("only root enables and disables users")

        def work(session: Session) -> UserAnswer:
            user = _load(session, number)
            if patch.state not in (None, ENABLED):
                _not_the_last_root(session, user)
                accounts.close_sessions(session, number)
            for name, value in patch.model_dump(exclude_none=True).items():
                setattr(user, name, value)
            session.flush()
            return UserAnswer.model_validate(user)

        return await call.core.database.run(work)

    async def show(self, call: Call) -> UserAnswer:
        number = call.number()
        if number != call.principal.user_id:
            call.principal.must("users:read")
        return await call.core.database.read(
            lambda session: UserAnswer.model_validate(_load(session, number))
        )

    async def listing(self, call: Call) -> Page:
        query = call.query_as(UserQuery)
        statement = equal_to(select(User).order_by(User.id), User, query)
        return await call.core.database.read(
            lambda session: page(session, statement, query, UserAnswer.model_validate)
        )

    async def destroy(self, call: Call) -> None:
        number = call.number()

        def work(session: Session) -> None:
            user = _load(session, number)
            _not_the_last_root(session, user)
            audit.note(user=user.name)
            session.delete(user)

        await call.core.database.run(work)

    async def reset_password(self, call: Call) -> None:
        """One's own with the old password; root sets those of others. All other sessions end."""
        number, wish = call.number(), call.body_as(PasswordReset)
        _own_or_root(call, number)
        kept = await call.core.database.read(lambda s: _load(s, number).password_hash)
        own = number == call.principal.user_id
        if own and not await self._pool.run(verify_password, kept, wish.old_password):
            raise Unauthorized("the old password is wrong")
        hashed = await self._pool.run(hash_password, wish.new_password)
        token = sent_token(call.request)

        def work(session: Session) -> None:
            _load(session, number).password_hash = hashed
            accounts.close_sessions(session, number, but=token if own else None)

        await call.core.database.run(work)

    async def roles(self, call: Call) -> list[str]:
        number = call.number()
        if number != call.principal.user_id:
            call.principal.must("users:read")
        return await call.core.database.read(lambda s: list(_load(s, number).roles))

    async def add_role(self, call: Call) -> None:
        number, name = call.number(), call.text("role")

        def work(session: Session) -> None:
            _may_give(session, call.principal, name)
            user = _load(session, number)
            user.roles = sorted({*user.roles, name})

        await call.core.database.run(work)

    async def drop_role(self, call: Call) -> None:
        number, name = call.number(), call.text("role")

        def work(session: Session) -> None:
            user = _load(session, number)
            if name == Role.ROOT:
                _not_the_last_root(session, user)
            user.roles = [role for role in user.roles if role != name]

        await call.core.database.run(work)

    def routes(self) -> tuple[Route, ...]:
        """Their rows in the table."""
        users, one = "/api/v1/users", "/api/v1/users/{id}"
        read, write, own = "users:read", "users:write", "profile:write"
        user = UserAnswer
        return (
            Route("POST", users, write, self.create, "Make a user", NewUser, answer=user),
            Route(
                "GET", users, read, self.listing, "Users", query=UserQuery, answer=list[UserAnswer]
            ),
            Route("GET", one, "profile:read", self.show, "One user", answer=user),
            Route("PATCH", one, own, self.update, "Change a user", UserPatch, answer=user),
            Route("DELETE", one, write, self.destroy, "Delete a user"),
            Route(
                "POST",
                one + "/reset_password",
                own,
                self.reset_password,
                "Set a password",
                PasswordReset,
            ),
            Route(
                "GET",
                one + "/roles",
                "profile:read",
                self.roles,
                "Roles of a user",
                answer=list[str],
            ),
            Route("PUT", one + "/roles/{role}", write, self.add_role, "Give a role"),
            Route("DELETE", one + "/roles/{role}", write, self.drop_role, "Take a role away"),
        )
