"""The manager's configuration: one YAML file, every key optional.

Dragonfly's own keys where it has them (`server.grpc`, `server.rest`, `server.logDir`, `verbose`,
`console`, `pprofPort`, `metrics.enable`). An unknown key is an error that names the nearest one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from dfinfra.config import Port, Seconds
from dfinfra.configvalues import Bounds
from manager.jobs.config import JobsConfig

DEFAULT_PATH = Path("/etc/dragonfly/manager.yaml")
"""Read if it is there and no other file is named."""


def state_dir() -> Path:
    """Where state lives: the system's place for root, the XDG state folder for others."""
    if os.geteuid() == 0:
        return Path("/var/lib/meganeura/manager")
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "meganeura" / "manager"


def default_log_dir() -> Path:
    """The folder of the documents for root, below the XDG state folder for others."""
    if os.geteuid() == 0:
        return Path("/var/log/dragonfly/manager")
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "meganeura" / "log" / "manager"


@dataclass(frozen=True, slots=True)
class Listen:
    """An address."""

    ip: str = "0.0.0.0"
    port: Port = 0


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The certificate that browsers are shown; without it REST and console are plain HTTP."""

    cert: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key go together")


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where nodes, scripts and browsers reach the manager."""

    grpc: Listen = field(default_factory=lambda: Listen(port=65003))
    rest: Listen = field(default_factory=lambda: Listen(port=8080))
    stream: Listen = field(default_factory=Listen)
    """Where nodes follow their settings when there are more of them than `keepAlive.streams`.

    Port 0 takes any free one; name one (65004) where a Service or a firewall stands between."""
    tls: TlsFiles = field(default_factory=TlsFiles)
    public_url: str = field(default="", metadata={"key": "publicURL"})
    """How browsers reach it (`https://manager.example`), for sign-in by OIDC; empty: as they ask."""
    trusted_proxies: int = 0
    """How many reverse proxies stand in front and each add to `X-Forwarded-For`."""
    log_dir: Path | None = None
    grace_s: Seconds = 5.0
    """How long a stop waits for requests that are under way."""


@dataclass(frozen=True, slots=True)
class DatabaseConfig:
    """`url`: `sqlite:///PATH`, `postgresql://USER:PASSWORD@HOST/NAME`, `mysql://…` or `mariadb://…`.

    Empty: SQLite in `stateDir`. `urlFile` is read instead, so that a secret can be mounted.
    """

    url: str = ""
    url_file: Path | None = None
    connections: Annotated[int, Bounds(1, 256, "1 to 256")] = 8
    wait_s: Seconds = 0.0
    """How long a start waits for a database that cannot be reached yet."""


@dataclass(frozen=True, slots=True)
class OidcConfig:
    """One provider of sign-in, an OpenID issuer."""

    name: str
    """The word in the sign-in address: `/api/v1/users/signin/NAME`."""
    issuer: str
    client_id: str = field(metadata={"key": "clientID"})
    client_secret_file: Path | None = None
    title: str = ""
    """What the button says."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    groups_claim: str = "groups"
    roles: dict[str, str] = field(default_factory=dict)
    """Of a group of the provider: the role that its members have here."""
    default_role: str = "guest"


@dataclass(frozen=True, slots=True)
class AuthConfig:
    """Users and sessions."""

    sign_up: bool = False
    """Whether anybody may make a user for themselves; it is a guest."""
    session_s: Seconds = 7 * 86400.0
    """A session ends after this long without use..."""
    session_max_s: Seconds = 30 * 86400.0
    """... and after this long in any case."""
    root_password_file: Path | None = None
    """Root's password at the first start; without it a random one is made and shown once."""
    token_max_s: Seconds = 366 * 86400.0
    """No personal access token lives longer."""
    oidc: tuple[OidcConfig, ...] = ()


@dataclass(frozen=True, slots=True)
class KeepAliveConfig:
    """When silent schedulers, seeds and peers count as gone."""

    interval_s: Seconds = 10.0
    """How often the times of the last sign of life are written."""
    timeout_s: Seconds = 60.0
    """Without a sign of life for so long an instance is inactive (a broken connection tells at once)."""
    streams: int = 500
    """So many nodes hear of changes at once by an open stream, of 40 KiB each; the others ask..."""
    asked_per_s: int = 1000
    """... each so often that it is about this many questions per second, and every 5 seconds at most."""
    peer_ttl_s: Seconds = 24 * 3600.0
    """An inactive peer is forgotten after this."""


@dataclass(frozen=True, slots=True)
class TargetsConfig:
    """Where jobs and webhooks may be sent. Loopback, link-local and metadata addresses are refused."""

    allow: tuple[str, ...] = ()
    """Networks that are allowed nevertheless, such as `127.0.0.0/8`."""


@dataclass(frozen=True, slots=True)
class SecurityConfig:
    """The cluster's certificates, both for gRPC (`host.crt`, `host.key`, `ca.crt`) in `dir`."""

    dir: Path | None = None
    require_client_certificates: bool = True
    """With `dir`: nodes without a certificate of the cluster are refused."""


@dataclass(frozen=True, slots=True)
class AdminConfig:
    """Metrics, health and profiles."""

    ip: str = "127.0.0.1"
    port: Port = 8001


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    enable: bool = True
    """Whether `/metrics` shows anything."""


@dataclass(frozen=True, slots=True)
class RetentionConfig:
    """How long records are kept."""

    audits_s: Seconds = 90 * 86400.0
    jobs_s: Seconds = 30 * 86400.0


@dataclass(frozen=True, slots=True)
class ManagerConfig:
    server: ServerConfig = field(default_factory=ServerConfig)
    database: DatabaseConfig = field(default_factory=DatabaseConfig)
    auth: AuthConfig = field(default_factory=AuthConfig)
    keep_alive: KeepAliveConfig = field(default_factory=KeepAliveConfig)
    targets: TargetsConfig = field(default_factory=TargetsConfig)
    security: SecurityConfig = field(default_factory=SecurityConfig)
    admin: AdminConfig = field(default_factory=AdminConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    retention: RetentionConfig = field(default_factory=RetentionConfig)
    jobs: JobsConfig = field(default_factory=JobsConfig)
    state_dir: Path | None = None
    poll_s: Seconds = 1.0
    """How often a replica looks for what another one changed."""
    verbose: bool = False
    """Log at level debug."""
    console: bool = False
    """Log to stderr as well."""
    pprof_port: Annotated[int, Bounds(-1, 65535, "a port, or -1 for none")] = -1
    """One more port of 127.0.0.1 for profiles; 0 and -1: only the admin port has them."""
    loop: Literal["uvloop", "asyncio"] = "uvloop"

    @property
    def folder(self) -> Path:
        """Where this manager keeps what is its own: the embedded database, keys."""
        return self.state_dir or state_dir()

    @property
    def database_url(self) -> str:
        """The database that is configured, or the embedded one."""
        if self.database.url_file is not None:
            return self.database.url_file.read_text().strip()
        return self.database.url or f"sqlite:///{self.folder / 'manager.db'}"
