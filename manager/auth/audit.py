"""The record of changes: who did what, when, and how it ended.

The server drafts an entry for every request that may change something. A transaction that the
request makes writes the entry along with its own changes (``Database.before_commit``), so that
there is no change without its entry; what changed nothing or was refused is written afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from sqlalchemy.orm import Session

from dfinfra.redact import redact
from manager.auth.principal import Principal
from manager.db.base import now
from manager.db.users import Audit

SUCCESS, FAILURE = "SUCCESS", "FAILURE"
_ACTOR_TYPES = {"session": "USER", "token": "PAT", "system": "SYSTEM"}
_MAX_TEXT, _MAX_ITEMS = 500, 100


@dataclass
class Draft:
    """An entry that is being made."""

    operation: str
    path: str
    actor_type: str = "UNKNOWN"
    actor_name: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    written: bool = False

    def by(self, principal: Principal) -> None:
        """Who it is that asks."""
        self.actor_type = _ACTOR_TYPES.get(principal.via, "UNKNOWN")
        self.actor_name = principal.token_name or principal.name
        if principal.token_name:
            self.detail["user"] = principal.name

    def tell(self, body: object) -> None:
        """What they ask for, without secrets."""
        if isinstance(body, BaseModel):
            self.detail["request"] = _shown(body.model_dump(mode="json", exclude_unset=True))


_current: ContextVar[Draft | None] = ContextVar("audit_draft", default=None)


@contextmanager
def under(draft: Draft | None) -> Iterator[None]:
    """Have the transactions of this block write the draft."""
    token = _current.set(draft)
    try:
        yield
    finally:
        _current.reset(token)


def actor() -> str:
    """The name of whoever makes the request that this runs for; ``system`` outside of one."""
    draft = _current.get()
    return draft.actor_name if draft is not None and draft.actor_name else "system"


def note(**facts: Any) -> None:
    """Add facts to the entry of this request (the id of what was made, a name)."""
    draft = _current.get()
    if draft is not None:
        draft.detail.update(_shown(facts))


def before_commit(session: Session) -> Callable[[], None] | None:
    """Called by the database at the end of each writing transaction."""
    draft = _current.get()
    if draft is None or draft.written:
        return None
    write(session, draft, 200)

    def written() -> None:
        draft.written = True

    return written


def write(session: Session, draft: Draft, status: int) -> None:
    """Add the entry to the transaction."""
    session.add(
        Audit(
            actor_type=draft.actor_type,
            actor_name=draft.actor_name[:256],
            operation=draft.operation,
            operated_at=now(),
            state=SUCCESS if status < 400 else FAILURE,
            path=draft.path,
            status_code=status,
            detail=draft.detail,
        )
    )


def _shown(value: Any) -> Any:
    return _cut(redact(value))


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            str(key)[:_MAX_TEXT]: _cut(inner) for key, inner in list(value.items())[:_MAX_ITEMS]
        }
    if isinstance(value, (list, tuple)):
        return [_cut(inner) for inner in value[:_MAX_ITEMS]]
    if isinstance(value, str):
        return value[:_MAX_TEXT]
    return value
