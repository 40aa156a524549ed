"""Every route, as every role: who may is as the table of permissions says, and nobody else may."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from manager.auth.permissions import LADDER, every_permission, permissions_of
from manager.rest.routes import Route
from tests.component.manager.bed import Bed, Client, config_of, fresh_database, managed
from tests.component.manager.reference import TARGET, reference

# They act on the session itself, or wait for news: tried elsewhere.
_APART = ("/api/v1/users/signout",)


@pytest.fixture
async def people(tmp_path: Path) -> AsyncIterator[tuple[Bed, dict[str, Client]]]:
    """A manager with one user of each role, signed in; and nobody."""
    url = fresh_database("sqlite", tmp_path)
    async with managed(config_of(tmp_path, url)) as bed:
        root = await bed.root()
        found = {"root": root, "": bed.anybody}
        for role in LADDER[:-1]:
            wish = {"name": role.value, "password": "a long password", "roles": [role.value]}
            await root.done("POST", "/api/v1/users", wish)
            found[role.value] = await bed.anybody.signed_in(role.value, "a long password")
        yield bed, found


def _concrete(route: Route) -> str:
    """A path of the route at which there is nothing."""
    return re.sub(r"\{(\w+)(?::[^}]*)?\}", _part, route.path)


def _part(match: re.Match[str]) -> str:
    is_number = match[1] == "id" or match[1].endswith("_id")
    return "987654321" if is_number else "nothing-like-it"


def _guarded(bed: Bed) -> list[Route]:
    return [
        route
        for route in bed.app.routes
        if route.permission is not None and route.path not in _APART and route.documented
    ]


async def test_every_route_is_open_to_those_who_may_and_to_nobody_else(
    people: tuple[Bed, dict[str, Client]],
) -> None:
    bed, clients = people
    wrong = []
    for route in _guarded(bed):
        assert route.permission is not None
        for role, client in clients.items():
            answer = await client.ask(route.method, _concrete(route))
            may = route.permission in permissions_of(role)
            refused = answer.status == (403 if role else 401)
            if not role:
                right = answer.status == 401
            elif may:
                # It may still be refused for what it asks about (there is no such thing).
                named = f"needs the permission {route.permission}"
                right = answer.status != 401 and named not in str(answer.body)
            else:
                right = refused and f"needs the permission {route.permission}" in str(answer.body)
            if not right or answer.status >= 500:
                wrong.append((route.method, route.path, role, answer.status, answer.body))
    assert not wrong


async def test_every_permission_that_a_route_names_is_one(bed: Bed) -> None:
    named = {route.permission for route in bed.app.routes if route.permission is not None}
    assert named <= set(every_permission())


async def test_open_routes_are_these_and_no_others(bed: Bed) -> None:
    opened = {
        (route.method, route.path)
        for route in bed.app.routes
        if route.permission is None and route.documented
    }
    assert opened == {
        ("POST", "/api/v1/users/signin"),
        ("POST", "/api/v1/users/signout"),
        ("POST", "/api/v1/users/signup"),
        ("GET", "/api/v1/users/providers"),
    }


async def test_routes_are_listed_once(bed: Bed) -> None:
    seen = [(route.method, route.path) for route in bed.app.routes]
    assert len(seen) == len(set(seen))


async def test_the_document_tells_these_routes_and_rights(bed: Bed) -> None:
    told = TARGET.read_text()
    assert told == reference(bed.app.routes), "run python -m tests.component.manager.reference"
