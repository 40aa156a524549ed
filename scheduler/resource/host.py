"""A node as the scheduler sees it: its lease, its load, its record as a parent."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from scheduler.events import HostInfo

if TYPE_CHECKING:
    from scheduler.resource.peer import Peer
    from scheduler.resource.task import Task

_RATE_HALF_LIFE_S = 10.0


class Host:
    """One announced node. Lives as long as its lease; owns the list of its peers."""

    __slots__ = (
        "announced_at",
        "began_at",
        "failures",
        "feeds",
        "info",
        "interval_s",
        "listed",
        "listed_from",
        "peers",
        "quarantined_until",
        "served_at",
        "served_bps",
        "tasks",
        "triggers",
        "uploads",
    )

    def __init__(self, info: HostInfo, now: float, interval_s: float) -> None:
        self.info = info
        self.announced_at = now
        self.began_at = now
        """When it last said all that it holds, as a daemon does that has just started."""
        self.interval_s = interval_s
        self.listed: set[str] | None = None
        """The tasks of its full list so far, while the list is coming."""
        self.listed_from = now
        self.peers: dict[str, Peer] = {}
        self.tasks: dict[str, Peer] = {}
        """The latest peer of each task here, by task id."""
        self.feeds: dict[Task, None] = {}
        """Tasks whose feeder it is (kept by `feeding`)."""
        self.triggers: dict[Task, None] = {}
        """Tasks that it was asked to fetch and has not begun (kept by `feeding`)."""
        self.uploads = 0
        """Plain Dragonfly peers that were told to take from this host and have not ended."""
        self.failures: deque[float] = deque(maxlen=64)
        self.quarantined_until: float | None = None
        self.served_bps = 0.0
        self.served_at = now

    @property
    def id(self) -> str:
        return self.info.id

    @property
    def serves(self) -> bool:
        """Whether it may be named as a parent at all."""
        return not self.info.disable_shared and self.quarantined_until is None

    def note_served(self, size_bytes: int, now: float) -> None:
        """Children reported bytes taken from here: a decaying mean, in bits per second."""
        self.served_bps = self.served_rate(now) + size_bytes * 8 / _RATE_HALF_LIFE_S
        self.served_at = now

    def served_rate(self, now: float) -> float:
        """Bits per second that children reported lately."""
        idle_s = max(0.0, now - self.served_at)
        return float(self.served_bps * 0.5 ** (idle_s / _RATE_HALF_LIFE_S))

    def note_failure(self, now: float, window_s: float) -> int:
        """One more piece from here did not verify; how many within the window."""
        self.failures.append(now)
        while self.failures and self.failures[0] < now - window_s:
            self.failures.popleft()
        return len(self.failures)
