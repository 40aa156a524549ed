"""Named secrets: kept enciphered, used by jobs, replication and webhooks, never shown again."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from dfcore.errors import BadInput, NotFound
from manager.db.jobs import Secret
from manager.jobs.vault import Vault

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
MAX_BYTES = 32 << 10


def put(
    session: Session, vault: Vault, name: str, value: str, *, bio: str = "", user_id: int | None
) -> Secret:
    """Make or replace a secret. Raises BadInput."""
    if not _NAME.fullmatch(name):
        raise BadInput("name: must be letters, digits, '.', '_' and '-', at most 128")
    if not value or len(value.encode()) > MAX_BYTES:
        raise BadInput(f"value: must have from 1 to {MAX_BYTES} bytes")
    row = session.scalar(select(Secret).where(Secret.name == name).with_for_update())
    if row is None:
        row = Secret(name=name, sealed=b"")
        session.add(row)
    row.sealed = vault.seal(value.encode(), f"secret/{name}")
    row.bio, row.user_id = bio, user_id
    session.flush()
    return row


def value_of(session: Session, vault: Vault, name: str) -> str:
    """The secret itself, for a request to an origin. Raises NotFound."""
    row = session.scalar(select(Secret).where(Secret.name == name))
    if row is None:
        raise NotFound(f"there is no secret {name[:128]!r}")
    return vault.open(row.sealed, f"secret/{name}").decode()


def listed(session: Session) -> Sequence[Secret]:
    """All secrets by name; their values stay sealed."""
    return session.scalars(select(Secret).order_by(Secret.name)).all()


def remove(session: Session, name: str) -> None:
    """Forget a secret. Raises NotFound."""
    row = session.scalar(select(Secret).where(Secret.name == name))
    if row is None:
        raise NotFound(f"there is no secret {name[:128]!r}")
    session.delete(row)
