"""Slows down the guessing of passwords, for all replicas together.

Failures are counted by name and address, by address, and by name. Beyond a few, each further one
doubles the wait; a quiet while forgets them. Counting by name alone has a high limit, so that
nobody can lock somebody else out cheaply.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from manager.db.base import now
from manager.db.users import SignInFailure
from manager.rest.problems import TooMany

_FREE = {"pair": 5, "address": 30, "name": 100}
_FIRST_WAIT_S, _LONGEST_WAIT_S = 2.0, 300.0
_FORGOTTEN = timedelta(minutes=15)


def keys(name: str, address: str) -> tuple[str, ...]:
    """What the failures of one attempt are counted by."""
    return (f"pair {name} {address}"[:400], f"address {address}"[:400], f"name {name}"[:400])


def check(session: Session, counted_by: tuple[str, ...]) -> None:
    """Raises TooMany if it is too early for another attempt."""
    moment = now()
    rows = session.scalars(select(SignInFailure).where(SignInFailure.key.in_(counted_by)))
    for row in rows:
        beyond = row.count - _FREE[row.key.partition(" ")[0]]
        if beyond < 0 or moment - row.last_at > _FORGOTTEN:
            continue
        wait_s = min(_FIRST_WAIT_S * 2 ** min(beyond, 20), _LONGEST_WAIT_S)
        left_s = wait_s - (moment - row.last_at).total_seconds()
        if left_s > 0:
            raise TooMany("too many failed sign-ins; try later", retry_after_s=left_s)


def failed(session: Session, counted_by: tuple[str, ...]) -> None:
    """Count a failure."""
    moment = now()
    session.execute(delete(SignInFailure).where(SignInFailure.last_at < moment - _FORGOTTEN))
    for key in sorted(counted_by):
        row = session.get(SignInFailure, key, with_for_update=True)
        if row is None:
            session.add(SignInFailure(key=key, count=1, last_at=moment))
        else:
            row.count += 1
            row.last_at = moment


def forget(session: Session, counted_by: tuple[str, ...]) -> None:
    """The right password: what was counted for this name and address is forgotten."""
    if counted_by:
        session.execute(delete(SignInFailure).where(SignInFailure.key == counted_by[0]))
