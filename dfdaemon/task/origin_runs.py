"""Which units to take from the origin in which request: pure, used by ``task/machine``.

The origin is asked for runs of consecutive units, several at once on as many connections, lowest
first, so that a reader in order is served early and a broken connection costs one run's rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dfcore.pieces import Geometry

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class OriginPolicy:
    """How this host goes to the origin.

    ``first`` is the seed's profile: it goes without asking. ``connections`` at once per blob,
    ``attempts`` in a row without progress before the task fails, delays in seconds.
    """

    first: bool = False
    allowed: bool = True
    connections: int = 4
    attempts: int = 6
    retry_base_s: float = 0.25
    retry_cap_s: float = 10.0


def run_length_bytes(size_bytes: int) -> int:
    """Bytes of one run: a 64th of the blob, between 8 and 64 MiB."""
    return min(max(size_bytes // 64, 8 * MIB), 64 * MIB)


@dataclass(slots=True)
class OriginRuns:
    """The runs under way, by transfer number, each as [next unit, until)."""

    geometry: Geometry
    policy: OriginPolicy
    accepts_ranges: bool = True
    active: dict[int, tuple[int, int]] = field(default_factory=dict)

    def next_run(self, needed: int) -> tuple[int, int] | None:
        """The next run out of ``needed`` (a bit per unit), if another connection is allowed."""
        limit = self.policy.connections if self.accepts_ranges else 1
        if not needed or len(self.active) >= limit:
            return None
        first = (needed & -needed).bit_length() - 1
        if not self.accepts_ranges:
            return 0, self.geometry.unit_count
        stretch = ~(needed >> first)
        consecutive = (stretch & -stretch).bit_length() - 1
        longest = max(1, run_length_bytes(self.geometry.size_bytes) // self.geometry.unit_length)
        return first, first + min(consecutive, longest)
