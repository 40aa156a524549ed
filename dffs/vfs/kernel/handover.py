"""One mount process gives its connection with the kernel to another, over a unix socket.

Every mount process listens on a socket of its own, in a directory that only its user can enter. A
successor connects, gets the descriptor of /dev/fuse and a state, and says when it has adopted it.
Only then does the predecessor end; if the successor dies before, the predecessor goes on.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import Any

from dffs.fuse.mount import receive_fds
from dfinfra.logs import get_logger

_LENGTH = Struct("=Q")
_ASK = b"hand over\n"
_ADOPTED = b"adopted\n"
# A successor that has said nothing for so long is given up.
PATIENCE_S = 60.0

_log = get_logger("mount")


def socket_path(minor: int) -> Path:
    """Where the process behind a mount listens."""
    if os.geteuid() == 0:
        folder = Path("/run/dffs")
    else:
        folder = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/dffs-{os.geteuid()}") / "dffs"
    return folder / f"mount-{minor}.sock"


class Predecessor:
    """The side that has the connection. `on_successor` is called in the listener's thread."""

    def __init__(self, minor: int, on_successor: Callable[[Successor], None]) -> None:
        self._path = socket_path(minor)
        self._on_successor = on_successor
        self._socket = socket.socket(socket.AF_UNIX)

    def start(self) -> None:
        """Listen."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._socket.bind(str(self._path))
        self._path.chmod(0o600)
        self._socket.listen(1)
        threading.Thread(target=self._run, name="handover", daemon=True).start()

    def close(self, *, keep_path: bool = False) -> None:
        """Listen no longer. The path is kept when a successor listens there now."""
        if not keep_path:
            self._path.unlink(missing_ok=True)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _run(self) -> None:
        while True:
            try:
                channel, _ = self._socket.accept()
            except OSError:
                return
            with channel:
                try:
                    channel.settimeout(PATIENCE_S)
                    if channel.recv(len(_ASK)) == _ASK:
                        self._on_successor(Successor(channel))
                except OSError as error:
                    _log.warning("a handover failed", error=str(error))


class Successor:
    """The other side, as the predecessor sees it."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def give(self, device: int, state: dict[str, Any]) -> bool:
        """Hand everything over; whether it was adopted."""
        content = json.dumps(state).encode()
        try:
            socket.send_fds(self._channel, [_LENGTH.pack(len(content))], [device])
            self._channel.sendall(content)
            return _receive(self._channel, len(_ADOPTED)) == _ADOPTED
        except OSError as error:
            _log.warning("the successor did not take over", error=str(error))
            return False

    def gone(self) -> None:
        """Tell it that locks and session are free for it now."""
        with suppress(OSError):
            self._channel.sendall(_ADOPTED)


class Inheritance:
    """What a successor got: the device, the state, and the way to say so."""

    def __init__(self, channel: socket.socket, device: int, state: dict[str, Any]) -> None:
        self._channel = channel
        self.device = device
        self.state = state

    def refuse(self) -> None:
        """The predecessor has to go on."""
        self._channel.close()
        os.close(self.device)

    def adopted(self) -> None:
        """The predecessor may end; returns when it has given up its locks."""
        with self._channel:
            with suppress(OSError):
                self._channel.sendall(_ADOPTED)
                _receive(self._channel, len(_ADOPTED))


def is_served(minor: int) -> bool:
    """Whether a process listens that could hand this mount over."""
    with socket.socket(socket.AF_UNIX) as channel:
        return channel.connect_ex(str(socket_path(minor))) == 0


def inherit(minor: int) -> Inheritance:
    """Ask the process behind a mount to hand it over."""
    channel = socket.socket(socket.AF_UNIX)
    try:
        channel.settimeout(PATIENCE_S)
        channel.connect(str(socket_path(minor)))
        channel.sendall(_ASK)
        head, fds = receive_fds(channel, 1)
        (length,) = _LENGTH.unpack(head + _receive(channel, _LENGTH.size - len(head)))
        return Inheritance(channel, fds[0], json.loads(_receive(channel, length)))
    except BaseException:
        channel.close()
        raise


def _receive(channel: socket.socket, length: int) -> bytes:
    parts = []
    while length:
        part = channel.recv(min(length, 1 << 20))
        if not part:
            raise ConnectionResetError("the other side has ended")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
