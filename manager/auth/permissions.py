"""Roles, and what each may read and write.

A permission is ``<object>:read`` or ``<object>:write``. Roles are a ladder: what a role may, those
above it may too. ``OBJECTS`` says from which rung on an object can be read and written; a part of the
manager that brings a kind of object adds it there. The table of docs/manager.md is written from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """The roles that are always there, the least first."""

    GUEST = "guest"
    MEMBER = "member"
    OPERATOR = "operator"
    ROOT = "root"


LADDER = tuple(Role)


class Rule(NamedTuple):
    """From which role on an object may be read and written; None: nobody."""

    read: Role | None
    write: Role | None


OBJECTS: dict[str, Rule] = {
    "clusters": Rule(Role.GUEST, Role.OPERATOR),
    "scheduler-clusters": Rule(Role.GUEST, Role.OPERATOR),
    "seed-peer-clusters": Rule(Role.GUEST, Role.OPERATOR),
    "schedulers": Rule(Role.GUEST, Role.OPERATOR),
    "seed-peers": Rule(Role.GUEST, Role.OPERATOR),
    "peers": Rule(Role.GUEST, Role.OPERATOR),
    "applications": Rule(Role.GUEST, Role.OPERATOR),
    "jobs": Rule(Role.GUEST, Role.MEMBER),
    "models": Rule(Role.GUEST, Role.MEMBER),
    "replication": Rule(Role.MEMBER, Role.OPERATOR),
    "webhooks": Rule(Role.OPERATOR, Role.OPERATOR),
    "secrets": Rule(Role.OPERATOR, Role.OPERATOR),
    "configs": Rule(Role.OPERATOR, Role.OPERATOR),
    "audits": Rule(Role.OPERATOR, None),
    "users": Rule(Role.OPERATOR, Role.ROOT),
    "teams": Rule(Role.MEMBER, Role.ROOT),
    "roles": Rule(Role.MEMBER, Role.ROOT),
    "permissions": Rule(Role.MEMBER, None),
    "overview": Rule(Role.GUEST, None),
    "profile": Rule(Role.GUEST, Role.GUEST),
    "personal-access-tokens": Rule(Role.GUEST, Role.GUEST),
}
"""``profile`` and ``personal-access-tokens`` are one's own; only root reaches those of others."""

SCOPES_OF_DRAGONFLY = {"job": "jobs", "cluster": "clusters"}
"""Dragonfly's names of token scopes, and the object that each opens."""


def permissions_of(role: str) -> frozenset[str]:
    """What one of the built-in roles may; nothing for a name that is none."""
    if role not in LADDER:
        return frozenset()
    rung = LADDER.index(Role(role))
    found = set()
    for name, rule in OBJECTS.items():
        for action in ("read", "write"):
            least: Role | None = getattr(rule, action)
            if least is not None and LADDER.index(least) <= rung:
                found.add(f"{name}:{action}")
    return frozenset(found)


def every_permission() -> list[str]:
    """All permissions that anybody can have."""
    return sorted(permissions_of(Role.ROOT))


def opened_by(scopes: Iterable[str]) -> frozenset[str]:
    """The permissions that a token's scopes leave of its user's own.

    A scope is a permission, an object (both actions), or one of Dragonfly's names.
    """
    found: set[str] = set()
    for scope in scopes:
        name = SCOPES_OF_DRAGONFLY.get(scope, scope)
        found |= {name} if ":" in name else {f"{name}:read", f"{name}:write"}
    return frozenset(found)


def is_scope(scope: str) -> bool:
    """Whether a token can be given this scope."""
    return scope in SCOPES_OF_DRAGONFLY or scope in OBJECTS or scope in every_permission()
