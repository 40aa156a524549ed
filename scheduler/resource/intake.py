"""What a peer took, and from whom; what the whole swarm took. For people who watch, never for decisions.

Kept beside the peer, so that it goes with it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

ORIGIN = ""
"""The name of the origin among the sources."""

_HALF_LIFE_S = 3.0
_MAX_SOURCES = 64
_MAX_PIECES = 1 << 16


class Rate:
    """A decaying mean of bytes per second."""

    __slots__ = ("_at", "_value", "total_bytes")

    def __init__(self, now: float) -> None:
        self._at = now
        self._value = 0.0
        self.total_bytes = 0

    def add(self, size_bytes: int, now: float) -> None:
        self._value = self.at(now) + size_bytes / _HALF_LIFE_S
        self._at = now
        self.total_bytes += size_bytes

    def at(self, now: float) -> float:
        """Bytes per second, as of `now` (monotonic seconds)."""
        return float(self._value * 0.5 ** (max(0.0, now - self._at) / _HALF_LIFE_S))


class Intake:
    """The pieces of one peer as bits, and one rate for each host it took from (at most 64)."""

    __slots__ = ("pieces", "sources")

    def __init__(self) -> None:
        self.pieces = 0
        self.sources: dict[str, Rate] = {}

    def note(self, source: str, piece: int, size_bytes: int, now: float) -> None:
        """`source` is a host id or `ORIGIN`; a negative `piece` is one that nobody named."""
        if 0 <= piece < _MAX_PIECES:
            self.pieces |= 1 << piece
        rate = self.sources.get(source)
        if rate is None:
            if len(self.sources) >= _MAX_SOURCES:
                del self.sources[min(self.sources, key=lambda name: self.sources[name].at(now))]
            rate = self.sources[source] = Rate(now)
        rate.add(size_bytes, now)

    def piece_bytes(self, piece_count: int = 0, *, complete: bool = False) -> bytes:
        """The bits, lowest of the first byte first; all of them for a complete peer."""
        bits = (1 << piece_count) - 1 if complete else self.pieces
        return bits.to_bytes((max(bits.bit_length(), piece_count) + 7) // 8, "little")

    def rates(self, now: float) -> Iterator[tuple[str, int, float]]:
        """Source, bytes in all, bytes per second now."""
        for source, rate in self.sources.items():
            yield source, rate.total_bytes, rate.at(now)

    def rate(self, now: float) -> float:
        return sum(rate.at(now) for rate in self.sources.values())


class Traffic:
    """Bytes that peers reported since the scheduler began, by who gave and who took."""

    __slots__ = ("origin_to_peers", "origin_to_seeds", "peers_to_peers", "seeds_to_peers")

    def __init__(self) -> None:
        self.origin_to_seeds = 0
        self.origin_to_peers = 0
        self.seeds_to_peers = 0
        self.peers_to_peers = 0

    def note(self, size_bytes: int, *, origin: bool, taker_seed: bool, giver_seed: bool) -> None:
        if origin and taker_seed:
            self.origin_to_seeds += size_bytes
        elif origin:
            self.origin_to_peers += size_bytes
        elif giver_seed:
            self.seeds_to_peers += size_bytes
        else:
            self.peers_to_peers += size_bytes
