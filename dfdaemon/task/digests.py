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
        return self._known.get(unit)

    def learn(self, digests: Mapping[int, bytes], *, from_seed: bool) -> None:
        for unit, digest in digests.items():
            bit = 1 << unit
            if from_seed and not self.vouched & bit:
                self._known[unit] = digest
                self.vouched |= bit
            else:
                self._known.setdefault(unit, digest)

    def clear(self) -> None:
        self._known.clear()
        self.vouched = 0
