"""State machines whose transitions are data.

A machine is a table (state, event) -> state, a current state, and a short memory of what happened,
which an illegal event is reported with. Scheduler resources and the node's tasks and peers use it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from enum import Enum
from typing import Generic, TypeVar

from dfcore.errors import InvalidTransition

State = TypeVar("State", bound=Hashable)
Event = TypeVar("Event", bound=Hashable)

Table = Mapping[tuple[State, Event], State]

_STORY_STEPS = 32


class Machine(Generic[State, Event]):
    """One object's state. `name` says whose, in errors. Not thread-safe."""

    __slots__ = ("_name", "_state", "_story", "_table")

    def __init__(self, table: Table[State, Event], start: State, name: str) -> None:
        self._table = table
        self._state = start
        self._name = name
        # A tuple: most machines make a few steps, and an empty deque takes 600 bytes.
        self._story: tuple[tuple[State, Event], ...] = ()

    @property
    def state(self) -> State:
        """Where the machine is."""
        return self._state

    def fire(self, event: Event) -> State:
        """Make the transition and return the new state; InvalidTransition leaves all as it was."""
        after = self._table.get((self._state, event))
        if after is None:
            raise InvalidTransition(
                f"{self._name}: event {_label(event)} in state {_label(self._state)}; "
                f"before: {', '.join(self.story()) or 'nothing'}",
                story=self.story(),
            )
        self._story = (*self._story[1 - _STORY_STEPS :], (self._state, event))
        self._state = after
        return after

    def story(self) -> tuple[str, ...]:
        """The last transitions as `state --event-->`, oldest first."""
        return tuple(f"{_label(state)} --{_label(event)}-->" for state, event in self._story)


def _label(value: Hashable) -> str:
    return value.name if isinstance(value, Enum) else str(value)
