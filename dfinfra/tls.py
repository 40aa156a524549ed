"""TLS between hosts and towards intercepted clients.

Connections between hosts are mutual TLS 1.3 under the cluster's own authority alone
(``dfinfra.authority``, whose names can be imported from here). The proxy shows its clients
certificates made on demand by :class:`LeafCache`.
"""

from __future__ import annotations

import ssl
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

from dfcore.errors import ConfigError
from dfinfra.authority import Authority, Identity, create_ca, issue, load_ca, write_private

__all__ = [
    "Authority",
    "Identity",
    "LeafCache",
    "client_context",
    "create_ca",
    "issue",
    "load_ca",
    "server_context",
]

_KEPT_S = 7 * 24 * 3600.0


def server_context(identity: Identity, *, alpn: Sequence[str] = ()) -> ssl.SSLContext:
    """For listeners between hosts: only clients with a certificate of the authority enter.

    ``alpn`` are protocols that a client may ask for by name.
    """
    context = _mutual(ssl.PROTOCOL_TLS_SERVER, identity)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def client_context(identity: Identity) -> ssl.SSLContext:
    """For connections between hosts.

    Names are not compared: hosts are known by addresses that change, and being of the
    cluster is what counts.
    """
    return _mutual(ssl.PROTOCOL_TLS_CLIENT, identity)


class LeafCache:
    """One TLS server context per host name that the proxy speaks for, made on demand.

    A certificate costs about a millisecond, so those of the ``capacity`` most recently used
    hosts are kept. Thread-safe.
    """

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


def _mutual(protocol: int, identity: Identity) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    for path in (identity.cert, identity.key, identity.ca):
        if not path.is_file():
            raise ConfigError(f"{path}: no such file")
    try:
        context.load_cert_chain(identity.cert, identity.key)
        context.load_verify_locations(identity.ca)
    except ssl.SSLError as error:
        raise ConfigError(f"{identity.cert}: {error.reason or error}") from error
    return context
