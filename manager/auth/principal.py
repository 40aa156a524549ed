"""Whoever makes a request, as every handler sees them."""

from __future__ import annotations

from dataclasses import dataclass, field

from dfcore.errors import Denied, Unauthorized
from manager.auth.permissions import Role, every_permission


@dataclass(frozen=True, slots=True)
class Principal:
    """A user, with what they may in this very request (a token's scopes are taken into account)."""

    user_id: int
    name: str
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    teams: frozenset[int] = field(default=frozenset())
    via: str = "session"
    """How they proved it: ``session``, ``token``, ``anonymous`` or ``system``."""
    token_name: str = ""

    @property
    def known(self) -> bool:
        """They have signed in, or are the manager itself."""
        return self.via != "anonymous"

    @property
    def is_root(self) -> bool:
        """They may everything; a token of theirs with fewer scopes may not."""
        return Role.ROOT in self.roles and "users:write" in self.permissions

    @property
    def oversees(self) -> bool:
        """They see the models of all teams: operators and root."""
        return Role.ROOT in self.roles or Role.OPERATOR in self.roles

    def may(self, permission: str) -> bool:
        """Whether they have the permission (``jobs:write``)."""
        return permission in self.permissions

    def must(self, permission: str) -> None:
        """Raises Unauthorized or Denied if they have it not."""
        if self.may(permission):
            return
        if not self.known:
            raise Unauthorized("sign in, or send a personal access token")
        raise Denied(f"this needs the permission {permission}")


ANONYMOUS = Principal(0, "", via="anonymous")
SYSTEM = Principal(0, "system", frozenset({Role.ROOT}), frozenset(every_permission()), via="system")
"""The manager itself, in work that nobody waits for."""
