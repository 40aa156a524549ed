"""What is known of the units' digests, and on whose word. Pure, used by ``task/machine``."""

from __future__ import annotations

from collections.abc import Mapping


class DigestBook:
    """Digests by unit. A seed's word counts more than a peer's; ``vouched`` has a bit per unit that
    a seed told."""

    def __init__(self) -> None:
        self.vouched = 0
        self._known: dict[int, bytes] = {}

    def expected(self, unit: int) -> bytes | None:
        """The digest that a unit from a peer must have."""
        return self._known.get(unit)

    def promised(self, unit: int) -> bytes | None:
        """The digest that a unit from a seed must have: what peers say does not bind a seed."""
        return self._known.get(unit) if self.vouched >> unit & 1 else None

    def learn(self, digests: Mapping[int, bytes], *, from_seed: bool) -> int:
        """Take note of digests; returns the units of which a seed now says other than was known."""
        contradicted = 0
        for unit, digest in digests.items():
            bit = 1 << unit
            if not from_seed or self.vouched & bit:
                self._known.setdefault(unit, digest)
                continue
            if self._known.get(unit, digest) != digest:
                contradicted |= bit
            self._known[unit] = digest
            self.vouched |= bit
        return contradicted

    def has_arrived(self, unit: int, digest: bytes) -> None:
        """The unit is here and has this digest, whatever peers say of it."""
        if not self.vouched >> unit & 1:
            self._known[unit] = digest

    def forget_hearsay(self, held: int) -> None:
        """Drop what peers said of units that are not here: one of them has taken it back."""
        kept = held | self.vouched
        self._known = {unit: digest for unit, digest in self._known.items() if kept >> unit & 1}

    def clear(self) -> None:
        self._known.clear()
        self.vouched = 0
