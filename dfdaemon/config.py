"""The configuration of a node, composed of what its parts declare. Also the seed's, with a profile.

One YAML file; keys in camelCase; Dragonfly's own names where it has them. An unknown key is an error
that names the nearest one.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from blobstore.config import DiskConfig, StoreConfig
from dfdaemon.fetch.origin import OriginConfig, origin_trust
from dfdaemon.fetch.trust import OriginTrust, TrustConfig, Vouching
from dfdaemon.hub.config import HubConfig
from dfdaemon.proxy.config import ProxyConfig
from dfdaemon.task.origin_runs import OriginPolicy
from dfdaemon.task.planner import PlanPolicy
from dfdaemon.task.policy import TaskPolicy
from dfinfra.config import Bytes, Port, Seconds
from dfinfra.managerlink_config import ManagerSection


def state_dir() -> Path:
    """Where state lives: the system's place for root, the XDG state folder for others."""
    if os.geteuid() == 0:
        return Path("/var/lib/meganeura")
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "meganeura"


def log_dir(service: str) -> Path:
    """Where logs go: the folder of the documents for root, below the state folder for others."""
    if os.geteuid() == 0:
        return Path("/var/log/dragonfly") / service
    return state_dir() / "log" / service


@dataclass(frozen=True)
class HostConfig:
    """This host. ``ip`` is how other hosts reach it; empty: found from the route to a scheduler."""

    hostname: str = ""
    ip: str = ""
    idc: str = ""
    location: str = ""
    disable_shared: bool = False

    @property
    def name(self) -> str:
        return self.hostname or socket.gethostname()


@dataclass(frozen=True)
class SchedulerConfig:
    """The schedulers, as ``ip:port``."""

    addrs: tuple[str, ...] = ("127.0.0.1:8002",)
    announce_interval_s: Seconds = 30.0


@dataclass(frozen=True)
class StorageConfig:
    """The node's cache: ``dir`` for one disk, or ``disks`` for several.

    ``size_limit_bytes`` and ``free_ratio`` are those of the one disk.
    """

    dir: Path | None = None
    disks: tuple[DiskConfig, ...] = ()
    max_age_s: Seconds | None = 30 * 86400.0
    size_limit_bytes: Bytes | None = field(default=None, metadata={"key": "sizeLimit"})
    free_ratio: float = 0.1

    def store(self, default_dir: Path) -> StoreConfig:
        disks = self.disks or (
            DiskConfig(
                self.dir or default_dir,
                size_limit_bytes=self.size_limit_bytes,
                free_ratio=self.free_ratio,
            ),
        )
        return StoreConfig(disks, max_age_s=self.max_age_s)


@dataclass(frozen=True)
class DownloadConfig:
    """How this host takes content. Rates are bytes per second; none is no limit.

    ``concurrent_units`` from peers at once should equal the parents' upload slots.
    ``linger_s`` is how long a download without readers goes on.
    """

    rate_limit_bytes: Bytes | None = field(default=None, metadata={"key": "rateLimit"})
    origin_rate_limit_bytes: Bytes | None = field(default=None, metadata={"key": "originRateLimit"})
    task_rate_limit_bytes: Bytes | None = field(default=None, metadata={"key": "taskRateLimit"})
    concurrent_units: int = 4
    disable_back_to_source: bool = False
    linger_s: Seconds = 10.0
    starving_s: Seconds = 2.0
    patience_s: Seconds = 60.0
    socket_path: Path | None = None
    output_dirs: tuple[Path, ...] = ()


@dataclass(frozen=True)
class UploadSection:
    """How this host serves others. ``port`` is Vortex TCP, ``rpc_port`` Dragonfly's peer gRPC."""

    ip: str = "0.0.0.0"
    port: Port = 4005
    rpc_port: Port = 4000
    rate_limit_bytes: Bytes | None = field(default=None, metadata={"key": "rateLimit"})
    slots: int = 4
    max_transfers: int = 64


