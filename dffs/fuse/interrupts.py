"""Lets go of processes that were killed while they wait for us.

The kernel tells of a signal by INTERRUPT and then waits for the reply whatever happens: behind a slow
object store a killed process would stay for minutes. Once it is dying (a signal is pending that will
end it) its request is answered with EINTR. A process that handles its signal goes on waiting: programs
do not expect EINTR from files. Reads that the kernel splits or does ahead (O_DIRECT, readahead) are
waited for without us. `Server` owns one `Watch`.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping

from dffs.fuse.operations import Request

_EVERY_S = 0.1
_MASKS = (b"SigPnd", b"ShdPnd", b"SigBlk", b"SigIgn", b"SigCgt")
_KILL = 1 << (signal.SIGKILL - 1)
# What does nothing, or stops, where no handler is set.
_HARMLESS = sum(
    1 << (number - 1)
    for number in (
        signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH,
        signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
    )
)  # fmt: skip


class Watch:
    """Looks at interrupted requests until they are answered. Its thread lives while there are some."""

    def __init__(self, in_flight: Mapping[int, Request], let_go: Callable[[Request], None]) -> None:
        self._in_flight = in_flight
        self._let_go = let_go
        self._lock = threading.Lock()
        self._watched: set[int] = set()
        self._running = False

    def interrupted(self, unique: int) -> None:
        """A process that waits for this request got a signal."""
        with self._lock:
            if unique not in self._in_flight:
                return
            self._watched.add(unique)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="fuse-watch", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            with self._lock:
                self._watched &= self._in_flight.keys()
                if not self._watched:
                    self._running = False
                    return
                watched = list(self._watched)
            for unique in watched:
                request = self._in_flight.get(unique)
                if request is not None and is_dying(request.pid):
                    self._let_go(request)
            pause.wait(_EVERY_S)


def is_dying(thread: int) -> bool:
    """Whether a thread has a signal pending that ends it, or is gone."""
    masks = {}
    try:
        with open(f"/proc/{thread}/status", "rb") as file:
            for line in file:
                name, _, value = line.partition(b":")
                if name in _MASKS:
                    masks[name] = int(value, 16)
    except (OSError, ValueError):
        return True
    pending = masks.get(b"SigPnd", 0) | masks.get(b"ShdPnd", 0)
    heeded = masks.get(b"SigBlk", 0) | masks.get(b"SigIgn", 0) | masks.get(b"SigCgt", 0)
    return bool(pending & (_KILL | ~(heeded | _HARMLESS)))
