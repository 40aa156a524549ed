"""Who is writing to which unit: keeps two writers of one unit from undoing each other's check.

Pure; guarded by the lock of the blob that owns it. Fetchers hash what they receive, not what is in
the file, so a unit that a second thread wrote to as well may hold other bytes than the ones that
were verified. Such a unit is *contested*: it is read back before it is believed.
"""

from __future__ import annotations


class UnitWriters:
    """Writes under way and past writers of units that are not held yet."""

    __slots__ = ("_active", "_contested", "_last")

    def __init__(self) -> None:
        self._active: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self._contested: set[int] = set()

    def begin(self, unit: int, writer: int) -> None:
        """`writer` (a thread's ident) is about to write into `unit`."""
        if self._last.setdefault(unit, writer) != writer:
            self._contested.add(unit)
            self._last[unit] = writer
        self._active[unit] = self._active.get(unit, 0) + 1

    def end(self, unit: int) -> None:
        """The write that begin() announced is over."""
        left = self._active[unit] - 1
        if left:
            self._active[unit] = left
        else:
            del self._active[unit]

    def is_active(self, unit: int) -> bool:
        """True while a write into `unit` is under way."""
        return unit in self._active

    def settle(self, unit: int) -> bool:
        """Forget who wrote `unit`; True if it was contested."""
        self._last.pop(unit, None)
        contested = unit in self._contested
        self._contested.discard(unit)
        return contested
