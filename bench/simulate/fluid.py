"""Links as a fluid: every host has a rate up and a rate down, transfers share them max-min fairly.

Exact: rates are computed anew, by progressive filling, whenever a transfer begins or ends. That costs
O(transfers) each time, so it is for some hundred hosts at most.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

_NEVER = float("inf")


class Flow:
    """One transfer under way: ``left`` bytes at ``rate`` bytes per second."""

    __slots__ = ("done", "down", "left", "rate", "up", "weight")

    def __init__(
        self, up: int, down: int, size: float, weight: float, done: Callable[[], None]
    ) -> None:
        self.up = up
        self.down = down
        self.left = size
        self.weight = weight
        self.rate = 0.0
        self.done = done


class Fluid:
    """Links by number; `link` makes one. The owner moves its clock on with `advance`."""

    def __init__(self) -> None:
        self._capacity: list[float] = []
        self._flows: list[dict[Flow, None]] = []
        self._all: dict[Flow, None] = {}
        self._at = 0.0
        self._stale = False
        self._next_end = _NEVER
        self.carried: list[float] = []
        """Bytes that each link has carried."""

    def link(self, bytes_s: float) -> int:
        self._capacity.append(bytes_s)
        self._flows.append({})
        self.carried.append(0.0)
        return len(self._capacity) - 1

    def begin(self, flow: Flow, now: float) -> None:
        self._settle(now)
        self._all[flow] = None
        self._flows[flow.up][flow] = None
        self._flows[flow.down][flow] = None
        self._stale = True

    def stop(self, flow: Flow, now: float) -> None:
        """Take a flow off, finished or not."""
        if flow in self._all:
            self._settle(now)
            del self._all[flow]
            del self._flows[flow.up][flow]
            del self._flows[flow.down][flow]
            self._stale = True

    @property
    def next_end(self) -> float:
        """When the next transfer will be complete; asked once all of one moment has happened."""
        if self._stale:
            self._stale = False
            self._share()
            self._next_end = min(
                (self._at + flow.left / flow.rate for flow in self._all), default=_NEVER
            )
        return self._next_end

    def ended(self, now: float) -> list[Flow]:
        """Move on to ``now`` and take off what is complete."""
        self._settle(now)
        # What ends within a microsecond of now ends now.
        over = [flow for flow in self._all if flow.left <= flow.rate * 1e-6]
        for flow in over:
            self.stop(flow, now)
        self._stale = True
        return over

    def _settle(self, now: float) -> None:
        passed = now - self._at
        if passed <= 0:
            return
        self._at = now
        carried = self.carried
        for flow in self._all:
            moved = flow.rate * passed
            flow.left -= moved
            carried[flow.up] += moved
            carried[flow.down] += moved

    def _share(self) -> None:
        """Raise all rates together; a full link stops those that cross it, the others go on."""
        room = list(self._capacity)
        weight = [sum(flow.weight for flow in flows) for flows in self._flows]
        open_flows = [len(flows) for flows in self._flows]
        for flow in self._all:
            flow.rate = -1.0
        levels = [(room[k] / weight[k], k) for k, flows in enumerate(self._flows) if flows]
        heapq.heapify(levels)
        while levels:
            level, link = heapq.heappop(levels)
            if not open_flows[link]:
                continue
            level_now = max(room[link], 0.0) / weight[link]
            if level_now > level * (1 + 1e-9):
                heapq.heappush(levels, (level_now, link))
                continue
            for flow in self._flows[link]:
                if flow.rate >= 0:
                    continue
                flow.rate = max(flow.weight * level, 1e-3)
                other = flow.down if link == flow.up else flow.up
                room[other] -= flow.rate
                weight[other] -= flow.weight
                open_flows[other] -= 1
            open_flows[link] = 0
