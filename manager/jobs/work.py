"""What a replica holds of a job that it has claimed: the order, and a board of its steps. Pure."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from manager.jobs.files import PlannedFile
from manager.jobs.hosts import JobHost
from manager.jobs.progress import Progress
from manager.jobs.states import StepState


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in this replica's hands, until its lease runs out."""

    id: int
    type: str
    epoch: int
    spec: Mapping[str, Any]
    cluster_ids: tuple[int, ...] = ()
    user_id: int | None = None
    planned: bool = False
    sealed: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Step:
    """One file on one host. ``size_bytes`` is what the host said, or the plan."""

    state: StepState = StepState.PENDING
    attempts: int = 0
    done_bytes: int = 0
    size_bytes: int | None = None
    task_id: str = ""
    took_ms: int = 0
    error: str = ""


StepKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """Files and hosts of a job; a step is a pair of their numbers."""

    files: Sequence[PlannedFile]
    hosts: Sequence[JobHost]


class Board:
    """The steps of one job, and which of them changed since they were last written.

    Changed on the loop; a thread of the database takes the changes and the sums.
    """

    def __init__(self, plan: Plan, known: Mapping[StepKey, Step] | None = None) -> None:
        self.plan = plan
        self._steps: dict[StepKey, Step] = dict(known or {})
        self._dirty: set[StepKey] = set()
        self._lock = threading.Lock()
        self._sums = self._counted()

    def __iter__(self) -> Iterator[tuple[StepKey, Step]]:
        for key in self.keys():
            yield key, self.step(key)

    def keys(self) -> Iterator[StepKey]:
        """All steps, file by file."""
        for file_no in range(len(self.plan.files)):
            for host_no in range(len(self.plan.hosts)):
                yield file_no, host_no

    def open_hosts(self, file_no: int) -> list[int]:
        """Hosts on which the file is still to be brought."""
        hosts = range(len(self.plan.hosts))
        return [no for no in hosts if not self.step((file_no, no)).state.over]

    def step(self, key: StepKey) -> Step:
        """One step."""
        return self._steps.get(key) or self._fresh(key)

    def change(self, key: StepKey, **values: Any) -> Step:
        """Change fields of a step."""
        with self._lock:
            before = self.step(key)
            step = replace(before, **values)
            self._steps[key] = step
            self._dirty.add(key)
            self._sums.remove(before.state, before.done_bytes, before.size_bytes)
            self._sums.add(step.state, step.done_bytes, step.size_bytes)
            return step

    def cancel_open(self) -> None:
        """What is not over will not be done."""
        for key, step in list(self):
            if not step.state.over:
                self.change(key, state=StepState.CANCELLED)

    def take_changes(self) -> dict[StepKey, Step]:
        """The changed steps; they count as written from now on."""
        with self._lock:
            changed = {key: self._steps[key] for key in self._dirty}
            self._dirty.clear()
            return changed

    def put_back(self, changes: Mapping[StepKey, Step]) -> None:
        """They could not be written."""
        with self._lock:
            self._dirty.update(changes)

    def progress(self) -> Progress:
        """Sums over all steps."""
        with self._lock:
            return self._sums.copy()

    def _counted(self) -> Progress:
        sums = Progress()
        for file_no, file in enumerate(self.plan.files):
            fresh = len(self.plan.hosts)
            for host_no in range(len(self.plan.hosts) if self._steps else 0):
                step = self._steps.get((file_no, host_no))
                if step is not None:
                    sums.add(step.state, step.done_bytes, step.size_bytes)
                    fresh -= 1
            sums.add(StepState.PENDING, 0, file.size_bytes, count=fresh)
        return sums

    def _fresh(self, key: StepKey) -> Step:
        return Step(size_bytes=self.plan.files[key[0]].size_bytes)
