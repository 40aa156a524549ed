"""How far a job is: sums over its steps. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from manager.jobs.states import StepState


@dataclass(slots=True)
class Progress:
    """Counts of steps by state, and bytes. ``total_bytes`` counts steps of unknown size as nothing."""

    steps: dict[StepState, int] = field(default_factory=dict)
    done_bytes: int = 0
    total_bytes: int = 0

    def add(
        self, state: StepState, done_bytes: int, size_bytes: int | None, *, count: int = 1
    ) -> None:
        """Count steps that are alike."""
        self.steps[state] = self.steps.get(state, 0) + count
        self.done_bytes += done_bytes * count
        self.total_bytes += max(size_bytes or 0, done_bytes) * count

    def remove(self, state: StepState, done_bytes: int, size_bytes: int | None) -> None:
        """Count one step no more."""
        self.add(state, done_bytes, size_bytes, count=-1)

    def copy(self) -> Progress:
        """The sums as they are now."""
        steps = {state: count for state, count in self.steps.items() if count}
        return Progress(steps, self.done_bytes, self.total_bytes)

    @property
    def total(self) -> int:
        """All steps."""
        return sum(self.steps.values())

    @property
    def over(self) -> int:
        """Steps of which nothing more is expected."""
        return sum(count for state, count in self.steps.items() if state.over)

    @property
    def percent(self) -> float:
        """By bytes where they are known, else by steps; 100 only when all steps are done."""
        if not self.total:
            return 0.0
        part = self.done_bytes / self.total_bytes if self.total_bytes else self.over / self.total
        if self.steps.get(StepState.DONE) == self.total:
            return 100.0
        return min(99.9, round(100 * part, 1))
