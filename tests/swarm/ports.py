"""Free TCP ports on 127.0.0.1, below those the kernel gives to outgoing connections.

A port from ``bind(0)`` may be taken by any client socket before the daemon binds it; these may not.
Test processes that run side by side take theirs from ranges of their own.
"""

from __future__ import annotations

import os
import random
import socket

FIRST, LAST = 20000, 32000
WORKERS = 6


def _range() -> tuple[int, int]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    width = (LAST - FIRST) // WORKERS
    first = FIRST + int(worker) % WORKERS * width
    return first, first + width - 1


_taken: set[int] = set()


def free_port() -> int:
    """A port that nobody listens at and that this process has not given out yet."""
    for _ in range(1000):
        port = random.SystemRandom().randint(*_range())
        if port not in _taken and _is_free(port):
            _taken.add(port)
            return port
    raise RuntimeError(f"no free port between {FIRST} and {LAST}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True
