"""Teams: who is in them, and what they may do with which models."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from dfcore.errors import NotFound
from manager.auth.modelrights import Level
from manager.db.users import ModelGrant, Team, TeamMember, User
from manager.rest.resource import Resource
from manager.rest.routes import Answer, Call, Query, Route, Wish

Title = Annotated[str, Field(min_length=1, max_length=256)]
Bio = Annotated[str, Field(max_length=1024)]


class NewTeam(Wish):
    """A team."""

    name: Title
    bio: Bio = ""


class TeamPatch(Wish):
    """What of a team is to change."""

    name: Title | None = None
    bio: Bio | None = None


class TeamAnswer(Answer):
    """A team."""

    id: int
    name: str
    bio: str
    created_at: datetime
    updated_at: datetime


class TeamQuery(Query):
    """Which teams."""

    name: str | None = None


class MemberAnswer(Answer):
    """Somebody in a team."""

    id: int
    name: str
    email: str


class NewGrant(Wish):
    """What a team may do with models: ``pattern`` is a model's name, or ``org/*``."""

    pattern: Title
    level: Annotated[Level, Field(strict=False)]


class GrantAnswer(Answer):
    """What a team may."""

    id: int
    team_id: int
    pattern: str
    level: str
    created_at: datetime


TEAMS = Resource("/api/v1/teams", "team", Team, TeamAnswer, NewTeam, TeamPatch, TeamQuery, "teams")


async def members(call: Call) -> list[MemberAnswer]:
    number = call.number()

    def work(session: Session) -> list[MemberAnswer]:
        TEAMS.load(session, number)
        users = (
            select(User)
            .join(TeamMember, TeamMember.user_id == User.id)
            .where(TeamMember.team_id == number)
            .order_by(User.name)
        )
        return [MemberAnswer.model_validate(user) for user in session.scalars(users)]

    return await call.core.database.read(work)


async def add_member(call: Call) -> None:
    number, user_id = call.number(), call.number("user_id")

    def work(session: Session) -> None:
        TEAMS.load(session, number)
        if session.get(User, user_id) is None:
            raise NotFound(f"there is no user {user_id}")
        if session.get(TeamMember, (number, user_id)) is None:
            session.add(TeamMember(team_id=number, user_id=user_id))

    await call.core.database.run(work)


async def drop_member(call: Call) -> None:
    number, user_id = call.number(), call.number("user_id")

    def work(session: Session) -> None:
        row = session.get(TeamMember, (number, user_id))
        if row is None:
            raise NotFound(f"user {user_id} is not in team {number}")
        session.delete(row)

    await call.core.database.run(work)


async def grants(call: Call) -> list[GrantAnswer]:
    number = call.number()

    def work(session: Session) -> list[GrantAnswer]:
        TEAMS.load(session, number)
        rows = select(ModelGrant).where(ModelGrant.team_id == number).order_by(ModelGrant.id)
        return [GrantAnswer.model_validate(row) for row in session.scalars(rows)]

    return await call.core.database.read(work)


async def grant(call: Call) -> GrantAnswer:
    number, wish = call.number(), call.body_as(NewGrant)

    def work(session: Session) -> GrantAnswer:
        TEAMS.load(session, number)
        same = select(ModelGrant).where(
            ModelGrant.team_id == number, ModelGrant.pattern == wish.pattern
        )
        row = session.scalar(same) or ModelGrant(team_id=number, pattern=wish.pattern)
        row.level = wish.level.value
        session.add(row)
        session.flush()
        return GrantAnswer.model_validate(row)

    return await call.core.database.run(work)


async def revoke(call: Call) -> None:
    number, grant_id = call.number(), call.number("grant_id")

    def work(session: Session) -> None:
        row = session.get(ModelGrant, grant_id)
        if row is None or row.team_id != number:
            raise NotFound(f"there is no grant {grant_id} of team {number}")
        session.delete(row)

    await call.core.database.run(work)


def routes() -> tuple[Route, ...]:
    """The rows of the table."""
    one = "/api/v1/teams/{id}"
    read, write = "teams:read", "teams:write"
    return (
        *TEAMS.routes(),
        Route("GET", one + "/users", read, members, "Members", answer=list[MemberAnswer]),
        Route("PUT", one + "/users/{user_id}", write, add_member, "Add a member"),
        Route("DELETE", one + "/users/{user_id}", write, drop_member, "Remove a member"),
        Route("GET", one + "/models", read, grants, "Model rights", answer=list[GrantAnswer]),
        Route(
            "POST",
            one + "/models",
            write,
            grant,
            "Give a right on models",
            NewGrant,
            answer=GrantAnswer,
        ),
        Route("DELETE", one + "/models/{grant_id}", write, revoke, "Take it away"),
    )
