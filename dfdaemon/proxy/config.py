"""The ``proxy`` section of a node's configuration: the keys of the Dragonfly guide, and ours.

Read by ``rules`` and ``server``. The names ``regx``, ``useHTTPS`` and ``useProxies`` are those of
Dragonfly's Go daemon (client/config/peerhost.go), which the guide uses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from dfinfra.config import Bytes, Port, Seconds


@dataclass(frozen=True)
class SecurityConfig:
    """``insecure``: the proxy listens without TLS. Else ``cert`` and ``key`` are needed."""

    insecure: bool = True
    cert: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        if not self.insecure and not (self.cert and self.key):
            raise ValueError("insecure: false needs cert and key")


@dataclass(frozen=True)
class TcpListenConfig:
    """Where the proxy listens. Other hosts reach it only if ``listen`` says so."""

    listen: str = "127.0.0.1"
    port: Port = 65001


def _authority(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2].lower()


@dataclass(frozen=True)
class RegistryMirrorConfig:
    """The remote of requests that name none.

    ``dynamic``: the header X-Dragonfly-Registry may name it. ``insecure``: do not verify its
    certificate; seeds go by their own setting, whatever the node that asks them says; ``certs``:
    authorities that vouch for the host of ``url`` (seeds need them as well, in ``origin.trust``,
    where other hosts have theirs). ``direct``: past the swarm. ``use_proxies``: the rules decide
    what goes through the swarm, else blobs of registries alone.
    """

    dynamic: bool = True
    url: str | None = None
    insecure: bool = False
    certs: tuple[Path, ...] = ()
    direct: bool = False
    use_proxies: bool = True

    def __post_init__(self) -> None:
        if self.url is not None and urlsplit(self.url).scheme not in ("http", "https"):
            raise ValueError(f"url: {self.url!r} is not an http:// or https:// URL")
        if self.certs and self.url is None:
            raise ValueError("certs: vouch for the host of url; for others there is origin.trust")

    def may_skip_verify(self, url: str) -> bool:
        """Whether the certificate of the URL's host need not be verified: it may be the remote."""
        return self.insecure and (self.dynamic or _authority(url) == _authority(self.url or ""))


@dataclass(frozen=True)
class RuleConfig:
    """GETs whose URL (without query) contains ``regx`` go through the swarm, the first match counts.

    ``direct``: past the swarm instead. ``use_https``: ask the origin by https. ``redirect``: ask
    this host instead (``host[:port]``, or a URL for another scheme).
    """

    regx: str
    use_https: bool = field(default=False, metadata={"key": "useHTTPS"})
    direct: bool = False
    redirect: str | None = None

    def __post_init__(self) -> None:
        try:
            re.compile(self.regx)
        except re.error as error:
            raise ValueError(f"regx: {self.regx!r} is not a regular expression: {error}") from None


@dataclass(frozen=True)
class BasicAuthConfig:
    """Clients must send this as Proxy-Authorization (never as Authorization: that is the origin's)."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class InterceptConfig:
    """CONNECT to the Hub and its CDNs, and to ``hosts`` (regular expressions), is intercepted with
    certificates of the local CA; all other hosts are tunnelled untouched.

    ``ca_dir`` holds the CA, made at the first start; without it the state folder does.
    """

    enabled: bool = True
    hosts: tuple[str, ...] = ()
    ca_dir: Path | None = None

    def __post_init__(self) -> None:
        for host in self.hosts:
            try:
                re.compile(host)
            except re.error as error:
                raise ValueError(f"hosts: {host!r} is not a regular expression: {error}") from None


@dataclass(frozen=True)
class LimitsConfig:
    """Above ``requests`` at once the proxy answers 503 with Retry-After; tunnels count apart."""

    requests: int = 4096
    tunnels: int = 1024
    header_size_bytes: Bytes = field(default=64 << 10, metadata={"key": "headerSize"})
    ranges: int = 64


@dataclass(frozen=True)
class ProxyConfig:
    """All of it. ``default_filter``: query parameters (``&`` between them) that do not tell contents
    apart, beside those of the known signatures. ``prefetch``: a Range makes the whole file come.
    ``denied_hosts``: names (with ``*``) the proxy refuses. ``upstream_proxy``: for what is passed on.
    """

    default_filter: str = ""
    security: SecurityConfig = field(default_factory=SecurityConfig)
    tcp_listen: TcpListenConfig = field(default_factory=TcpListenConfig)
    registry_mirror: RegistryMirrorConfig = field(default_factory=RegistryMirrorConfig)
    proxies: tuple[RuleConfig, ...] = ()
    basic_auth: BasicAuthConfig | None = None
    intercept: InterceptConfig = field(default_factory=InterceptConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    output_dirs: tuple[Path, ...] = ()
    denied_hosts: tuple[str, ...] = ()
    prefetch: bool = False
    upstream_proxy: str | None = None
    connect_timeout_s: Seconds = 10.0
    read_timeout_s: Seconds = 120.0
    tunnel_idle_s: Seconds = 3600.0
    stop_grace_s: Seconds = 10.0

    @property
    def filtered_params(self) -> tuple[str, ...]:
        """The parameters of ``default_filter``."""
        return tuple(name for name in self.default_filter.split("&") if name)
