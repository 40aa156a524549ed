"""The scheduler's configuration: one YAML file, every key optional.

Dragonfly's own keys where it has them (`server.listenIP`, `server.port`, `server.logDir`, `verbose`,
`console`, `pprofPort`, `metrics.enable`). An unknown key is an error that names the nearest one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from dfinfra.config import Port, Seconds
from dfinfra.configvalues import Bounds
from dfinfra.managerlink_config import ManagerSection
from scheduler.policy import (
    LeasePolicy,
    OriginPolicy,
    PlainPolicy,
    Policy,
    QuarantinePolicy,
    SwarmPolicy,
    UploadPolicy,
)

DEFAULT_PATH = Path("/etc/dragonfly/scheduler.yaml")
"""Read if it is there and no other file is named."""


def default_log_dir() -> Path:
    """The folder of the documents for root, below the XDG state folder for others."""
    if os.geteuid() == 0:
        return Path("/var/log/dragonfly/scheduler")
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "meganeura" / "log" / "scheduler"


def state_dir() -> Path:
    """Where state lives: the system's place for root, the XDG state folder for others."""
    if os.geteuid() == 0:
        return Path("/var/lib/meganeura/scheduler")
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "meganeura" / "scheduler"


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where daemons reach the scheduler."""

    listen_ip: str = field(default="0.0.0.0", metadata={"key": "listenIP"})
    port: Port = 8002
    host: str = ""
    """Its name for the manager; empty: this machine's."""
    advertise_ip: str = field(default="", metadata={"key": "advertiseIP"})
    """How nodes reach it; empty: found from the route to the manager."""
    advertise_port: Port = 0
    """The same for its port; 0: the one it listens at."""
    idc: str = ""
    location: str = ""
    log_dir: Path | None = None
    max_streams: int = 100_000
    """Calls at once; a peer has one open while it downloads."""
    outbox_limit: int = 64
    """Answers that wait for one peer to read them; with more its stream ends."""
    grace_s: Seconds = 5.0
    """How long a stop waits for calls that are under way."""

    def __post_init__(self) -> None:
        if self.max_streams < 1 or self.outbox_limit < 4:
            raise ValueError("maxStreams must be at least 1 and outboxLimit at least 4")


@dataclass(frozen=True, slots=True)
class SecurityConfig:
    """This host's certificate of the cluster (`host.crt`, `host.key`, `ca.crt`), for `manager.tls`."""

    dir: Path | None = None


@dataclass(frozen=True, slots=True)
class AdminConfig:
    """Metrics, health and profiles."""

    ip: str = "127.0.0.1"
    port: Port = 8003


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    enable: bool = True
    """Whether `/metrics` shows anything."""


@dataclass(frozen=True, slots=True)
class SchedulerConfig:
    server: ServerConfig = field(default_factory=ServerConfig)
    manager: ManagerSection = field(default_factory=ManagerSection)
    security: SecurityConfig = field(default_factory=SecurityConfig)
    admin: AdminConfig = field(default_factory=AdminConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    verbose: bool = False
    """Log at level debug."""
    console: bool = False
    """Log to stderr as well."""
    pprof_port: Annotated[int, Bounds(-1, 65535, "a port, or -1 for none")] = -1
    """One more port of 127.0.0.1 for profiles; 0 and -1: only the admin port has them."""
    loop: Literal["uvloop", "asyncio"] = "uvloop"
    swarm: SwarmPolicy = field(default_factory=SwarmPolicy)
    plain: PlainPolicy = field(default_factory=PlainPolicy)
    origin: OriginPolicy = field(default_factory=OriginPolicy)
    upload: UploadPolicy = field(default_factory=UploadPolicy)
    quarantine: QuarantinePolicy = field(default_factory=QuarantinePolicy)
    gc: LeasePolicy = field(default_factory=LeasePolicy)

    @property
    def policy(self) -> Policy:
        """What the core takes."""
        return Policy(self.swarm, self.plain, self.origin, self.upload, self.quarantine, self.gc)
