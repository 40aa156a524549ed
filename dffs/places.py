"""Where things are when nobody says so: the system's folders for root, the user's for others."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder() -> Path:
    """Volumes, staging."""
    if os.geteuid() == 0:
        return Path("/var/lib/meganeura")
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "meganeura"


def bucket_folder() -> Path:
    """The bucket of volumes whose objects are files."""
    return state_folder() / "volumes"


def cache_folder() -> Path:
    """The node's cache of volumes."""
    if os.geteuid() == 0:
        return Path("/var/cache/meganeura/dffs")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "meganeura" / "dffs"


def log_file() -> Path:
    """The log of mounts in the background."""
    if os.geteuid() == 0:
        return Path("/var/log/dragonfly/dffs/core.log")
    return state_folder() / "log" / "dffs" / "core.log"


#: Where a daemon listens that was told nothing else.
DAEMON_SOCKETS = (
    Path("daemon/dfdaemon.sock"),
    Path("/var/lib/meganeura/daemon/dfdaemon.sock"),
    Path("/var/run/dragonfly/dfdaemon.sock"),
)


def daemon_socket() -> Path | None:
    """The socket of the node's dfdaemon, if one is there."""
    for path in (state_folder() / DAEMON_SOCKETS[0], *DAEMON_SOCKETS[1:]):
        try:
            if path.is_socket():
                return path
        except OSError:
            continue
    return None
