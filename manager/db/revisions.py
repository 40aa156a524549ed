"""Counters that say "this changed", one row per topic.

A transaction that changes what others watch bumps the topic's counter in the same transaction;
every replica looks at all counters once a second (``manager.changes``). Topics are words such as
``clusters``.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, String, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from manager.db.base import Base


class Revision(Base):
    """How often a topic has changed."""

    __tablename__ = "revisions"

    topic: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger, default=0)


def bump(session: Session, topic: str) -> None:
    """Say in this transaction that the topic changed. Call it last: it locks the row till the end."""
    change = update(Revision).where(Revision.topic == topic).values(value=Revision.value + 1)
    if _changed(session, change):
        return
    try:
        with session.begin_nested():
            session.execute(insert(Revision).values(topic=topic, value=1))
    except IntegrityError:
        _changed(session, change)


def all_revisions(session: Session) -> dict[str, int]:
    """All topics with their counters."""
    rows = session.execute(select(Revision.topic, Revision.value))
    return {row[0]: row[1] for row in rows}


def _changed(session: Session, change: object) -> bool:
    result = session.execute(change)  # type: ignore[call-overload]
    return bool(result.rowcount)
