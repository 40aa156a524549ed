"""The socket at which a mount's process takes commands. One thread per command, few at a time.

A request is a line of JSON `{"op", "args"}`, the answer lines of `{"progress"}` and one of `{"result"}`
or `{"error", "errno"}`. The kernel says who is at the other end (SO_PEERCRED): that user's rights count.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from dfcore.errors import MeganeuraError
from dffs.control.operations import Operations, result_of
from dffs.control.places import runtime_dir, socket_path
from dffs.meta.api import MetaApi
from dffs.meta.types import ROOT_INO, Caller
from dffs.tree import Tree
from dffs.vfs.api import FilesApi
from dffs.volume import Volume
from dfinfra.logs import get_logger

_CREDENTIALS = struct.Struct("3i")
_MAX_REQUEST_BYTES = 1 << 20
_AT_A_TIME = 8
_PATIENCE_S = 30.0
_log = get_logger("control")


class ControlServer:
    """Serves one mounted volume until it is closed."""

    def __init__(self, volume: Volume, point: Path, *, root: int = ROOT_INO) -> None:
        self._volume = volume
        self._root = root
        self._places = threading.BoundedSemaphore(_AT_A_TIME)
        self._closed = threading.Event()
        self.path = socket_path(point, os.getpid(), os.geteuid())

    def start(self) -> None:
        """Listen. An OSError is the caller's to log: a mount works without it."""
        folder = runtime_dir(os.geteuid())
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "belongs to somebody else", str(folder))
        _clear(folder)
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self.path.chmod(0o666)
        self._listener.listen(16)
        threading.Thread(target=self._accept, name="control", daemon=True).start()

    def close(self) -> None:
        """Take no more commands. Those under way go on until the volume is closed."""
        self._closed.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                channel, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self._serve, args=(channel,), name="control command", daemon=True
            ).start()

    def _serve(self, channel: socket.socket) -> None:
        with channel, suppress(OSError):
            if not self._places.acquire(timeout=_PATIENCE_S):
                send(channel, {"error": "too many commands at a time", "errno": errno.EBUSY})
                return
            try:
                channel.settimeout(_PATIENCE_S)
                send(channel, self._answer(channel))
            finally:
                self._places.release()

    def _answer(self, channel: socket.socket) -> dict[str, Any]:
        def tell(step: dict[str, Any]) -> None:
            send(channel, {"progress": step})

        try:
            request = json.loads(_line(channel))
            meta, files = self._volume.meta, self._volume.files
            tree = Tree(meta, files, caller=caller_of(channel), root=self._root)
            work = Operations(self._volume, tree).run(request["op"], request["args"])
            return {"result": result_of(work, tell)}
        except (BrokenPipeError, ConnectionError):
            raise
        except OSError as error:
            return {"error": error.strerror or str(error), "errno": error.errno or errno.EIO}
        except MeganeuraError as error:
            return {"error": str(error), "errno": 0}
        except (ValueError, KeyError, TypeError) as error:
            return {"error": f"a request that makes no sense: {error}", "errno": errno.EINVAL}


def _clear(folder: Path) -> None:
    """Remove the sockets of processes that were killed: nobody listens there any more."""
    for path in folder.glob("mount-*.sock"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:
                continue  # busy, or not ours to touch


def caller_of(channel: socket.socket) -> Caller:
    """Who is at the other end, with their groups."""
    told = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(told)
    groups: frozenset[int] = frozenset()
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("Groups:"):
                groups = frozenset(int(word) for word in line.split()[1:])
    return Caller(uid, gid, groups, pid)


def send(channel: socket.socket, message: dict[str, Any]) -> None:
    """One line."""
    channel.sendall(json.dumps(message).encode() + b"\n")


def _line(channel: socket.socket) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        data = channel.recv(65536)
        if not data:
            raise ConnectionResetError("the command went away")
        line += data
        if len(line) > _MAX_REQUEST_BYTES:
            raise ValueError("it is too long")
    return bytes(line)


class ControlledVolume:
    """An open volume that commands reach: for `mount_volume`. Otherwise the volume itself."""

    def __init__(self, volume: Volume, point: Path, *, subdir: str = "") -> None:
        self._volume = volume
        self._server: ControlServer | None = None
        try:
            root = Tree(volume.meta, volume.files).stat(subdir).ino
            server = ControlServer(volume, point, root=root)
            server.start()
            self._server = server
        except OSError as error:
            _log.warning("commands do not reach this mount", reason=str(error))

    @property
    def meta(self) -> MetaApi:
        """The volume's."""
        return self._volume.meta

    @property
    def files(self) -> FilesApi:
        """The volume's."""
        return self._volume.files

    def __getattr__(self, name: str) -> Any:
        return getattr(self._volume, name)

    def close(self) -> None:
        """Take no more commands and close the volume."""
        if self._server is not None:
            self._server.close()
        self._volume.close()
