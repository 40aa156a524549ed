from __future__ import annotations

import pytest

from dfcore.errors import BadInput
from manager.jobs.files import PlannedFile
from manager.jobs.hosts import JobHost
from manager.jobs.progress import Progress
from manager.jobs.results import preheat_result
from manager.jobs.states import JobState, StepState, check_change, outcome
from manager.jobs.work import Board, Plan, Step


def board(known: dict[tuple[int, int], Step] | None = None) -> Board:
    files = [PlannedFile("a", "http://x/a?token=1", 10), PlannedFile("b", "http://x/b", 20)]
    hosts = [JobHost(f"h{i}", f"h{i}", f"10.0.0.{i}", 4000, False, i) for i in range(2)]
    return Board(Plan(files, hosts), known)


def test_a_board_counts_steps_and_bytes() -> None:
    steps = board()
    steps.change((0, 0), state=StepState.DONE, done_bytes=10)
    steps.change((1, 1), state=StepState.RUNNING, done_bytes=5)
    progress = steps.progress()
    assert (progress.total, progress.over) == (4, 1)
    assert (progress.done_bytes, progress.total_bytes) == (15, 60)
    assert progress.percent == 25.0


def test_a_hundred_percent_means_that_all_is_done() -> None:
    progress = Progress()
    assert progress.percent == 0.0
    progress.add(StepState.DONE, 0, 0)
    assert progress.percent == 100.0
    progress.add(StepState.DONE, 10, 10)
    progress.add(StepState.FAILED, 10, 10)
    assert progress.percent == 99.9


def test_changes_are_taken_once_and_can_be_put_back() -> None:
    steps = board()
    steps.change((0, 1), error="x")
    taken = steps.take_changes()
    assert list(taken) == [(0, 1)]
    assert not steps.take_changes()
    steps.put_back(taken)
    assert list(steps.take_changes()) == [(0, 1)]


def test_what_is_over_is_not_done_again() -> None:
    steps = board({(0, 0): Step(StepState.DONE), (0, 1): Step(StepState.PENDING)})
    assert steps.open_hosts(0) == [1]
    assert steps.open_hosts(1) == [0, 1]
    steps.cancel_open()
    assert steps.step((0, 0)).state is StepState.DONE
    assert steps.step((1, 1)).state is StepState.CANCELLED


def test_a_result_has_dragonflys_shape_and_no_query() -> None:
    steps = board()
    for key in steps.keys():  # noqa: SIM118 - not a mapping
        steps.change(key, state=StepState.DONE)
    steps.change((1, 1), state=StepState.FAILED, error="no space")
    (state,) = preheat_result(steps)["job_states"]
    assert (state["state"], state["error"]) == ("FAILURE", "no space")
    first, second = state["results"]
    assert first["success_tasks"][0] == {"url": "http://x/a", "hostname": "h0", "ip": "10.0.0.0"}
    assert (first["scheduler_cluster_id"], second["scheduler_cluster_id"]) == (0, 1)
    assert second["failure_tasks"][0]["description"] == "no space"


def test_only_what_is_over_and_not_done_can_be_done_again() -> None:
    check_change(JobState.FAILURE, JobState.PENDING)
    check_change(JobState.CANCELLED, JobState.PENDING)
    for state in (JobState.SUCCESS, JobState.STARTED, JobState.SCHEDULED):
        with pytest.raises(BadInput):
            check_change(state, JobState.PENDING)


def test_the_outcome_of_steps() -> None:
    assert outcome({StepState.DONE: 3}, cancelled=False) is JobState.SUCCESS
    assert outcome({StepState.DONE: 3, StepState.FAILED: 1}, cancelled=False) is JobState.FAILURE
    assert outcome({StepState.DONE: 3}, cancelled=True) is JobState.CANCELLED
