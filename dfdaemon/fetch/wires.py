"""HTTP/1.1 connections to origins: opened directly or through a proxy, kept for their next use.

Blocking, for the threads of `OriginPool`; every method of `Wires` may be called from any of them.
The names of hosts may appear in errors; paths and queries never do.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import threading
import urllib.request
from collections import OrderedDict
from dataclasses import dataclass
from time import monotonic
from urllib.parse import SplitResult, quote, unquote, urlsplit

from dfcore.errors import ConfigError, OriginUnreachable
from dfdaemon.fetch.trust import OriginTrust

# What requests and curl leave alone; everything else is percent-encoded.
_SAFE_IN_TARGET = "%/:=&?~#+!$,;'@()*[]"


@dataclass(frozen=True, slots=True)
class WireKey:
    """What must be equal for a connection to be used again."""

    scheme: str
    host: str
    port: int
    verified: bool
    proxy: str | None


@dataclass(slots=True, eq=False)
class Wire:
    """An open connection. ``target_prefix`` goes before paths when a plain proxy is asked."""

    key: WireKey
    http: http.client.HTTPConnection
    target_prefix: str = ""
    proxy_authorization: str | None = None
    reused: bool = False
    idle_since: float = 0.0

    def target(self, parts: SplitResult) -> str:
        """The request target for a URL of this origin."""
        path = quote(parts.path or "/", safe=_SAFE_IN_TARGET)
        query = f"?{quote(parts.query, safe=_SAFE_IN_TARGET)}" if parts.query else ""
        return f"{self.target_prefix}{path}{query}"

    def shut(self) -> None:
        """Break it off; a thread that waits on it is woken."""
        sock = self.http.sock
        if sock is not None:
            try:
                # Not SSLSocket.shutdown: that would pull the TLS object from under the thread.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self) -> None:
        self.http.close()

    @property
    def alive(self) -> bool:
        """Nothing has arrived since the last answer, not even its end."""
        sock = self.http.sock
        if sock is None:
            return False
        timeout_s = sock.gettimeout()
        try:
            sock.setblocking(False)
            sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            sock.settimeout(timeout_s)
            return True
        except OSError:
            return False
        return False


class Wires:
    """Opens connections and keeps idle ones, at most ``limit``."""

    def __init__(
        self,
        *,
        limit: int,
        idle_timeout_s: float,
        connect_timeout_s: float,
        read_timeout_s: float,
        trust: OriginTrust,
        proxy: str | None,
        trust_env: bool,
    ) -> None:
        self._limit = limit
        self._idle_timeout_s = idle_timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._proxy = proxy
        self._trust_env = trust_env
        self._trust = trust
        self._lock = threading.Lock()
        self._idle: OrderedDict[Wire, None] = OrderedDict()

    def take(self, parts: SplitResult, *, verified: bool) -> Wire:
        """An idle connection to the URL's origin, or a new one. Raises OriginUnreachable."""
        key = WireKey(
            parts.scheme,
            parts.hostname or "",
            parts.port or (443 if parts.scheme == "https" else 80),
            verified,
            self._proxy_for(parts),
        )
        while (wire := self._pop(key)) is not None:
            if wire.alive:
                wire.reused = True
                return wire
            wire.close()
        return self._open(key)

    def put(self, wire: Wire) -> None:
        """Keep a connection whose answer was read to its end."""
        wire.idle_since = monotonic()
        with self._lock:
            self._idle[wire] = None
            surplus = self._take_surplus()
        for old in surplus:
            old.close()

    def close(self) -> None:
        with self._lock:
            wires, self._idle = self._idle, OrderedDict()
        for wire in wires:
            wire.close()

    def _pop(self, key: WireKey) -> Wire | None:
        with self._lock:
            surplus = self._take_surplus()
            found = next((wire for wire in reversed(self._idle) if wire.key == key), None)
            if found is not None:
                del self._idle[found]
        for old in surplus:
            old.close()
        return found

    def _take_surplus(self) -> list[Wire]:
        oldest = monotonic() - self._idle_timeout_s
        surplus: list[Wire] = []
        while self._idle:
            wire = next(iter(self._idle))
            if len(self._idle) <= self._limit and wire.idle_since > oldest:
                break
            del self._idle[wire]
            surplus.append(wire)
        return surplus

    def _proxy_for(self, parts: SplitResult) -> str | None:
        if self._proxy or not self._trust_env:
            return self._proxy
        if urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
            return None
        return urllib.request.getproxies().get(parts.scheme)

    def _open(self, key: WireKey) -> Wire:
        wire = self._prepare(key)
        try:
            wire.http.connect()
        except (OSError, http.client.HTTPException) as error:
            wire.close()
            reason = getattr(error, "verify_message", "") or error
            raise OriginUnreachable(f"no connection to {key.host}:{key.port}: {reason}") from error
        wire.http.sock.settimeout(self._read_timeout_s)
        return wire

    def _prepare(self, key: WireKey) -> Wire:
        host, port, login = key.host, key.port, None
        if key.proxy is not None:
            host, port, login = _proxy_address(key.proxy)
        timeout_s = self._connect_timeout_s
        if key.scheme == "http":
            plain = http.client.HTTPConnection(host, port, timeout=timeout_s)
            if key.proxy is None:
                return Wire(key, plain)
            shown = f"[{key.host}]" if ":" in key.host else key.host
            if key.port != 80:
                shown = f"{shown}:{key.port}"
            return Wire(key, plain, f"http://{shown}", login)
        context = self._trust.for_place(key.host, key.port, verified=key.verified)
        secured = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
        if key.proxy is not None:
            headers = {"Proxy-Authorization": login} if login else {}
            secured.set_tunnel(key.host, key.port, headers)
        return Wire(key, secured)


def _proxy_address(proxy: str) -> tuple[str, int, str | None]:
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme != "http" or not parts.hostname:
        raise ConfigError("the origin's proxy must be of the form http://[user:password@]host:port")
    login = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        login = "Basic " + base64.b64encode(pair.encode()).decode()
    return parts.hostname, parts.port or 80, login
