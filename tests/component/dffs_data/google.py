"""The part of Google's XML interface that a volume uses to put and get objects, as it is documented.

No emulator that can be had heeds the condition of a PUT; this one does little else. An object has a
generation, a number that grows with each PUT; `x-goog-if-generation-match` names the one that must be
there (0: none), or the answer is 412.
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from dffs.object.opening import Location

_CONDITION = "x-goog-if-generation-match"


class _Object(NamedTuple):
    generation: int
    content: bytes


class Google(ThreadingHTTPServer):
    """Serves one bucket from `__enter__` to `__exit__`. `conditions` are those of the PUTs so far."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.conditions: list[str | None] = []
        self._lock = threading.Lock()
        self._generation = 1_700_000_000_000_000
        self._objects: dict[str, _Object] = {}
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,))

    def __enter__(self) -> Google:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    @property
    def location(self) -> Location:
        """The bucket, as a user writes it."""
        return Location("gs", f"http://127.0.0.1:{self.server_port}/models")

    def put(self, path: str, content: bytes, condition: str | None) -> int | None:
        """The object's generation; None if the condition does not hold."""
        with self._lock:
            self.conditions.append(condition)
            there = self._objects.get(path)
            if condition is not None and int(condition) != (there.generation if there else 0):
                return None
            self._generation += 1
            self._objects[path] = _Object(self._generation, content)
            return self._generation

    def find(self, path: str) -> _Object | None:
        """The object at a path, if there is one."""
        with self._lock:
            return self._objects.get(path)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Google

    def log_message(self, *_: object) -> None:
        """Not to the terminal."""

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        generation = self.server.put(self.path, content, self.headers.get(_CONDITION))
        if generation is None:
            self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        else:
            self._answer(200, b"", generation)

    def do_GET(self) -> None:
        found = self.server.find(self.path)
        if found is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._answer(200, found.content, found.generation)

    def _answer(self, status: int, body: bytes, generation: int = 0) -> None:
        self.send_response(status)
        if generation:
            self.send_header("x-goog-generation", str(generation))
            self.send_header("ETag", f'"{generation}"')
            self.send_header("Last-Modified", self.date_time_string())
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
