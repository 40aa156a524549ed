"""Short names for the columns of migrations. What they mean never changes; new ones may be added."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from manager.db.base import TABLE_OPTIONS, BigId, UtcDateTime

OPTIONS: dict[str, Any] = TABLE_OPTIONS


def text(name: str, length: int, *, nullable: bool = False) -> sa.Column[Any]:
    """Text of at most so many characters."""
    return sa.Column(name, sa.String(length), nullable=nullable)


def moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    """A time in UTC with microseconds."""
    return sa.Column(name, UtcDateTime(), nullable=nullable)


def json(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    """A mapping or a list."""
    return sa.Column(name, sa.JSON(), nullable=nullable)


def big(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    """A number of 64 bits: the id of a row elsewhere."""
    return sa.Column(name, BigId, nullable=nullable)


def number(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    """A number of 32 bits."""
    return sa.Column(name, sa.Integer(), nullable=nullable)


def flag(name: str) -> sa.Column[Any]:
    """True or false."""
    return sa.Column(name, sa.Boolean(), nullable=False)


def stamped() -> list[sa.Column[Any]]:
    """What ``db.base.Stamped`` brings: ``id``, ``created_at``, ``updated_at``."""
    return [
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        moment("created_at"),
        moment("updated_at"),
    ]
