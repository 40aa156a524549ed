"""Five routes for a kind of thing that is one row: make, delete, change, show, list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from dfcore.errors import NotFound
from manager.auth import audit
from manager.db.revisions import bump
from manager.rest.paging import equal_to, page
from manager.rest.routes import Answer, Call, Page, Query, Route, Wish

Values = dict[str, Any]
Prepare = Callable[[Session, Values, Any], None]
Check = Callable[[Session, Any], None]


def _nothing(*_: Any) -> None:
    return


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of thing."""

    path: str
    """``/api/v1/applications``"""
    what: str
    """``application``, for messages."""
    table: Any
    answer: type[Answer]
    new: type[Wish] | None = None
    patch: type[Wish] | None = None
    query: type[Query] = Query
    topic: str | None = None
    """Whose counter a change bumps."""
    prepare: Prepare = _nothing
    """May change or refuse the values before they get into the row (None for one to be made)."""
    before_delete: Check = _nothing
    finish: Check = _nothing
    """Called with the row after it was made or changed."""
    deletable: bool = True
    latest_first: bool = False

    @property
    def _object(self) -> str:
        return self.path.rpartition("/")[2]

    def load(self, session: Session, number: int) -> Any:
        """The row. Raises NotFound."""
        row = session.get(self.table, number)
        if row is None:
            raise NotFound(f"there is no {self.what} {number}")
        return row

    def shown(self, row: Any) -> BaseModel:
        """The row as it is answered."""
        return self.answer.model_validate(row)

    async def create(self, call: Call) -> Any:
        """Make one."""
        values = plain(call.body)

        def work(session: Session) -> BaseModel:
            given = dict(values)
            self.prepare(session, given, None)
            row = self.table(**given)
            session.add(row)
            return self._done(session, row)

        return await self._changed(call, work)

    async def update(self, call: Call) -> Any:
        """Change one: the values that were given."""
        number, values = call.number(), plain(call.body, given_only=True)

        def work(session: Session) -> BaseModel:
            given = dict(values)
            row = self.load(session, number)
            self.prepare(session, given, row)
            for name, value in given.items():
                setattr(row, name, value)
            return self._done(session, row)

        return await self._changed(call, work)

    async def destroy(self, call: Call) -> Any:
        """Delete one."""
        number = call.number()

        def work(session: Session) -> None:
            row = self.load(session, number)
            self.before_delete(session, row)
            audit.note(name=getattr(row, "name", getattr(row, "host_name", "")))
            session.delete(row)
            session.flush()
            self._bump(session)

        await self._changed(call, work)

    async def show(self, call: Call) -> Any:
        """One of them."""
        number = call.number()
        return await call.core.database.read(lambda s: self.shown(self.load(s, number)))

    async def listing(self, call: Call) -> Page:
        """A page of them, filtered by equality."""
        query = call.query_as(self.query)
        order = self.table.id.desc() if self.latest_first else self.table.id
        statement = equal_to(select(self.table).order_by(order), self.table, query)
        return await call.core.database.read(lambda s: page(s, statement, query, self.shown))

    def routes(self) -> tuple[Route, ...]:
        """The rows of the table: only what there is a type for."""
        read, write = f"{self._object}:read", f"{self._object}:write"
        one = self.path + "/{id}"
        found = []
        if self.new is not None:
            found.append(
                Route("POST", self.path, write, self.create, f"Make: {self.what}", self.new)
            )
        if self.patch is not None:
            found.append(
                Route("PATCH", one, write, self.update, f"Change: {self.what}", self.patch)
            )
        found.append(Route("GET", one, read, self.show, f"One {self.what}"))
        found = [replace(route, answer=self.answer) for route in found]
        if self.deletable:
            found.append(Route("DELETE", one, write, self.destroy, f"Delete: {self.what}"))
        answers: Any = list[self.answer]  # type: ignore[name-defined]
        found.append(
            Route(
                "GET",
                self.path,
                read,
                self.listing,
                f"List: {self.what}",
                query=self.query,
                answer=answers,
            )
        )
        return tuple(found)

    def _done(self, session: Session, row: Any) -> BaseModel:
        session.flush()
        self.finish(session, row)
        audit.note(id=row.id)
        self._bump(session)
        return self.shown(row)

    def _bump(self, session: Session) -> None:
        if self.topic is not None:
            bump(session, self.topic)

    async def _changed(self, call: Call, work: Any) -> Any:
        result = await call.core.database.run(work)
        call.core.changes.poke()
        return result


def plain(wish: BaseModel, *, given_only: bool = False) -> Values:
    """The values of a body; nested models as the database keeps them, None left out."""
    found = {}
    for name in wish.model_fields_set if given_only else type(wish).model_fields:
        value = getattr(wish, name)
        if value is None:
            continue
        found[name] = _stored(value)
    return found


def _stored(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, list):
        return [_stored(one) for one in value]
    return value
