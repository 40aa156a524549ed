"""Users in the database: what they may, and how sessions and tokens lead to them. Synchronous."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from manager.auth.permissions import LADDER, opened_by, permissions_of
from manager.auth.principal import Principal
from manager.auth.secrets import SESSION_PREFIX, hash_token, new_token
from manager.db.base import now
from manager.db.users import (
    ENABLED,
    TOKEN_ACTIVE,
    AccessToken,
    CustomRole,
    SessionRow,
    TeamMember,
    User,
)

_TOUCH = timedelta(seconds=60)


def principal_of(session: Session, user: User, via: str) -> Principal:
    """The user with all their permissions."""
    teams = session.scalars(select(TeamMember.team_id).where(TeamMember.user_id == user.id))
    return Principal(
        user.id,
        user.name,
        frozenset(user.roles),
        permissions_of_roles(session, user.roles),
        frozenset(teams),
        via,
    )


def permissions_of_roles(session: Session, roles: Iterable[str]) -> frozenset[str]:
    """What somebody with these roles may, built-in and custom ones."""
    names = list(roles)
    found = frozenset[str]().union(*(permissions_of(name) for name in names))
    custom = [name for name in names if name not in LADDER]
    if custom:
        rows = session.scalars(select(CustomRole).where(CustomRole.name.in_(custom)))
        found = found.union(*(row.permissions for row in rows))
    return found


def by_session(session: Session, token: str) -> tuple[Principal, bool] | None:
    """Whose session it is, and whether its use must be noted; None if there is none."""
    row = session.get(SessionRow, hash_token(token))
    moment = now()
    if row is None or row.expires_at <= moment:
        return None
    user = session.get(User, row.user_id)
    if user is None or user.state != ENABLED:
        return None
    return principal_of(session, user, "session"), moment - row.seen_at > _TOUCH


def by_token(session: Session, token: str) -> tuple[Principal, bool] | None:
    """Whose access token it is, with what its scopes leave; None if it is not valid."""
    row = session.scalar(select(AccessToken).where(AccessToken.token_hash == hash_token(token)))
    moment = now()
    if row is None or row.state != TOKEN_ACTIVE or row.expired_at <= moment:
        return None
    user = session.get(User, row.user_id)
    if user is None or user.state != ENABLED:
        return None
    whole = principal_of(session, user, "token")
    principal = Principal(
        whole.user_id,
        whole.name,
        whole.roles,
        whole.permissions & opened_by(row.scopes),
        whole.teams,
        "token",
        row.name,
    )
    used = row.last_used_at
    return principal, used is None or moment - used > _TOUCH


def touch(session: Session, token: str, idle: timedelta, longest: timedelta) -> None:
    """Note that a session or token is in use; a session lasts longer by it."""
    moment = now()
    if not token.startswith(SESSION_PREFIX):
        row = session.scalar(select(AccessToken).where(AccessToken.token_hash == hash_token(token)))
        if row is not None:
            row.last_used_at = moment
        return
    found = session.get(SessionRow, hash_token(token))
    if found is not None:
        found.seen_at = moment
        found.expires_at = min(moment + idle, found.created_at + longest)


def open_session(session: Session, user_id: int, idle: timedelta) -> tuple[str, datetime]:
    """A new session's token, and when it ends."""
    token, moment = new_token(SESSION_PREFIX), now()
    session.execute(delete(SessionRow).where(SessionRow.expires_at <= moment))
    session.add(
        SessionRow(
            token_hash=hash_token(token),
            user_id=user_id,
            created_at=moment,
            seen_at=moment,
            expires_at=moment + idle,
        )
    )
    return token, moment + idle


def close_session(session: Session, token: str) -> None:
    """End one session."""
    session.execute(delete(SessionRow).where(SessionRow.token_hash == hash_token(token)))


def close_sessions(session: Session, user_id: int, *, but: str | None = None) -> None:
    """End all sessions of a user, perhaps but the one whose token is given."""
    statement = delete(SessionRow).where(SessionRow.user_id == user_id)
    if but is not None:
        statement = statement.where(SessionRow.token_hash != hash_token(but))
    session.execute(statement)


def session_end(session: Session, token: str) -> datetime:
    """When the session ends. It must be there."""
    row = session.get_one(SessionRow, hash_token(token))
    return row.expires_at
