"""What a simulated run showed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Outcome:
    """What a run showed. Times in seconds; ``done_s`` from each node's arrival on."""

    bound_s: float
    done_s: dict[int, float] = field(default_factory=dict)
    makespan_s: float = float("inf")
    seed_sent: float = 0.0
    """Bytes that the seed sent over the size of the blob."""
    origin_sent: float = 0.0
    asked: int = 0
    refused: int = 0
    wasted: int = 0
    """Any-of answers that brought what was on its way already."""
    reports: int = 0
    """Messages to the scheduler."""
    answers: int = 0
    starved: int = 0
    """Requests for other parents by nodes that got nothing for a while."""
    unfinished: int = 0
    up_use: float = 0.0
    """Mean use of the nodes' up-links until the last one was done."""
    tenth_s: float = 0.0
    lag_s: float = 0.0

    @property
    def ratio(self) -> float:
        return self.makespan_s / self.bound_s
