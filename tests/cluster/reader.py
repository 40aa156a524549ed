"""A client of the fault tests: downloads in a thread, and says exactly what it received.

Slow if told to, gone if told to. It never raises for what a server does: how the download ended is
what the tests assert on.
"""

from __future__ import annotations

import hashlib
import http.client
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

READ_BYTES = 64 << 10
KEPT_BYTES = 1 << 16
WAIT_S = 60.0


@dataclass
class Received:
    """What came: ``body`` is its beginning, ``cut`` that less came than was announced."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    size_bytes: int = 0
    sha256: str = ""
    body: bytes = b""
    first_byte_s: float = 0.0
    seconds: float = 0.0
    cut: bool = False
    trouble: str = ""


class Reader:
    """One GET. ``file`` keeps the bytes; ``bytes_per_s`` is how fast they are taken."""

    def __init__(
        self,
        url: str,
        *,
        proxy: str | None = None,
        headers: Mapping[str, str] | None = None,
        bytes_per_s: float | None = None,
        file: Path | None = None,
        timeout_s: float = WAIT_S,
    ) -> None:
        self._url = url
        self._proxy = proxy
        self._headers = dict(headers or {})
        self._bytes_per_s = bytes_per_s
        self._file = file
        self._timeout_s = timeout_s
        self._received = Received()
        self._moved = threading.Condition()
        self._gone = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def size_bytes(self) -> int:
        """Bytes received so far."""
        return self._received.size_bytes

    def wait_for(self, size_bytes: int, timeout_s: float = WAIT_S) -> None:
        """Until so many bytes have come. Fails if the download ends before."""
        deadline = time.monotonic() + timeout_s
        with self._moved:
            while self.size_bytes < size_bytes:
                left_s = deadline - time.monotonic()
                assert self._thread.is_alive() and left_s > 0, self._told()
                self._moved.wait(min(left_s, 0.2))

    def leave(self) -> None:
        """Close the connection, whatever is under way."""
        self._gone.set()
        sock = self._connection.sock if self._connection else None
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(WAIT_S)

    def result(self, timeout_s: float = WAIT_S) -> Received:
        """How it ended."""
        self._thread.join(timeout_s)
        assert not self._thread.is_alive(), f"the download hangs: {self._told()}"
        return self._received

    def _told(self) -> str:
        got = self._received
        return f"status {got.status}, {got.size_bytes} bytes, {got.trouble or 'no trouble'}"

    def _run(self) -> None:
        started = time.monotonic()
        received = self._received
        digest = hashlib.sha256()
        file = self._file.open("wb") if self._file else None
        try:
            self._converse(started, digest.update, file)
        except (OSError, http.client.HTTPException) as error:
            received.trouble = f"{type(error).__name__}: {error}"
            received.cut = True
        finally:
            if file is not None:
                file.close()
            if self._connection is not None:
                self._connection.close()
            received.sha256 = digest.hexdigest()
            received.seconds = time.monotonic() - started

    def _converse(self, started: float, update: object, file: BinaryIO | None) -> None:
        received = self._received
        parts = urlsplit(self._proxy or self._url)
        target = self._url
        if self._proxy is None:
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=self._timeout_s
        )
        self._connection = connection
        connection.request("GET", target, headers=self._headers)
        answer = connection.getresponse()
        received.status = answer.status
        received.headers = {name.lower(): value for name, value in answer.getheaders()}
        while data := answer.read1(READ_BYTES):
            if not received.size_bytes:
                received.first_byte_s = time.monotonic() - started
            update(data)  # type: ignore[operator]
            if file is not None:
                file.write(data)
            if len(received.body) < KEPT_BYTES:
                received.body += data[: KEPT_BYTES - len(received.body)]
            with self._moved:
                received.size_bytes += len(data)
                self._moved.notify_all()
            if self._bytes_per_s:
                self._gone.wait(len(data) / self._bytes_per_s)
        length = received.headers.get("content-length")
        if length is not None and received.size_bytes != int(length):
            received.cut = True
