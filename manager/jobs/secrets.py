"""Named secrets: kept enciphered, used by jobs, replication and webhooks, never shown again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from sqlalchemy import select
from sqlalchemy.orm import Session

from dfcore.errors import BadInput, Denied, NotFound
from manager.db.jobs import Secret
from manager.jobs.vault import Vault

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
MAX_BYTES = 32 << 10


def put(
    session: Session,
    vault: Vault,
    name: str,
    value: str,
    *,
    hosts: Sequence[str] = (),
    bio: str = "",
    user_id: int | None,
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
    row.bio, row.user_id, row.hosts = bio, user_id, [host.lower() for host in hosts]
    session.flush()
    return row


def value_of(session: Session, vault: Vault, name: str, host: str, hub: str) -> str:
    """The secret itself, for a request to a host. Raises NotFound, Denied if it is not for that host.

    Whoever may order a job may name its origin: a secret must not follow to any that they like.
    ``hub`` is the host that secrets without hosts of their own are for.
    """
    row = session.scalar(select(Secret).where(Secret.name == name))
    if row is None:
        raise NotFound(f"there is no secret {name[:128]!r}")
    if not any(fnmatchcase(host.lower(), pattern) for pattern in row.hosts or [hub.lower()]):
        raise Denied(
            f"the secret {name} is not for {host[:100]}: "
            "whoever keeps it says its hosts (dfctl secret set --host)"
        )
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
