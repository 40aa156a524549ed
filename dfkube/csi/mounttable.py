"""Which folders are mount points, and whether what is mounted there still answers."""

from __future__ import annotations

import errno
import re
from pathlib import Path

_DEAD = (errno.ENOTCONN, errno.ESHUTDOWN, errno.EIO, errno.ECONNABORTED)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def mount_points(table: str) -> list[str]:
    """The mount points of a ``/proc/self/mountinfo`` text (proc(5)), in the order of mounting."""
    fields = (line.split(" ") for line in table.splitlines() if line)
    return [_ESCAPED.sub(lambda m: chr(int(m[1], 8)), line[4]) for line in fields]


def layers(path: Path) -> int:
    """How many mounts lie upon each other at the path."""
    table = Path("/proc/self/mountinfo").read_text()
    return mount_points(table).count(str(path))


def answers(path: Path) -> bool:
    """False if the file system there has lost its server."""
    try:
        path.stat()
    except OSError as error:
        if error.errno in _DEAD:
            return False
        raise
    return True
