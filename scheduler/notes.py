"""The last remarkable things that the core said, for those who ask: a bounded list with numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from dfinfra.pb import meganeura_pb2
from scheduler import commands as do

_KEPT = 256


class Notes:
    """`clock` is the time of day in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: deque[meganeura_pb2.SwarmNote] = deque(maxlen=_KEPT)
        self._number = 0

    def take(self, command: do.Command) -> None:
        """Keep it if a person should know."""
        note = _note(command)
        if note is None:
            return
        self._number += 1
        note.number = self._number
        note.at_ms = int(self._clock() * 1000)
        self._kept.append(note)

    def after(self, number: int) -> list[meganeura_pb2.SwarmNote]:
        """Those with higher numbers, oldest first."""
        return [note for note in self._kept if note.number > number]


def _note(command: do.Command) -> meganeura_pb2.SwarmNote | None:
    match command:
        case do.NoteOrigin(task_id=task, host_id=host, granted=granted, seed=False, reason=why):
            kind = "origin-granted" if granted else "origin-unasked"
            return meganeura_pb2.SwarmNote(kind=kind, host_id=host, task_id=task, text=why)
        case do.NoteQuarantine(host_id=host, task_id=task, failures=failures):
            text = f"{failures} pieces did not verify"
            return meganeura_pb2.SwarmNote(
                kind="quarantined", host_id=host, task_id=task, text=text
            )
        case do.NoteHostExpired(host_id=host, silent_s=silent_s):
            text = f"silent for {silent_s:.0f} s"
            return meganeura_pb2.SwarmNote(kind="host-expired", host_id=host, text=text)
        case do.NoteFeederLost(task_id=task, host_id=host, reason=why):
            return meganeura_pb2.SwarmNote(kind="feeder-lost", host_id=host, task_id=task, text=why)
    return None
