"""An object store with faults, and an S3 server that answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from dffs.object.store import ObjectInfo, ObjectStore

if TYPE_CHECKING:
    from typing_extensions import Buffer


class FaultyStore:
    """Passes calls on, after `before` (which may raise) and through `damage` (for what is read)."""

    def __init__(self, inner: ObjectStore) -> None:
        self._inner = inner
        self.before: Callable[[str, str], None] = lambda _call, _name: None
        self.damage: Callable[[Buffer], Buffer] = lambda data: data
        self.calls: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return self._inner.url

    def _asked(self, call: str, name: str) -> None:
        self.calls.append((call, name))
        self.before(call, name)

    def put(self, name: str, data: Buffer, *, create: bool = False) -> bool:
        self._asked("put", name)
        return self._inner.put(name, data, create=create)

    def get(self, name: str) -> Buffer:
        self._asked("get", name)
        return self.damage(self._inner.get(name))

    def get_range(self, name: str, offset: int, length: int) -> Buffer:
        return self._inner.get_range(name, offset, length)

    def head(self, name: str) -> ObjectInfo | None:
        self._asked("head", name)
        return self._inner.head(name)

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        return self._inner.list(prefix, after=after)

    def delete(self, names: Iterable[str]) -> None:
        self._inner.delete(names)

    def sync(self, names: Iterable[str]) -> None:
        self._asked("sync", "")
        self._inner.sync(names)

    def close(self) -> None:
        self._inner.close()


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is what some tests are about."""


class AnsweringServer:
    """Answers every request with the first of `answers` that is left: (status, body)."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _reply(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.requests.append((self.command, dict(self.headers)))
                status, body = outer.answers.pop(0) if outer.answers else (500, b"")
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("ETag", '"x"')
                self.send_header("Last-Modified", "Tue, 24 Nov 2026 10:00:00 GMT")
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_HEAD = do_DELETE = _reply  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
