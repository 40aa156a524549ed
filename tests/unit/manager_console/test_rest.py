"""Pages read through the rows of REST: as the same person, with REST's own checks."""

from __future__ import annotations

from typing import Any, cast

import pytest
from pydantic import BaseModel

from dfcore.errors import Denied, NotFound
from manager.auth.principal import Principal
from manager.console.rest import Rest
from manager.rest.routes import Call, Page, Query, Route


class Thing(BaseModel):
    name: str


class ThingQuery(Query):
    colour: str | None = None


async def listed(call: Call) -> Page:
    query = call.query_as(ThingQuery)
    return Page([Thing(name=f"{query.colour} {query.per_page}")], 7)


async def one(call: Call) -> Thing:
    return Thing(name=f"{call.text('org')} {call.number()}")


REST = Rest(
    (
        Route("GET", "/api/v1/things", "jobs:read", listed, "", query=ThingQuery),
        Route("GET", "/api/v1/things/{org}/{id:[0-9]+}", None, one, ""),
        Route("POST", "/api/v1/only-posted", None, one, ""),
        Route("GET", "/page", None, one, "", documented=False),
    )
)


class Request:
    query: dict[str, str] = {}  # noqa: RUF012 - never changed
    match_info: dict[str, str] = {}  # noqa: RUF012


def call_of(*permissions: str) -> Call:
    who = Principal(1, "ada", permissions=frozenset(permissions))
    return Call(cast(Any, None), cast(Any, Request()), who)


async def test_a_list_comes_with_its_query() -> None:
    found = await REST.rows(call_of("jobs:read"), "/api/v1/things", colour="red", per_page=3)
    assert [thing.name for thing in found] == ["red 3"]
    page = await REST.get(call_of("jobs:read"), "/api/v1/things")
    assert page.total == 7


async def test_parts_of_the_path_reach_the_handler() -> None:
    assert (await REST.get(call_of(), "/api/v1/things/acme/42")).name == "acme 42"


async def test_rights_are_checked() -> None:
    with pytest.raises(Denied):
        await REST.get(call_of("models:read"), "/api/v1/things")


@pytest.mark.parametrize("path", ["/api/v1/things/acme/x", "/api/v1/only-posted", "/page", "/"])
async def test_what_is_no_reading_row_is_not_found(path: str) -> None:
    assert not REST.has(path)
    with pytest.raises(NotFound):
        await REST.get(call_of(), path)
