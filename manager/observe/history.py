"""How traffic was: two rings of samples, one fine and short, one coarse and long. Pure; fixed memory."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from manager.observe.model import Traffic


@dataclass(frozen=True, slots=True)
class Sample:
    """Rates over the step that ended at `at` (seconds since 1970)."""

    at: float
    peers: float
    seeds: float
    origin: float

    @property
    def total(self) -> float:
        return self.peers + self.seeds + self.origin


class Ring:
    """The last `size` samples, at most one per `step_s`; what comes between is averaged."""

    def __init__(self, size: int, step_s: float) -> None:
        self.step_s = step_s
        self._size = size
        self._columns = [array("d", bytes(8 * size)) for _ in range(4)]
        self._count = 0
        self._pending = Traffic()
        self._began_at: float | None = None

    def add(self, at: float, moved: Traffic) -> None:
        """`moved` since the last call."""
        if self._began_at is None:
            self._began_at = at
            return  # of what happened before, nobody knows how long it took
        self._pending += moved
        elapsed_s = at - self._began_at
        if elapsed_s < self.step_s * 0.75:
            return
        pending = self._pending
        sample = (at, pending.peers_to_peers, pending.seeds_to_peers, pending.origin)
        place = self._count % self._size
        self._columns[0][place] = sample[0]
        for column, moved_bytes in zip(self._columns[1:], sample[1:], strict=True):
            column[place] = moved_bytes / elapsed_s
        self._count += 1
        self._pending, self._began_at = Traffic(), at

    def columns(self, after: float = 0.0) -> list[list[float]]:
        """Times, peers, seeds, origin; oldest first, later than `after`."""
        kept = min(self._count, self._size)
        places = [number % self._size for number in range(self._count - kept, self._count)]
        places = [place for place in places if self._columns[0][place] > after]
        return [[column[place] for place in places] for column in self._columns]

    def last(self) -> Sample | None:
        if not self._count:
            return None
        place = (self._count - 1) % self._size
        return Sample(*(column[place] for column in self._columns))


class History:
    """Half an hour by two seconds, a day by minutes."""

    def __init__(self) -> None:
        self.fine = Ring(900, 2.0)
        self.coarse = Ring(1440, 60.0)

    def add(self, at: float, moved: Traffic) -> None:
        self.fine.add(at, moved)
        self.coarse.add(at, moved)

    @property
    def now(self) -> Sample:
        """The latest rates; zero before there are any."""
        return self.fine.last() or Sample(0.0, 0.0, 0.0, 0.0)


def smoothed(values: Sequence[float], buckets: int) -> list[float]:
    """Means of `buckets` equal parts, for a small picture."""
    if len(values) <= buckets:
        return list(values)
    width = len(values) / buckets
    parts = [values[int(i * width) : max(int((i + 1) * width), 1)] for i in range(buckets)]
    return [sum(part) / len(part) if part else 0.0 for part in parts]
