"""Lists in pages: counting, cutting, and the ``Link`` header that Dragonfly's clients follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from manager.rest.routes import Page, Query


def page(
    session: Session,
    statement: Select[Any],
    query: Query,
    shown: Callable[[Any], BaseModel],
) -> Page:
    """One page of the rows that ``statement`` finds, each turned into its answer by ``shown``."""
    total = session.scalar(select(func.count()).select_from(statement.order_by(None).subquery()))
    rows = session.scalars(statement.limit(query.per_page).offset(query.offset))
    return Page([shown(row) for row in rows], total or 0)


def equal_to(statement: Select[Any], table: Any, query: Query) -> Select[Any]:
    """The statement, with an equality for each filter of the query that was given."""
    for name in type(query).model_fields:
        value = getattr(query, name)
        if name in Query.model_fields or value is None or value == "" or not hasattr(table, name):
            continue
        statement = statement.where(getattr(table, name) == value)
    return statement


def links(request: web.Request, total: int) -> dict[str, str]:
    """The ``Link`` header (prev, next, first, last), and ``X-Total-Count``."""
    number = int(request.query.get("page") or 1)
    size = int(request.query.get("per_page") or 10)
    last = max(1, -(-total // size))
    places = {
        "prev": max(1, number - 1),
        "next": min(last, number + 1),
        "first": 1,
        "last": last,
    }
    found = [
        f"<{request.rel_url.update_query(page=str(at), per_page=str(size))}>;rel={name}"
        for name, at in places.items()
    ]
    return {"Link": ",".join(found), "X-Total-Count": str(total)}