@dataclass(frozen=True)
class SecurityConfig:
    """The cluster's CA and this host's certificate, both in ``dir`` (``dfctl ca`` makes them).

    Without a certificate restricted blobs do not travel between hosts: each host that may read
    them goes to the origin itself.
    """

    dir: Path | None = None


@dataclass(frozen=True)
class AdminConfig:
    """Metrics, health and profiles."""

    ip: str = "127.0.0.1"
    port: Port = 4002


@dataclass(frozen=True)
class MetricsConfig:
    """``enable`` opens the admin port to other hosts, so that Prometheus can scrape it."""

    enable: bool = False


@dataclass(frozen=True)
class TracingConfig:
    """``endpoint``: an OTLP gRPC collector, ``http://host:4317``; needs the tracing extra.

    A download is one trace over the hosts that are configured so, below the client's own if it sends
    ``traceparent``. OpenTelemetry's variables count, e.g. ``OTEL_TRACES_SAMPLER``.
    """

    endpoint: str | None = None


@dataclass(frozen=True)
class LogConfig:
    dir: Path | None = None
    level: str = "info"
    console: bool = False
    rotate_size_bytes: Bytes = field(default=64 << 20, metadata={"key": "rotateSize"})
    rotate_count: int = 6


@dataclass(frozen=True)
class DaemonConfig:
    """A node, or with ``seed_peer`` set by the seed's profile, a seed."""

    host: HostConfig = field(default_factory=HostConfig)
    scheduler: SchedulerConfig = field(default_factory=SchedulerConfig)
    manager: ManagerSection = field(default_factory=ManagerSection)
    storage: StorageConfig = field(default_factory=StorageConfig)
    download: DownloadConfig = field(default_factory=DownloadConfig)
    upload: UploadSection = field(default_factory=UploadSection)
    origin: OriginConfig = field(default_factory=OriginConfig)
    proxy: ProxyConfig = field(default_factory=ProxyConfig)
    hub: HubConfig = field(default_factory=HubConfig)
    security: SecurityConfig = field(default_factory=SecurityConfig)
    admin: AdminConfig = field(default_factory=AdminConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    log: LogConfig = field(default_factory=LogConfig)
    tracing: TracingConfig = field(default_factory=TracingConfig)
    verbose: bool = False
    pprof_port: Port | None = None
    loop: str = "uvloop"
    stop_grace_s: Seconds = 20.0


@dataclass(frozen=True)
class Profile:
    """What a seed does otherwise than a node. ``seedpeer`` passes its own."""

    service: str = "dfdaemon"
    log_name: str = "daemon"
    seed: bool = False
    proxy: bool = True
    seed_slots: int = 6


def trust_of(config: DaemonConfig) -> OriginTrust:
    """Whose word counts for the certificates of origins. Raises ConfigError."""
    private: list[Vouching] = []
    hub, mirror = config.hub, config.proxy.registry_mirror
    if hub.ca_file is not None:
        hosts = (hub.authority, *hub.hosts, *hub.cdn_hosts)
        private.append(Vouching("hub.caFile", TrustConfig(hosts, (hub.ca_file,))))
    if mirror.certs and mirror.url is not None:
        trust = TrustConfig((urlsplit(mirror.url).netloc,), mirror.certs)
        private.append(Vouching("proxy.registryMirror.certs", trust))
    return origin_trust(config.origin, private)


def task_policy(config: DaemonConfig, profile: Profile) -> TaskPolicy:
    """The parameters of the task engine."""
    origin = OriginPolicy(
        first=profile.seed,
        allowed=not config.download.disable_back_to_source,
    )
    plan = PlanPolicy(downloads=config.download.concurrent_units, seed_slots=profile.seed_slots)
    return TaskPolicy(
        plan,
        origin,
        starving_s=config.download.starving_s,
        patience_s=config.download.patience_s,
    )
