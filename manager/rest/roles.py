"""Roles beside the built-in ones, and the list of permissions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from dfcore.errors import NotFound
from manager.auth import audit
from manager.auth.permissions import LADDER, OBJECTS, every_permission, permissions_of
from manager.db.users import CustomRole, User
from manager.rest.problems import Conflict, Invalid
from manager.rest.routes import Answer, Call, Route, Wish


class PermissionForm(Wish):
    """What may be done with a kind of object; Dragonfly's ``*`` is reading and writing."""

    object: Annotated[str, Field(min_length=1, max_length=64)]
    action: Literal["read", "write", "*"]

    def names(self) -> set[str]:
        """As permissions."""
        actions = ("read", "write") if self.action == "*" else (self.action,)
        found = {f"{self.object}:{action}" for action in actions} & set(every_permission())
        if not found:
            raise Invalid(f"object: {self.object}:{self.action} is no permission")
        return found


class NewRole(Wish):
    """A role."""

    role: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_-]*$")]
    permissions: Annotated[list[PermissionForm], Field(max_length=200)]


class PermissionAnswer(Answer):
    """One permission."""

    object: str
    action: str


class RoleAnswer(Answer):
    """A role and what it may."""

    role: str
    builtin: bool
    permissions: list[PermissionAnswer]


def _shown(name: str, permissions: list[str] | frozenset[str], *, builtin: bool) -> RoleAnswer:
    pairs = [permission.partition(":") for permission in sorted(permissions)]
    answers = [PermissionAnswer(object=one, action=action) for one, _, action in pairs]
    return RoleAnswer(role=name, builtin=builtin, permissions=answers)


def _load(session: Session, name: str) -> CustomRole:
    if name in LADDER:
        raise Conflict(f"the role {name} is built in and does not change")
    row = session.scalar(select(CustomRole).where(CustomRole.name == name))
    if row is None:
        raise NotFound(f"there is no role {name[:64]}")
    return row


def _own(call: Call, names: Iterable[str]) -> None:
    """Nobody makes a role that may more than they may themselves."""
    for name in names:
        call.principal.must(name)


async def create(call: Call) -> RoleAnswer:
    wish = call.body_as(NewRole)
    if wish.role in LADDER:
        raise Conflict(f"the role {wish.role} is built in")
    names = sorted(set[str]().union(*(one.names() for one in wish.permissions)))
    _own(call, names)

    def work(session: Session) -> RoleAnswer:
        session.add(CustomRole(name=wish.role, permissions=names))
        session.flush()
        return _shown(wish.role, names, builtin=False)

    return await call.core.database.run(work)


async def destroy(call: Call) -> None:
    name = call.text("role")

    def work(session: Session) -> None:
        row = _load(session, name)
        for user in session.scalars(select(User)):
            if name in user.roles:
                raise Conflict(f"the user {user.name} still has the role {name}")
        audit.note(role=name)
        session.delete(row)

    await call.core.database.run(work)


async def show(call: Call) -> RoleAnswer:
    name = call.text("role")
    if name in LADDER:
        return _shown(name, permissions_of(name), builtin=True)
    return await call.core.database.read(
        lambda session: _shown(name, _load(session, name).permissions, builtin=False)
    )


async def listing(call: Call) -> list[str]:
    """Their names, as Dragonfly lists them."""
    custom = await call.core.database.read(
        lambda session: list(session.scalars(select(CustomRole.name).order_by(CustomRole.name)))
    )
    return [*(role.value for role in LADDER), *custom]


async def grant(call: Call) -> None:
    await _change(call, add=True)


async def revoke(call: Call) -> None:
    await _change(call, add=False)


async def _change(call: Call, *, add: bool) -> None:
    name, names = call.text("role"), call.body_as(PermissionForm).names()
    _own(call, names)

    def work(session: Session) -> None:
        row = _load(session, name)
        own = set(row.permissions)
        row.permissions = sorted(own | names if add else own - names)

    await call.core.database.run(work)


async def permissions(call: Call) -> list[PermissionAnswer]:
    """All there are."""
    return [
        PermissionAnswer(object=name, action=action)
        for name, rule in OBJECTS.items()
        for action, least in (("read", rule.read), ("write", rule.write))
        if least is not None
    ]


def routes() -> tuple[Route, ...]:
    """The rows of the table."""
    roles, one = "/api/v1/roles", "/api/v1/roles/{role}"
    read, write = "roles:read", "roles:write"
    return (
        Route("POST", roles, write, create, "Make a role", NewRole, answer=RoleAnswer),
        Route("GET", roles, read, listing, "Names of all roles", answer=list[str]),
        Route("GET", one, read, show, "A role and what it may", answer=RoleAnswer),
        Route("DELETE", one, write, destroy, "Delete a role"),
        Route("POST", one + "/permissions", write, grant, "Add a permission", PermissionForm),
        Route("DELETE", one + "/permissions", write, revoke, "Take one away", PermissionForm),
        Route(
            "GET",
            "/api/v1/permissions",
            "permissions:read",
            permissions,
            "All permissions",
            answer=list[PermissionAnswer],
        ),
    )
