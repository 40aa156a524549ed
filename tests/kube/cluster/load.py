"""Downloads without end, until told to stop: what is wrong while a cluster is restarted shows here.

    load.py ADDRESS PROXY...

Serves an origin at ADDRESS (host:port) whose file of a name is made of that name, and fetches ever new
files through the proxies in turn, and each once again. No client tries anything twice. On SIGTERM prints
one line of JSON: downloads, bytes, failures, wrong, and the longest that one took. Stdlib only.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SIZE_BYTES = 6 << 20
CLIENTS = 3
PAUSE_S = 0.3
SLOW_S = 10.0


def content(name: str) -> bytes:
    """The file of this name."""
    block = b"".join(hashlib.blake2b(f"{name}{i}".encode()).digest() for i in range(1024))  # 64 KiB
    return (name.encode().ljust(64, b".") + block[64:]) * (SIZE_BYTES // len(block))


class Origin(BaseHTTPRequestHandler):
    """Serves every name, ranges included."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(head=True)

    def do_GET(self) -> None:
        self._answer(head=False)

    def _answer(self, *, head: bool) -> None:
        whole = content(self.path.lstrip("/"))
        start, end, status = 0, len(whole), 200
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes="):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, end, status = int(first), min(int(last or len(whole) - 1) + 1, len(whole)), 206
        self.send_response(status)
        self.send_header("Content-Length", str(end - start))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{hashlib.sha256(whole).hexdigest()}"')
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(whole)}")
        self.end_headers()
        if not head:
            with suppress(ConnectionError):
                self.wfile.write(whole[start:end])

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Load:
    """The clients and what they saw."""

    def __init__(self, origin: str, proxies: list[str]) -> None:
        self._origin, self._proxies = origin, proxies
        self._run = os.urandom(4).hex()
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        self.downloads = self.wrong = 0
        self.longest_s = 0.0
        self.failures: list[str] = []
        self.slow: list[str] = []

    def run(self, client: int) -> None:
        """One client, until told to stop."""
        number = 0
        while not self.stopping.is_set():
            name = f"{self._run}-{client}-{number}.bin"
            for again in range(2):
                proxy = self._proxies[(client + number + again) % len(self._proxies)]
                self._download(name, proxy)
            number += 1

    def _download(self, name: str, proxy: str) -> None:
        begun = time.monotonic()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy}))
        request = urllib.request.Request(
            f"http://{self._origin}/{name}", headers={"X-Dragonfly-Use-P2P": "true"}
        )
        failure, right = "", True
        try:
            with opener.open(request, timeout=120) as answer:
                right = answer.read() == content(name)
        except (OSError, HTTPException) as error:
            failure = (
                f"{time.strftime('%H:%M:%S')} {name} by {proxy}: {type(error).__name__} {error}"
            )
        with self._lock:
            self.downloads += 1
            took_s = time.monotonic() - begun
            self.longest_s = max(self.longest_s, took_s)
            if took_s > SLOW_S:
                self.slow.append(f"{time.strftime('%H:%M:%S')} {name} {took_s:.1f} s by {proxy}")
            self.wrong += not right
            if failure:
                self.failures.append(failure)
        self.stopping.wait(PAUSE_S)


def main() -> None:
    """Serve, download, tell."""
    origin, *proxies = sys.argv[1:]
    host, _, port = origin.partition(":")
    server = ThreadingHTTPServer((host, int(port)), Origin)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    load = Load(origin, proxies)
    signal.signal(signal.SIGTERM, lambda *_: load.stopping.set())
    clients = [threading.Thread(target=load.run, args=(number,)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    told = {
        "downloads": load.downloads,
        "bytes": load.downloads * SIZE_BYTES,
        "failed": len(load.failures),
        "wrong": load.wrong,
        "longest_s": round(load.longest_s, 2),
        "failures": load.failures[:20],
        "slow": load.slow[:20],
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
