"""What a page is: a path, who may see it, a template, what fills it, and which blocks stay fresh."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from manager.auth.principal import Principal
from manager.observe.state import State
from manager.rest.routes import Call

if TYPE_CHECKING:
    from manager.console.rest import Rest
    from manager.observe.collector import Collector


@dataclass(frozen=True, slots=True)
class Visit:
    """One person's look at one page."""

    call: Call
    rest: Rest
    collector: Collector
    live: bool
    """Only the fresh blocks are wanted."""

    @property
    def principal(self) -> Principal:
        return self.call.principal

    @property
    def state(self) -> State:
        """The swarm, kept fresh because somebody looks."""
        return self.collector.look()

    def text(self, name: str) -> str:
        """A part of the path."""
        return self.call.request.match_info[name]

    def ask(self, name: str, default: str = "") -> str:
        """A query parameter, never longer than a person types."""
        return self.call.request.query.get(name, default)[:200]

    def number(self, name: str, default: int, *, least: int = 1, most: int = 1_000_000) -> int:
        """A numeric query parameter; nonsense counts as the default."""
        text = self.ask(name)
        return min(max(int(text), least), most) if text.isascii() and text.isdigit() else default

    async def get(self, path: str, **query: Any) -> Any:
        """What REST answers to this person."""
        return await self.rest.get(self.call, path, **query)

    async def rows(self, path: str, **query: Any) -> list[Any]:
        return await self.rest.rows(self.call, path, **query)

    async def rows_if(self, permission: str, path: str, **query: Any) -> list[Any]:
        """The list, empty for somebody who may not see it or where nobody has it."""
        if not self.principal.may(permission) or not self.rest.has(path):
            return []
        return await self.rest.rows(self.call, path, **query)


Load = Callable[[Visit], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """`load` gives the template's variables; its `data` goes to scripts as JSON."""

    path: str
    permission: str
    template: str
    """Empty: `load` gives an `answer` for scripts, or a `forward`."""
    load: Load
    title: str
    nav: str = ""
    """The entry of the menu that it belongs to; its own path if empty."""
    live: tuple[str, ...] = ()
    """Blocks of the template that are made again for those who stay."""
    every_s: float = 2.0
