"""The time, as a thing that is handed down.

Every object that needs the time takes a :class:`Clock`, so that tests and the simulator
run on a virtual one. Intervals are measured with ``monotonic``; ``time`` is only for
what people and other machines read.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A source of time, in seconds."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    def time(self) -> float:
        """Seconds since the Unix epoch; may jump."""
        ...


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        return time.monotonic()

    def time(self) -> float:
        """Seconds since the Unix epoch; may jump."""
        return time.time()
