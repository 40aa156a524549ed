"""Whose bytes turned out wrong after readers had them: the memory behind a refused resume. Pure.

Kept by the registry for as long as the process lives, since a client may come back with its half file
at any time. Bounded: the longest forgotten go first.
"""

from __future__ import annotations

from dfcore.lru import Lru

LIMIT = 1024


class Doubts:
    """By task id, up to which byte readers were given content that did not verify."""

    def __init__(self) -> None:
        self._ends: Lru[str, int] = Lru()

    def note(self, task_id: str, end: int) -> None:
        """Readers have had wrong bytes up to ``end`` (0: they have not)."""
        if not end:
            return
        self._ends.put(task_id, max(end, self.end(task_id)))
        for victim in self._ends.victims(len(self._ends) - LIMIT):
            self._ends.pop(victim)

    def end(self, task_id: str) -> int:
        """Where the doubtful bytes end, 0 if there are none."""
        return self._ends.get(task_id) or 0
