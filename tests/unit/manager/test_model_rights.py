"""Who may do what with which model: roles, and grants of teams."""

from __future__ import annotations

from typing import Any

import pytest

from dfcore.errors import Denied, NotFound
from manager.auth.modelrights import Level, ModelRights
from manager.auth.permissions import permissions_of
from manager.auth.principal import Principal

GRANTS = [(1, "acme/*", "write"), (2, "acme/secret", "read"), (2, "other/one", "admin")]


class _Rows:
    """What a session gives for the grants."""

    def execute(self, _: object) -> Any:
        return GRANTS


def _rights(role: str, *teams: int) -> ModelRights:
    who = Principal(1, "ada", frozenset({role}), permissions_of(role), frozenset(teams))
    return ModelRights(_Rows(), who)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("role", "teams", "model", "level"),
    [
        ("guest", (), "open/model", Level.READ),
        ("member", (), "open/model", Level.WRITE),
        ("operator", (), "open/model", Level.ADMIN),
        ("member", (), "acme/llm", None),
        ("member", (1,), "acme/llm", Level.WRITE),
        ("guest", (1,), "acme/llm", Level.READ),
        ("member", (2,), "acme/llm", None),
        ("member", (2,), "acme/secret", Level.READ),
        ("member", (1, 2), "acme/secret", Level.WRITE),
        ("member", (2,), "other/one", Level.ADMIN),
        ("operator", (), "acme/secret", Level.ADMIN),
    ],
)
def test_levels(role: str, teams: tuple[int, ...], model: str, level: Level | None) -> None:
    assert _rights(role, *teams).level(model) == level


def test_a_model_that_one_may_not_see_is_not_there() -> None:
    with pytest.raises(NotFound):
        _rights("member").must("acme/llm", Level.READ)
    with pytest.raises(Denied):
        _rights("member", 2).must("acme/secret", Level.WRITE)
