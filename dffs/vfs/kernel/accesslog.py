"""What the file `.accesslog` of a mount shows: one line per request, while somebody reads it.

The lines are JuiceFS's, so that tools for those can read ours:
`2026.11.24 10:26:11.003330 [uid:0,gid:0,pid:4403] write (17669,8666,4993160): OK <0.000010>`. Nothing is
formatted while nobody reads. Reads and writes of files that the kernel serves by itself
(passthrough) are not requests and do not show.
"""

from __future__ import annotations

import os
import struct
import threading
import time
from collections import deque
from collections.abc import Callable

from dffs.fuse import wire
from dffs.fuse.operations import Request
from dffs.fuse.wire import Opcode

# Lines kept for a reader that is slow; older ones are dropped.
_LINES = 10240
# A reader gets a sign of life when nothing happens.
_PATIENCE_S = 1.0
_QUIET = b"#\n"

_NAMED = {
    Opcode.LOOKUP: 0, Opcode.UNLINK: 0, Opcode.RMDIR: 0, Opcode.SYMLINK: 0, Opcode.REMOVEXATTR: 0,
    Opcode.MKNOD: 16, Opcode.MKDIR: 8, Opcode.CREATE: 16, Opcode.LINK: 8, Opcode.GETXATTR: 8,
    Opcode.SETXATTR: 8, Opcode.RENAME: 8, Opcode.RENAME2: 16,
}  # fmt: skip


class _Reader:
    def __init__(self) -> None:
        self.lines: deque[bytes] = deque(maxlen=_LINES)
        self.some = threading.Event()
        self.left = b""


class AccessLog:
    """The lines, for every reader from when it opened the file."""

    def __init__(self) -> None:
        self._readers: list[_Reader] = []

    @property
    def wanted(self) -> bool:
        """Whether anybody reads."""
        return bool(self._readers)

    def record(
        self, request: Request, body: memoryview, taken_s: float, error: int, size: int
    ) -> None:
        """One request that was answered; `error` is 0 or its errno."""
        now = time.time()
        stamp = time.strftime("%Y.%m.%d %H:%M:%S", time.localtime(now)) + f".{now % 1:.6f}"[2:]
        outcome = os.strerror(error) if error else "OK"
        line = (
            f"{stamp} [uid:{request.uid},gid:{request.gid},pid:{request.pid}] "
            f"{_operation(request, body)}: {outcome}"
            f"{f' [{size}]' if size else ''} <{taken_s:.6f}>\n"
        ).encode(errors="replace")
        for reader in self._readers:
            reader.lines.append(line)
            reader.some.set()

    def open(self) -> tuple[Callable[[int, int], bytes], Callable[[], None]]:
        """A new reader: what reads (offsets do not count) and what ends it."""
        reader = _Reader()
        self._readers.append(reader)

        def read(_offset: int, size: int) -> bytes:
            if not reader.left and not reader.lines:
                reader.some.clear()
                reader.some.wait(_PATIENCE_S)
            out, reader.left = reader.left, b""
            while reader.lines and len(out) < size:
                out += reader.lines.popleft()
            out, reader.left = out[:size], out[size:]
            return out or _QUIET[:size]

        def close() -> None:
            if reader in self._readers:
                self._readers.remove(reader)

        return read, close


def _operation(request: Request, body: memoryview) -> str:
    try:
        opcode = Opcode(request.opcode)
        return f"{opcode.name.lower()} ({','.join(map(str, _arguments(opcode, request, body)))})"
    except (ValueError, struct.error):
        return f"opcode{request.opcode} ({request.node})"


def _arguments(opcode: Opcode, request: Request, body: memoryview) -> list[object]:
    if (start := _NAMED.get(opcode)) is not None:
        names = [part.decode(errors="replace") for part in bytes(body[start:]).split(b"\0")[:-1]]
        return [request.node, *names[: 2 if opcode.name.startswith(("RENAME", "SYMLINK")) else 1]]
    if opcode in {Opcode.READ, Opcode.WRITE, Opcode.READDIR, Opcode.READDIRPLUS}:
        handle, offset, size, *_ = wire.READ_IN.unpack_from(body)
        return [request.node, size, offset, handle]
    if opcode in {Opcode.FLUSH, Opcode.RELEASE, Opcode.FSYNC, Opcode.RELEASEDIR}:
        return [request.node, wire.U64.unpack_from(body)[0]]
    return [request.node]
