"""The state tables against Dragonfly's (facts: scheduler/resource/standard/{task,peer}.go)."""

from __future__ import annotations

import pytest

from dfcore.errors import InvalidTransition
from dfcore.fsm import Machine
from scheduler.resource.sampler import Sampler
from scheduler.resource.states import (
    PEER_TABLE,
    TASK_TABLE,
    PeerEvent,
    PeerState,
    TaskEvent,
    TaskState,
)


def test_a_seed_peers_life() -> None:
    machine = Machine(PEER_TABLE, PeerState.PENDING, "p")
    for event in (
        PeerEvent.REGISTER_NORMAL,
        PeerEvent.DOWNLOAD_BACK_TO_SOURCE,
        PeerEvent.DOWNLOAD_SUCCEEDED,
        PeerEvent.LEAVE,
    ):
        machine.fire(event)
    assert machine.state is PeerState.LEAVE


def test_nothing_comes_after_leave() -> None:
    assert not [key for key in PEER_TABLE if key[0] is PeerState.LEAVE]


def test_a_failed_peer_can_only_leave() -> None:
    assert [key for key in PEER_TABLE if key[0] is PeerState.FAILED] == [
        (PeerState.FAILED, PeerEvent.LEAVE)
    ]


def test_an_illegal_move_tells_the_story() -> None:
    machine = Machine(TASK_TABLE, TaskState.PENDING, "task t")
    machine.fire(TaskEvent.LEAVE)
    with pytest.raises(InvalidTransition, match="task t"):
        machine.fire(TaskEvent.DOWNLOAD_FAILED)


def test_states_travel_by_dragonflys_names() -> None:
    assert str(PeerState.BACK_TO_SOURCE) == "BackToSource"
    assert str(PeerState.RECEIVED_NORMAL) == "ReceivedNormal"


def test_sampler_forgets_and_keeps_places() -> None:
    sampler: Sampler[str] = Sampler()
    for item in "abcde":
        sampler.add(item)
    sampler.add("a")
    sampler.discard("b")
    sampler.discard("zz")
    assert sorted(sampler) == list("acde")
    assert sampler.place_is_consistent()
