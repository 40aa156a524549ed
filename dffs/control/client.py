"""Asks a mount's process to do something."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from dfcore.errors import MeganeuraError, Unavailable
from dffs.control.places import MountedPath, sockets_of

Json = dict[str, Any]


def ask(
    mounted: MountedPath,
    operation: str,
    arguments: Json,
    on_progress: Callable[[Json], None] = lambda _: None,
) -> Json:
    """Carry an operation out in the process of a mount; raises what it raised there."""
    channel = _connect(mounted)
    with channel, channel.makefile("rwb") as stream:
        stream.write(json.dumps({"op": operation, "args": arguments}).encode() + b"\n")
        stream.flush()
        for line in stream:
            message = json.loads(line)
            if "progress" in message:
                on_progress(message["progress"])
            elif "error" in message:
                raise _error(message)
            else:
                result: Json = message["result"]
                return result
    raise Unavailable(f"{mounted.point}: the mount ended before the command did")


def _connect(mounted: MountedPath) -> socket.socket:
    for path in sockets_of(mounted.point, mounted.owner):
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with suppress(OSError):
            channel.connect(str(path))
            return channel
        channel.close()
    raise Unavailable(f"{mounted.point}: its mount takes no commands (it is ending, or older)")


def _error(message: Json) -> Exception:
    number = int(message["errno"])
    return OSError(number, message["error"]) if number else MeganeuraError(message["error"])
