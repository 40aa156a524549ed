"""The table machine: what is in the table happens, all else is told with its history."""

from __future__ import annotations

from enum import Enum, auto

import pytest

from dfcore.errors import InvalidTransition
from dfcore.fsm import Machine, Table


class Door(Enum):
    OPEN = auto()
    SHUT = auto()


TABLE: Table[Door, str] = {(Door.OPEN, "close"): Door.SHUT, (Door.SHUT, "open"): Door.OPEN}


def test_events_move_the_state() -> None:
    door = Machine(TABLE, Door.OPEN, "door 7")
    assert door.fire("close") is Door.SHUT
    assert door.state is Door.SHUT
    assert door.story() == ("OPEN --close-->",)


def test_an_illegal_event_changes_nothing_and_tells_the_story() -> None:
    door = Machine(TABLE, Door.OPEN, "door 7")
    door.fire("close")
    with pytest.raises(InvalidTransition) as caught:
        door.fire("close")
    assert "door 7" in str(caught.value)
    assert "SHUT" in str(caught.value)
    assert caught.value.story == ("OPEN --close-->",)
    assert door.state is Door.SHUT


def test_the_story_is_bounded() -> None:
    door = Machine(TABLE, Door.OPEN, "door 7")
    for _ in range(100):
        door.fire("close")
        door.fire("open")
    assert len(door.story()) == 32
    assert door.story()[-1] == "SHUT --open-->"
