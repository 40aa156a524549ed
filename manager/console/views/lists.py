"""Searching, sorting and turning pages of lists that are held in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from manager.console.page import Visit

T = TypeVar("T")
PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Cut:
    """One page of a list."""

    items: Sequence[Any]
    total: int
    number: int


def cut(visit: Visit, found: Sequence[T], per_page: int = PER_PAGE) -> Cut:
    """The page that the query names; the last one if it is beyond."""
    last = max(1, -(-len(found) // per_page))
    number = min(visit.number("page", 1), last)
    return Cut(found[(number - 1) * per_page : number * per_page], len(found), number)


def linker(visit: Visit) -> Callable[..., str]:
    """Makes links to this page with some query parameters changed; empty ones are left out."""
    asked = {k: v for k, v in visit.call.request.query.items() if not k.startswith("_")}
    path = visit.call.request.path

    def link(**changes: object) -> str:
        query = asked | {name: str(value) for name, value in changes.items()}
        query = {k: v for k, v in query.items() if v and not (k == "page" and v == "1")}
        return f"{path}?{urlencode(query)}" if query else path

    return link


def paging(visit: Visit, made: Cut, per_page: int = PER_PAGE) -> dict[str, Any]:
    """What `ui.pager` and the links of a list's head need."""
    link = linker(visit)
    return {
        "page_number": made.number,
        "per_page": per_page,
        "total": made.total,
        "link": link,
        "turn": lambda number: link(page=number),
    }
