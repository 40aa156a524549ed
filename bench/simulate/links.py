"""The links of very many hosts, in steps of time: the approximation that `crowd` runs on.

In every step a transfer has the smaller of its two links' fair shares; what that leaves unused goes,
in a few rounds, to transfers that have room at both ends. Never more than a link carries, at the most a
little less than max-min fairness would give. Vectors over all transfers; a step costs some
milliseconds for 100,000 hosts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.intp]

ROUNDS = 3


class Links:
    """Transfers by place; places are used again. ``up`` and ``down`` are bytes per second by host."""

    def __init__(self, up: list[float], down: list[float]) -> None:
        # A last, dead host is where unused places belong.
        self._up: Floats = np.array([*up, 0.0])
        self._down: Floats = np.array([*down, 0.0])
        self._nowhere = len(up)
        self._source: Numbers = np.empty(0, np.intp)
        self._target: Numbers = np.empty(0, np.intp)
        self._left: Floats = np.empty(0)
        self._rate: Floats = np.empty(0)
        self._free: Numbers = np.empty(0, np.intp)
        self.sent: Floats = np.zeros(len(up) + 1)
        """Bytes sent by host."""

    def begin(self, source: Numbers, target: Numbers, size: float) -> Numbers:
        """Transfers of one size from the next `share` on; returns their places."""
        while len(self._free) < len(source):
            self._grow()
        cut = len(self._free) - len(source)
        places, self._free = self._free[cut:], self._free[:cut]
        self._source[places] = source
        self._target[places] = target
        self._left[places] = size
        self._rate[places] = 0.0
        return places

    def stop(self, places: Numbers) -> None:
        """These transfers are over."""
        self._source[places] = self._target[places] = self._nowhere
        self._left[places] = np.inf
        self._rate[places] = 0.0
        self._free = np.concatenate([self._free, places])

    def ends(self, places: Numbers) -> tuple[Numbers, Numbers]:
        """From whom and to whom."""
        return self._source[places], self._target[places]

    def at(self, host: int) -> Numbers:
        """The places of all transfers from or to the host."""
        return np.flatnonzero((self._source == host) | (self._target == host))

    def advance(self, step_s: float) -> Numbers:
        """Let time pass at the rates last shared; the places of what is complete, to the nearest
        step."""
        moved = self._rate * step_s
        self._left -= moved
        self.sent += np.bincount(self._source, moved, len(self.sent))
        return np.flatnonzero(self._left < moved * 0.5)

    def share(self) -> None:
        """Divide the links among the transfers there are now."""
        source, target = self._source, self._target
        hosts = len(self._up)
        room_up, room_down = self._up.copy(), self._down.copy()
        rate = np.zeros(len(source))
        some: Numbers | None = None
        for turn in range(ROUNDS):
            here, there = (source, target) if some is None else (source[some], target[some])
            share_up = room_up / np.maximum(np.bincount(here, minlength=hosts), 1)
            share_down = room_down / np.maximum(np.bincount(there, minlength=hosts), 1)
            more = np.minimum(share_up[here], share_down[there])
            if some is None:
                rate = more
            else:
                rate[some] += more
            if turn + 1 == ROUNDS:
                break
            room_up -= np.bincount(here, more, hosts)
            room_down -= np.bincount(there, more, hosts)
            spare_up, spare_down = room_up > self._up * 0.01, room_down > self._down * 0.01
            fits = spare_up[here] & spare_down[there]
            some = np.flatnonzero(fits) if some is None else some[fits]
            if not len(some):
                break
        self._rate = rate

    def _grow(self) -> None:
        before = len(self._source)
        more = max(1024, before // 2)
        self._free = np.concatenate([self._free, np.arange(before + more - 1, before - 1, -1)])
        nowhere = np.full(more, self._nowhere, np.intp)
        self._source = np.concatenate([self._source, nowhere])
        self._target = np.concatenate([self._target, nowhere])
        self._left = np.concatenate([self._left, np.full(more, np.inf)])
        self._rate = np.concatenate([self._rate, np.zeros(more)])
