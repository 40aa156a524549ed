"""The address by which others reach this host."""

from __future__ import annotations

import socket
from collections.abc import Sequence


def own_address(targets: Sequence[str]) -> str:
    """The local address of the route to the first target; loopback if there is no route.

    Connecting a datagram socket sends nothing, it only makes the kernel choose a route.
    """
    host = targets[0].rpartition(":")[0].strip("[]") if targets else "127.0.0.1"
    try:
        info = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(info[0], socket.SOCK_DGRAM) as probe:
            probe.connect(info[4])
            return str(probe.getsockname()[0])
    except OSError:
        return "127.0.0.1"
