"""The table of routes: what one route is, and what its handler gets and gives.

Every part of the manager lists its routes as :class:`Route` rows. From the rows come aiohttp's
router, the OpenAPI document, the check of rights, and the test that tries every route as every
role. A handler is

    async def create_thing(call: Call) -> ThingAnswer:
        wish = call.body_as(ThingWish)
        return await call.core.database.run(lambda session: …)

It returns a pydantic model, a list of them, a :class:`Page`, None (200 without a body) or an aiohttp
response of its own; it raises MeganeuraErrors, which become 4xx answers with a ``message``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from dfcore.errors import NotFound
from manager.auth.principal import Principal

if TYPE_CHECKING:
    from manager.parts import Core

MAX_ID = (1 << 63) - 1
M = TypeVar("M", bound=BaseModel)


class Wish(BaseModel):
    """The base of request bodies: types are taken as written, unknown keys are passed over."""

    model_config = ConfigDict(strict=True, extra="ignore")


class Answer(BaseModel):
    """The base of answers; made from rows as well (``ThingAnswer.model_validate(row)``)."""

    model_config = ConfigDict(from_attributes=True)


class Query(BaseModel):
    """The base of query parameters: which page of a list. Filters are fields of subclasses."""

    model_config = ConfigDict(extra="ignore")

    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    per_page: Annotated[int, Field(ge=1, le=10_000)] = 10

    @property
    def offset(self) -> int:
        """How many rows come before the page."""
        return (self.page - 1) * self.per_page


class Failure(BaseModel):
    """The body of every 4xx and 5xx answer."""

    message: str
    errors: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, and how many there are in all; becomes a list with a ``Link`` header."""

    items: Sequence[BaseModel]
    total: int


@dataclass(frozen=True, slots=True)
class Call:
    """One request that has passed the checks of its route."""

    core: Core
    request: web.Request
    principal: Principal
    query: Any = None
    body: Any = None

    def body_as(self, kind: type[M]) -> M:
        """The body, of the type that the route names."""
        assert isinstance(self.body, kind)
        return self.body

    def query_as(self, kind: type[M]) -> M:
        """The query parameters, of the type that the route names."""
        assert isinstance(self.query, kind)
        return self.query

    def text(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    def number(self, name: str = "id") -> int:
        """A numeric part of the path. Raises NotFound for what cannot be an id."""
        text = self.text(name)
        if not (text.isascii() and text.isdigit() and 0 < int(text[:20]) <= MAX_ID):
            raise NotFound(f"there is no {name} {text[:64]}")
        return int(text)


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table."""

    method: str
    path: str
    """As aiohttp writes it: ``/api/v1/jobs/{id}``. A part called ``id`` or ``…_id`` is a number."""
    permission: str | None
    """``jobs:read``; None: for everybody, also without signing in."""
    handler: Handler
    summary: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: Any = None
    """A pydantic model, or ``list[Model]``; None: an empty body, or what the handler makes of it."""
    status: int = 200
    tag: str = ""
    """The heading in the document; by default the word after ``/v1/``."""
    audited: bool = True
    """Whether a change through it is written down (never for GET)."""
    documented: bool = True
    """Whether the OpenAPI document has it; pages of the console are left out."""
    formless: bool = False
    """The handler reads the request's body itself (uploads, forms)."""
    refusals: Mapping[int, str] = field(default_factory=dict)
    """Further status codes it answers with, and when."""
    max_body_bytes: int = 1 << 20
