"""Whole pieces from plain Dragonfly parents, as a script."""

from __future__ import annotations

from random import Random

from dfcore.pieces import Geometry
from dfdaemon.task import commands as do
from dfdaemon.task import events as it
from dfdaemon.task.machine import Download
from dfdaemon.task.planner import PlanPolicy
from dfdaemon.task.policy import TaskPolicy

MIB = 1 << 20
GEOMETRY = Geometry(16 * MIB, 4 * MIB, MIB)
PLAIN = it.ParentAddress("plain", "host-plain", "127.0.0.3", 4005, ours=False, rpc_port=4000)
ALL = (1 << 16) - 1


def joined(downloads: int = 4) -> tuple[Download, list[do.Command]]:
    """A download whose one parent is a plain peer that holds everything."""
    download = Download(TaskPolicy(PlanPolicy(downloads=downloads)), Random(1))
    download.handle(it.Started(), 0.0)
    download.handle(it.CandidatesNamed((PLAIN,)), 0.0)
    download.handle(it.ParentJoined("plain", it.Offer(GEOMETRY), 0, {}), 0.0)
    return download, download.handle(it.ParentHeld("plain", {}, bits=ALL), 0.0)


def pieces(commands: list[do.Command]) -> list[do.FetchPiece]:
    return [command for command in commands if isinstance(command, do.FetchPiece)]


def arrive(download: Download, fetch: do.FetchPiece) -> list[do.Command]:
    """All units of a piece, one after the other, as the transfer tells of them."""
    answers: list[do.Command] = []
    for unit in GEOMETRY.units_of_piece(fetch.piece):
        arrived = it.UnitArrived(fetch.transfer, unit, MIB, bytes([unit]) * 16, 0.1)
        answers += download.handle(arrived, 1.0)
    return answers


def test_a_piece_under_way_is_not_asked_for_again() -> None:
    download, commands = joined(downloads=1)
    asked = []
    pending = pieces(commands)
    while pending:
        fetch = pending.pop()
        asked.append(fetch.piece)
        pending += pieces(arrive(download, fetch))
    assert sorted(asked) == [0, 1, 2, 3]
    assert download.state == "checking"


def test_a_plain_parent_gives_several_pieces_at_once() -> None:
    _, commands = joined(downloads=3)
    assert len({fetch.piece for fetch in pieces(commands)}) == 3


def test_a_transfer_that_brought_nothing_new_is_over() -> None:
    download, commands = joined(downloads=1)
    (fetch,) = pieces(commands)
    assert not pieces(download.handle(it.TransferEmpty(fetch.transfer), 1.0))
    assert pieces(download.handle(it.Ticked(), 2.0))


def test_a_plain_parent_whose_pieces_cannot_be_had_is_given_up() -> None:
    """No channel tells of its end, as one of ours would."""
    download, commands = joined(downloads=1)
    for attempt in range(3):
        (fetch,) = pieces(commands)
        answer = download.handle(it.TransferBroken(fetch.transfer, "refused"), 10.0 * attempt)
        commands = download.handle(it.Ticked(), 10.0 * attempt + 5)
    assert do.LeaveParent("plain") in answer
    assert [c.bad for c in answer if isinstance(c, do.Reschedule)] == [("plain",)]
    assert not pieces(commands)
