"""Who may do what with which model.

A grant gives a team a level (``read``, ``write`` or ``admin``) on the models whose names match a
pattern such as ``org/*``. A model that some grant matches is for the teams that are granted, and
for operators and root; a model that no grant matches is open to everybody's role. The role's
permission (``models:read``, ``models:write``) is needed in any case. Synchronous, within a
transaction.
"""

from __future__ import annotations

from enum import StrEnum
from fnmatch import fnmatchcase

from sqlalchemy import select
from sqlalchemy.orm import Session

from dfcore.errors import Denied, NotFound
from manager.auth.principal import Principal
from manager.db.users import ModelGrant


class Level(StrEnum):
    """What a grant allows; each allows what those before it do."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


_ORDER = tuple(Level)


class ModelRights:
    """The grants as they are in this transaction, for one principal."""

    def __init__(self, session: Session, principal: Principal) -> None:
        self._principal = principal
        rows = session.execute(select(ModelGrant.team_id, ModelGrant.pattern, ModelGrant.level))
        self._grants = [(team, pattern, Level(level)) for team, pattern, level in rows]

    def level(self, model: str) -> Level | None:
        """The highest level that the principal has on the model; None if they may not see it."""
        who = self._principal
        by_role = _by_role(who)
        if by_role is None or who.oversees:
            return by_role
        matching = [grant for grant in self._grants if fnmatchcase(model, grant[1])]
        if not matching:
            return by_role
        own = [level for team, _, level in matching if team in who.teams]
        granted = max(own, key=_ORDER.index, default=None)
        if granted is None:
            return None
        return granted if "models:write" in who.permissions else Level.READ

    def may(self, model: str, level: Level) -> bool:
        """Whether the principal has the level on the model."""
        own = self.level(model)
        return own is not None and _ORDER.index(own) >= _ORDER.index(level)

    def must(self, model: str, level: Level) -> None:
        """Raises NotFound for a model they may not see, Denied for a level they have not."""
        if self.level(model) is None:
            self._principal.must("models:read")
            raise NotFound(f"there is no model {model}")
        if not self.may(model, level):
            raise Denied(f"this needs the level {level} on the model {model}")


def _by_role(who: Principal) -> Level | None:
    if "models:read" not in who.permissions:
        return None
    if "models:write" not in who.permissions:
        return Level.READ
    return Level.ADMIN if who.oversees else Level.WRITE
