"""Ends the processes of a swarm when the process that started them dies, however it dies.

``Guard`` starts this file as a child that reads a pipe. The pipe names the processes under guard;
its end means that the owner is gone: whoever is still named gets SIGTERM, then SIGKILL.
Standard library only, so that the child starts in a few milliseconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

GRACE_S = 8.0


class Guard:
    """Keeps a list of processes, each the leader of its own group."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE, start_new_session=True
        )

    def add(self, pid: int) -> None:
        """Guard a process."""
        self._say(f"+{pid}")

    def drop(self, pid: int) -> None:
        """It has ended and been waited for: its number may belong to another one soon."""
        self._say(f"-{pid}")

    def close(self) -> None:
        """Let go of the guard; whatever is still named is ended."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait()

    def _say(self, line: str) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(f"{line}\n".encode())
        self._child.stdin.flush()


def main() -> None:
    """Read names until the pipe ends, then end who is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    left: set[int] = set()
    for line in sys.stdin:
        pid = int(line[1:])
        if line[0] == "+":
            left.add(pid)
        else:
            left.discard(pid)
    # A stopped process hears SIGTERM only when it goes on.
    for number in (signal.SIGCONT, signal.SIGTERM):
        _signal_all(left, number)
    deadline = time.monotonic() + GRACE_S
    while left and time.monotonic() < deadline:
        time.sleep(0.1)
        left = {pid for pid in left if _alive(pid)}
    _signal_all(left, signal.SIGKILL)


def _signal_all(pids: set[int], number: int) -> None:
    for pid in pids:
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            pass


def _alive(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
