"""A client that adds nothing and follows nothing: for what the real clients do not let one see."""

from __future__ import annotations

import hashlib
import http.client
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Got:
    """An answer as it came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)

    @property
    def sha256(self) -> str:
        """Hex digest of the body."""
        return hashlib.sha256(self.body).hexdigest()


def fetch(
    url: str,
    *,
    method: str = "GET",
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | Iterable[bytes] | None = None,
    proxy: str | None = None,
    ca_file: str | None = None,
) -> Got:
    """One request on a connection of its own.

    With `proxy`, http URLs are asked in absolute form and https ones through CONNECT.
    """
    parts, via = urlsplit(url), urlsplit(proxy or url)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    context = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
    connection: http.client.HTTPConnection
    assert via.hostname is not None
    if context is not None:
        connection = http.client.HTTPSConnection(
            via.hostname, via.port, timeout=TIMEOUT_S, context=context
        )
        if proxy:
            assert parts.hostname is not None
            connection.set_tunnel(parts.hostname, parts.port or 443)
    else:
        connection = http.client.HTTPConnection(via.hostname, via.port, timeout=TIMEOUT_S)
        target = url if proxy else target
    sent = dict(headers or {})
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    if proxy and context is None:
        sent.setdefault("Host", parts.netloc)
    try:
        connection.request(method, target, body=body, headers=sent)
        answer = connection.getresponse()
        return Got(answer.status, answer.getheaders(), answer.read())
    finally:
        connection.close()
