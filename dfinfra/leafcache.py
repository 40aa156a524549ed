"""Server contexts for hosts that the proxy speaks for, made on demand and kept.

The proxy asks with the name of a CONNECT or of the TLS client hello. A certificate costs
about a millisecond, so contexts are kept for the most recently used hosts. Thread-safe.
"""

from __future__ import annotations

import ssl
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from dfinfra.tls import Authority, write_private

_KEPT_S = 7 * 24 * 3600.0


class LeafCache:
    """One TLS server context per host name, at most ``capacity`` of them."""

    def __init__(
        self,
        ca: Authority,
        *,
        capacity: int = 1024,
        alpn: tuple[str, ...] = ("http/1.1",),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ca = ca
        self._capacity = capacity
        self._alpn = alpn
        self._now = now
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, ssl.SSLContext]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def context(self, host: str) -> ssl.SSLContext:
        """The context that shows a certificate for ``host``, a DNS name or an address."""
        name = host.rstrip(".").lower()
        with self._lock:
            made_at, context = self._kept.get(name, (0.0, None))
            if context is None or self._now() - made_at > _KEPT_S:
                context = self._make(name)
                self._kept[name] = (self._now(), context)
            self._kept.move_to_end(name)
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
            return context

    def _make(self, name: str) -> ssl.SSLContext:
        chain, key = self._ca.leaf(name, names=(name,), days=30)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(list(self._alpn))
        # OpenSSL takes certificates from files only; these live for a moment.
        with tempfile.TemporaryDirectory(prefix="leaf-") as folder:
            path = Path(folder) / "leaf.pem"
            write_private(path, key + chain)
            context.load_cert_chain(path)
        return context
