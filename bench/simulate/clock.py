"""The virtual clock: things to do, in order of time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any

Action = Callable[..., None]


class Alarm:
    """Something to be done at a moment; ``cancel`` before that and it is not."""

    __slots__ = ("action", "arguments")

    def __init__(self, action: Action, arguments: tuple[Any, ...]) -> None:
        self.action: Action | None = action
        self.arguments = arguments

    def cancel(self) -> None:
        self.action = None


class Clock:
    """``now`` in seconds since the run began."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Alarm]] = []
        self._numbers = count()

    def at(self, moment: float, action: Action, *arguments: Any) -> Alarm:
        alarm = Alarm(action, arguments)
        heapq.heappush(self._due, (moment, next(self._numbers), alarm))
        return alarm

    def after(self, delay_s: float, action: Action, *arguments: Any) -> Alarm:
        return self.at(self.now + delay_s, action, *arguments)

    @property
    def next_due(self) -> float | None:
        while self._due and self._due[0][2].action is None:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def run_next(self) -> None:
        """Go on to the next thing, and do it."""
        moment, _, alarm = heapq.heappop(self._due)
        self.now = max(self.now, moment)
        if (action := alarm.action) is not None:
            action(*alarm.arguments)
