"""The state tables of tasks and peers: data, nothing else.

Names and moves are Dragonfly's (scheduler/resource/standard/{task,peer}.go), because a peer's state
is part of its wire protocol. Four moves are ours and marked so.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class TaskState(StrEnum):
    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    LEAVE = "Leave"


class TaskEvent(StrEnum):
    DOWNLOAD = "Download"
    DOWNLOAD_SUCCEEDED = "DownloadSucceeded"
    DOWNLOAD_FAILED = "DownloadFailed"
    LEAVE = "Leave"


class PeerState(StrEnum):
    PENDING = "Pending"
    RECEIVED_EMPTY = "ReceivedEmpty"
    RECEIVED_NORMAL = "ReceivedNormal"
    RUNNING = "Running"
    BACK_TO_SOURCE = "BackToSource"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    LEAVE = "Leave"


class PeerEvent(StrEnum):
    REGISTER_EMPTY = "RegisterEmpty"
    REGISTER_NORMAL = "RegisterNormal"
    DOWNLOAD = "Download"
    DOWNLOAD_BACK_TO_SOURCE = "DownloadBackToSource"
    DOWNLOAD_SUCCEEDED = "DownloadSucceeded"
    DOWNLOAD_FAILED = "DownloadFailed"
    LEAVE = "Leave"


def _task_table() -> dict[tuple[TaskState, TaskEvent], TaskState]:
    state, event = TaskState, TaskEvent
    table = {
        (source, event.DOWNLOAD): state.RUNNING
        for source in (state.PENDING, state.SUCCEEDED, state.FAILED, state.LEAVE)
    }
    table |= {
        (source, event.DOWNLOAD_SUCCEEDED): state.SUCCEEDED
        for source in (state.LEAVE, state.RUNNING, state.FAILED)
    }
    # Ours: a host announced the whole blob before anybody registered for it.
    table[state.PENDING, event.DOWNLOAD_SUCCEEDED] = state.SUCCEEDED
    table[state.RUNNING, event.DOWNLOAD_FAILED] = state.FAILED
    table |= {
        (source, event.LEAVE): state.LEAVE for source in TaskState if source is not state.LEAVE
    }
    return table


def _peer_table() -> dict[tuple[PeerState, PeerEvent], PeerState]:
    state, event = PeerState, PeerEvent
    received = (state.RECEIVED_EMPTY, state.RECEIVED_NORMAL)
    table = {
        (state.PENDING, event.REGISTER_EMPTY): state.RECEIVED_EMPTY,
        (state.PENDING, event.REGISTER_NORMAL): state.RECEIVED_NORMAL,
        # Ours: a host announced what it holds, in part or whole, without a download.
        (state.PENDING, event.DOWNLOAD): state.RUNNING,
        (state.PENDING, event.DOWNLOAD_SUCCEEDED): state.SUCCEEDED,
        # Ours: a peer that went to the origin is told of parents as well.
        (state.BACK_TO_SOURCE, event.DOWNLOAD): state.RUNNING,
    }
    for source in received:
        table[source, event.DOWNLOAD] = state.RUNNING
    for source in (*received, state.RUNNING):
        table[source, event.DOWNLOAD_BACK_TO_SOURCE] = state.BACK_TO_SOURCE
    for source in (*received, state.RUNNING, state.BACK_TO_SOURCE):
        table[source, event.DOWNLOAD_SUCCEEDED] = state.SUCCEEDED
    for source in PeerState:
        if source not in (state.LEAVE, state.FAILED):
            table[source, event.DOWNLOAD_FAILED] = state.FAILED
        if source is not state.LEAVE:
            table[source, event.LEAVE] = state.LEAVE
    return table


TASK_TABLE: Final = _task_table()
PEER_TABLE: Final = _peer_table()

HOLDING_STATES: Final = frozenset(
    {PeerState.RECEIVED_NORMAL, PeerState.RUNNING, PeerState.BACK_TO_SOURCE, PeerState.SUCCEEDED}
)
"""States in which a peer may be named as a parent of an own peer (it serves what it has)."""

ENDED_STATES: Final = frozenset({PeerState.SUCCEEDED, PeerState.FAILED, PeerState.LEAVE})
