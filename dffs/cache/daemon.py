"""The node's dfdaemon as a source of files: asked over its unix socket, its files read directly.

A file of the volume is a task named by volume and digest (`dffs://UUID/sha256:…`). The first read asks
for the part that it needs; who goes on reading wants all of it. The daemon tells which pieces are
there; its bytes are compared with the blocks' digests until it has checked the whole.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from dfinfra.logs import get_logger
from dfinfra.pb import common_pb2, dfdaemon_pb2_grpc
from dfinfra.pb import dfdaemon_pb2 as pb

_log = get_logger("dffs")

PLACE_HEADER = "x-meganeura-blob-path"
_WINDOW_BYTES = 16 << 20
#: A file up to this size is wanted whole at once.
_SMALL_BYTES = 128 << 20
#: A reader so far behind what the daemon tells in order has a part of its own asked for.
_NEAR_BYTES = 64 << 20
_STALL_S = 60.0
_LOOK_S = 5.0
_AWAY_S = 5.0
_REFUSED_S = 30.0
#: So many files in a row that it cannot bring, and it is not asked for a while.
_ENOUGH = 3
_PAUSE_S = 60.0
#: The journal of units that the daemon has verified grows beside the blob (blobstore/layout.py).
_JOURNAL = ".units"
_KNOWN_FILES = 4096


class DaemonSwarm:
    """One volume's files at one daemon. See dffs.vfs.swarm.Swarm."""

    def __init__(self, socket_path: Path, volume_uuid: str, *, public: bool) -> None:
        self._base = f"dffs://{volume_uuid}/"
        self._suffix = "/public" if public else ""
        self._channel = grpc.insecure_channel(f"unix:{socket_path}")
        self._stub: Any = dfdaemon_pb2_grpc.DfdaemonDownloadStub(self._channel)
        self._lock = threading.Lock()
        self._away_until = 0.0
        self._failures = 0
        self._complete: OrderedDict[str, str] = OrderedDict()
        self._refused: OrderedDict[str, float] = OrderedDict()

    def open(self, content: str, size_bytes: int) -> DaemonFile | None:
        """See Swarm."""
        now = time.monotonic()
        with self._lock:
            if self._away_until > now or self._refused.get(content, 0.0) > now:
                return None
            path = self._complete.get(content)
        return DaemonFile(self, self._base + content + self._suffix, content, size_bytes, path)

    def call(self, url: str, size_bytes: int, start: int, length: int) -> Any:
        """The answers of one DownloadTask; a length of 0 asks for the whole."""
        download = common_pb2.Download(url=url, actual_content_length=size_bytes)
        if length:
            download.range.start, download.range.length = start, length
        return self._stub.DownloadTask(pb.DownloadTaskRequest(download=download))

    def completed(self, content: str, path: str) -> None:
        """The daemon has checked the whole: its file is there for the next opener, too."""
        self._failures = 0
        self._note(self._complete, content, path)

    def failed(self, content: str, error: grpc.RpcError) -> None:
        """It could not bring a file: the object store is asked, and the daemon later again."""
        code = error.code() if isinstance(error, grpc.Call) else None
        now = time.monotonic()
        with self._lock:
            self._failures += 1
            if self._failures >= _ENOUGH:
                self._failures, self._away_until = 0, now + _PAUSE_S
            elif code is grpc.StatusCode.UNAVAILABLE:
                self._away_until = now + _AWAY_S
        self._note(self._refused, content, now + _REFUSED_S)
        _log.info("the daemon cannot bring a file", content=content, code=str(code))

    def _note(self, book: OrderedDict[str, Any], content: str, value: Any) -> None:
        with self._lock:
            book[content] = value
            book.move_to_end(content)
            if len(book) > _KNOWN_FILES:
                book.popitem(last=False)

    def close(self) -> None:
        """See Swarm."""
        self._channel.close()


@dataclass(slots=True)
class _Span:
    """One call: the bytes from ``start`` to ``end`` are asked for, those before ``told`` are there."""

    call: Any
    start: int
    end: int
    told: int

    def wants(self, offset: int, end: int) -> bool:
        return self.start <= offset and end <= self.end

    def has(self, offset: int, end: int) -> bool:
        return self.start <= offset and end <= self.told


