"""`helm test`: a file that this pod serves goes through its node's proxy and comes back unchanged.

Twice, so that the second time it is the node's own copy. Standard library only; needs no way out of the
cluster: node, scheduler and seed are exercised, the seed fetches from this pod.
"""

import hashlib
import os
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = os.urandom(1 << 20) * 12
PROXY = f"http://{os.environ['NODE_IP']}:{os.environ['PROXY_PORT']}"
TRIES = 10


class Origin(BaseHTTPRequestHandler):
    """Serves CONTENT, ranges included."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.begin(len(CONTENT), 200)

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        if not wanted.startswith("bytes="):
            self.begin(len(CONTENT), 200)
            self.wfile.write(CONTENT)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or len(CONTENT) - 1) + 1, len(CONTENT))
        self.begin(end - start, 206, f"bytes {start}-{end - 1}/{len(CONTENT)}")
        self.wfile.write(CONTENT[start:end])

    def begin(self, size: int, status: int, content_range: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(size))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{hashlib.sha256(CONTENT).hexdigest()}"')
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def download(url: str) -> float:
    """Fetch it through the proxy, compare, and return the seconds it took."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": PROXY}))
    request = urllib.request.Request(url, headers={"X-Dragonfly-Use-P2P": "true"})
    begun = time.monotonic()
    with opener.open(request, timeout=60) as answer:
        got = answer.read()
    if got != CONTENT:
        sys.exit(f"{len(got)} bytes came, and not those that were sent")
    return time.monotonic() - begun


def main() -> None:
    """Serve, download twice, say how it went."""
    server = ThreadingHTTPServer(("0.0.0.0", 8000), Origin)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://{os.environ['POD_IP']}:8000/{os.urandom(8).hex()}.bin"
    for attempt in range(1, TRIES + 1):
        try:
            first, second = download(url), download(url)
            break
        except OSError as error:
            if attempt == TRIES:
                sys.exit(f"no download through {PROXY}: {error}")
            print(f"try {attempt} through {PROXY}: {error}", flush=True)
            time.sleep(3)
    print(f"ok: {len(CONTENT)} bytes through {PROXY} in {first:.2f} s, again in {second:.2f} s")


if __name__ == "__main__":
    main()
