"""The upload slots of very many parents at once.

The answers are those of ``dfdaemon.upload.slots.ParentSlots`` to the same requests one after the other
(``tests/unit/bench/test_fleet.py`` compares them). A child of a `fleet.Fleet` asks a parent for one
unit at a time, so that a slot is a transfer.
"""

from __future__ import annotations

import numpy as np

from bench.simulate.fleet import Flags, Numbers, ranks


class Doors:
    """So many transfers at once from each host."""

    def __init__(self, hosts: int, slots: int) -> None:
        self._slots = slots
        self._taken = np.zeros(hosts, np.intp)

    def take(self, parent: Numbers) -> Flags:
        """Requests to parents, in order: who gets a slot. The others are refused."""
        places, by = ranks(parent)
        granted = np.empty(len(parent), np.bool_)
        granted[by] = places < self._slots - self._taken[parent[by]]
        np.add.at(self._taken, parent[granted], 1)
        return granted

    def release(self, parent: Numbers) -> None:
        """Give back what was taken."""
        np.subtract.at(self._taken, parent, 1)