class DaemonFile:
    """One file. See dffs.vfs.swarm.SwarmFile. `path` is the daemon's file, if it was complete once."""

    def __init__(
        self, swarm: DaemonSwarm, url: str, content: str, size_bytes: int, path: str | None
    ) -> None:
        self._swarm = swarm
        self._url = url
        self._content = content
        self._size = size_bytes
        self._changed = threading.Condition()
        self._fd: int | None = None
        self._spans: list[_Span] = []
        self._whole: _Span | None = None
        self._closed = False
        self._path = path or ""
        self.failed = False
        self.complete = False
        if path is not None:
            self._reopen(path)

    def _reopen(self, path: str) -> None:
        """A path is one incarnation of a sealed blob: as long as it is there, it is the content."""
        try:
            self._open(path)
        except OSError:
            return
        self.complete = True

    def _open(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if os.fstat(fd).st_size != self._size:
            os.close(fd)
            raise OSError(f"{path} does not have {self._size} bytes")
        self._fd = fd

    def read_into(self, offset: int, view: memoryview) -> bool:
        """See SwarmFile."""
        end = offset + len(view)
        if not self._wait(offset, end):
            return False
        fd, done = self._fd, 0
        while fd is not None and done < len(view):
            try:
                got = os.preadv(fd, [view[done:]], offset + done)
            except OSError as error:
                _log.warning("the daemon's file is unreadable", reason=str(error))
                return False
            if not got:
                return False
            done += got
        return fd is not None

    def _wait(self, offset: int, end: int) -> bool:
        """Until these bytes are there; False if they will not come."""
        with self._changed:
            told: tuple[int, int] | None = None
            deadline = 0.0
            while not self.complete and not self._told(offset, end):
                span = self._span(offset, end)
                if self.failed or self._closed or span is None:
                    return False
                # What comes out of order is progress as well, though it is not told yet.
                if (progress := (span.told, self._journal_bytes())) != told:
                    told, deadline = progress, time.monotonic() + _STALL_S
                self._changed.wait(_LOOK_S)
                if time.monotonic() >= deadline:
                    _log.warning("the daemon stalls", content=self._content, offset=offset)
                    self.failed = True
                    return False
        return self._fd is not None

    def _told(self, offset: int, end: int) -> bool:
        """What was told once is in the file, whatever became of the daemon."""
        return any(span.has(offset, end) for span in self._spans)

    def _journal_bytes(self) -> int:
        try:
            return Path(self._path + _JOURNAL).stat().st_size if self._path else 0
        except OSError:
            return 0

    def _span(self, offset: int, end: int) -> _Span | None:
        """The call that brings these bytes; it is made if there is none."""
        for span in self._spans:
            near = span is not self._whole or offset - span.told <= _NEAR_BYTES
            if span.wants(offset, end) and near:
                return span
        if (self._spans or self._size <= _SMALL_BYTES) and self._whole is None:
            # Whoever comes back for more reads on: from now on the whole is wanted.
            self._whole = self._call(0, self._size)
            return self._span(offset, end)
        start = offset // _WINDOW_BYTES * _WINDOW_BYTES
        return self._call(start, min(max(start + _WINDOW_BYTES, end), self._size))

    def _call(self, start: int, end: int) -> _Span:
        whole = start == 0 and end == self._size
        call = self._swarm.call(self._url, self._size, start, 0 if whole else end - start)
        span = _Span(call, start, end, told=start)
        self._spans.append(span)
        threading.Thread(
            target=self._follow, args=(span, whole), name="dffs-swarm", daemon=True
        ).start()
        return span

    def _follow(self, span: _Span, whole: bool) -> None:
        path = ""
        try:
            for answer in span.call:
                if answer.HasField("download_task_started_response"):
                    path = answer.download_task_started_response.response_header[PLACE_HEADER]
                    self._path = path
                    continue
                piece = answer.download_piece_finished_response.piece
                with self._changed:
                    self._see(path)
                    span.told = max(span.told, piece.offset + piece.length)
                    self._changed.notify_all()
            with self._changed:
                self._see(path)
                span.told = span.end
                self.complete = self.complete or (whole and self._fd is not None)
                self._changed.notify_all()
            if whole and path:
                self._swarm.completed(self._content, path)
        except (grpc.RpcError, OSError, KeyError) as error:
            with self._changed:
                self.failed = self.failed or not self._closed
                self._changed.notify_all()
            if not self._closed and isinstance(error, grpc.RpcError):
                self._swarm.failed(self._content, error)

    def _see(self, path: str) -> None:
        if self._fd is None:
            if not path:
                raise OSError("the daemon does not tell where its file is")
            self._open(path)

    def complete_fd(self) -> int | None:
        """See SwarmFile."""
        return self._fd if self.complete else None

    def close(self) -> None:
        """See SwarmFile."""
        with self._changed:
            self._closed = True
            # All bytes are here and the daemon is checking the whole: the next reader wants to know.
            checked = self._whole if self._whole and self._whole.told == self._size else None
            ended = [span for span in self._spans if span is not checked]
            self._changed.notify_all()
        for span in ended:
            span.call.cancel()
        # Readers that are at it hold the object; the descriptor goes with it.

    def __del__(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
