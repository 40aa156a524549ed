"""An origin that tells what it was asked, byte for byte: for requests that are passed on as they are.

A thread of the test process; `Echo` is a context manager. Standard library only, so that what it
sees is what came over the wire.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

UNSIZED = b"x" * 70_000
"""Half of what `/unsized` answers, which does not tell its length beforehand."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_any(self) -> None:
        """Read the body, tell of it. `/status/<n>` answers n, `/parts` waits between two parts."""
        digest, size = hashlib.sha256(), 0
        for block in self._blocks():
            digest.update(block)
            size += len(block)
            self.server.echo.first_block.set()
        path = self.path.partition("?")[0]
        if path == "/parts":
            self._parts()
            return
        if path == "/unsized":
            self._unsized()
            return
        told = {
            "method": self.command,
            "target": self.path,
            "headers": [[name, value] for name, value in self.headers.items()],
            "size": size,
            "sha256": digest.hexdigest(),
        }
        body = json.dumps(told).encode()
        self.send_response(int(path.rpartition("/")[2]) if path.startswith("/status/") else 200)
        self.send_header("X-Of-The-Origin", "kept")
        self.send_header("Set-Cookie", "one=1")
        self.send_header("Set-Cookie", "two=2")
        self.send_header("Content-Type", "application/x-echo")
        if path != "/status/204":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and path != "/status/204":
            self.wfile.write(body)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.do_any
        raise AttributeError(name)

    def _blocks(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", "0"))
        while left > 0:
            block = self.rfile.read(min(left, 1 << 16))
            if not block:
                return
            left -= len(block)
            yield block

    def _parts(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"one")
        self.wfile.flush()
        self.server.echo.second_part.wait(20)
        self.wfile.write(b"two")

    def _unsized(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (UNSIZED, UNSIZED)))
            self.wfile.write(b"0\r\n\r\n")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    echo: Echo


class Echo:
    """`first_block` is set when some of a body has arrived; `second_part` lets `/parts` go on."""

    def __init__(self) -> None:
        self.first_block = threading.Event()
        self.second_part = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.echo = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.second_part.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
