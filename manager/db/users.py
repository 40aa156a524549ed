"""Tables of people: users, custom roles, teams and their models, sessions, tokens, audit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from manager.db.base import TABLE_OPTIONS, Base, BigId, Name, Stamped, Text1K

ENABLED, DISABLED = "enable", "disable"
TOKEN_ACTIVE, TOKEN_INACTIVE = "active", "inactive"


class User(Stamped, Base):
    """Somebody who can sign in: with a password, or by a provider of OIDC."""

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(Name, unique=True)
    email: Mapped[str] = mapped_column(Name, default="")
    password_hash: Mapped[str] = mapped_column(Text1K, default="")
    """By argon2; empty for those who sign in elsewhere."""
    state: Mapped[str] = mapped_column(String(16), default=ENABLED)
    roles: Mapped[list[str]] = mapped_column(default=list)
    phone: Mapped[str] = mapped_column(Name, default="")
    avatar: Mapped[str] = mapped_column(Name, default="")
    location: Mapped[str] = mapped_column(Name, default="")
    bio: Mapped[str] = mapped_column(Text1K, default="")
    provider: Mapped[str] = mapped_column(String(64), default="")
    subject: Mapped[str | None] = mapped_column(String(320), unique=True)
    """``<provider> <subject>`` for users of a provider: names change, this does not."""


class CustomRole(Stamped, Base):
    """A role beside the built-in ones: a name for a set of permissions."""

    __tablename__ = "roles"

    name: Mapped[str] = mapped_column(String(64), unique=True)
    permissions: Mapped[list[str]] = mapped_column(default=list)


class Team(Stamped, Base):
    """Users who share models."""

    __tablename__ = "teams"

    name: Mapped[str] = mapped_column(Name, unique=True)
    bio: Mapped[str] = mapped_column(Text1K, default="")


class TeamMember(Base):
    """Who is in which team."""

    __tablename__ = "team_members"

    team_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class ModelGrant(Stamped, Base):
    """What a team may do with the models whose names match a pattern (``org/*``)."""

    __tablename__ = "model_grants"
    __table_args__ = (UniqueConstraint("team_id", "pattern"), TABLE_OPTIONS)

    team_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("teams.id", ondelete="CASCADE"), index=True
    )
    pattern: Mapped[str] = mapped_column(Name)
    level: Mapped[str] = mapped_column(String(16))


class SessionRow(Base):
    """A sign-in that holds; the token itself is with the browser only."""

    __tablename__ = "sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class AccessToken(Stamped, Base):
    """A personal access token; only its hash is kept."""

    __tablename__ = "personal_access_tokens"

    name: Mapped[str] = mapped_column(Name, unique=True)
    bio: Mapped[str] = mapped_column(Text1K, default="")
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(default=list)
    state: Mapped[str] = mapped_column(String(16), default=TOKEN_ACTIVE)
    expired_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    user_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("users.id", ondelete="CASCADE"), index=True
    )


class Audit(Stamped, Base):
    """One change, or one attempt at it: who, what, when, and how it ended."""

    __tablename__ = "audits"
    __table_args__ = (Index("ix_audits_operated_at", "operated_at"), TABLE_OPTIONS)

    actor_type: Mapped[str] = mapped_column(String(32))
    actor_name: Mapped[str] = mapped_column(Name)
    event_type: Mapped[str] = mapped_column(String(32), default="API")
    operation: Mapped[str] = mapped_column(Name)
    operated_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))
    path: Mapped[str] = mapped_column(Text1K, default="")
    status_code: Mapped[int] = mapped_column(default=0)
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class SignInFailure(Base):
    """How often a name or an address has failed to sign in of late."""

    __tablename__ = "sign_in_failures"

    key: Mapped[str] = mapped_column(String(400), primary_key=True)
    count: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime]


class Setting(Stamped, Base):
    """A named value that users set (Dragonfly's ``configs``)."""

    __tablename__ = "configs"

    name: Mapped[str] = mapped_column(Name, unique=True)
    value: Mapped[str] = mapped_column(Text1K)
    bio: Mapped[str] = mapped_column(Text1K, default="")
    user_id: Mapped[int] = mapped_column(BigId, default=0)
