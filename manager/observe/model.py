"""What is known of the swarm at one moment: frozen values, made by `messages`, shown by the console.

Sizes are bytes and rates bytes per second, whatever the wire says; times are seconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """A scheduler that is to be asked, or one (or a seed) that went away. `address` is host:port."""

    address: str
    name: str = ""
    cluster: str = ""
    cluster_id: int = 0
    kind: str = "scheduler"
    gone_at: float = 0.0
    """When it last gave a sign of life, if it gives none any more."""


@dataclass(frozen=True, slots=True)
class Host:
    id: str
    hostname: str
    ip: str
    port: int
    seed: bool
    own: bool
    idc: str
    location: str
    version: str
    cpu_percent: float
    memory_percent: float
    disk_total: int
    disk_used: int
    rx_rate: float
    tx_rate: float
    served_rate: float
    task_count: int
    running_count: int
    quarantined: bool
    disable_shared: bool
    announced_at: float
    cluster: str = ""
    scheduler: str = ""

    @property
    def disk_share(self) -> float:
        """0 to 1."""
        return self.disk_used / self.disk_total if self.disk_total else 0.0

    @property
    def state(self) -> str:
        """One word for people, worst first."""
        if self.quarantined:
            return "quarantined"
        if self.disk_share >= FULL_SHARE:
            return "full"
        if self.running_count:
            return "fetching"
        if self.served_rate >= SERVING_RATE:
            return "serving"
        return "idle"


FULL_SHARE = 0.97
SERVING_RATE = 64 * 1024.0
"""A host that gives less than this is idle to a person's eye."""


@dataclass(frozen=True, slots=True)
class Task:
    id: str
    url: str
    state: str
    size_bytes: int
    peer_count: int
    complete_count: int
    running_count: int
    running_bytes: int
    rate: float
    tag: str
    application: str
    digest: str
    created_at: float
    updated_at: float
    cluster: str = ""
    scheduler: str = ""

    @property
    def running(self) -> bool:
        return self.running_count > 0

    @property
    def progress(self) -> float:
        """0 to 1: the mean of those that fetch; of all that ever did when nobody does."""
        if self.running_count and self.size_bytes:
            return min(1.0, self.running_bytes / (self.size_bytes * self.running_count))
        return 1.0 if self.complete_count else 0.0

    @property
    def seconds_left(self) -> float | None:
        if not self.running or self.rate < 1:
            return None
        return max(0.0, self.size_bytes * self.running_count - self.running_bytes) / self.rate


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes by who gave them to whom."""

    origin_to_seeds: int = 0
    origin_to_peers: int = 0
    seeds_to_peers: int = 0
    peers_to_peers: int = 0

    @property
    def origin(self) -> int:
        return self.origin_to_seeds + self.origin_to_peers

    @property
    def delivered(self) -> int:
        """What nodes got: all of it the origin's to send, were there no swarm."""
        return self.origin_to_peers + self.seeds_to_peers + self.peers_to_peers

    @property
    def spared(self) -> int:
        """What the origin did not have to send."""
        return max(0, self.delivered - self.origin)

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(
            self.origin_to_seeds + other.origin_to_seeds,
            self.origin_to_peers + other.origin_to_peers,
            self.seeds_to_peers + other.seeds_to_peers,
            self.peers_to_peers + other.peers_to_peers,
        )

    def since(self, before: Traffic) -> Traffic:
        """The difference; nothing below zero."""
        return Traffic(
            max(0, self.origin_to_seeds - before.origin_to_seeds),
            max(0, self.origin_to_peers - before.origin_to_peers),
            max(0, self.seeds_to_peers - before.seeds_to_peers),
            max(0, self.peers_to_peers - before.peers_to_peers),
        )


@dataclass(frozen=True, slots=True)
class Note:
    """Something remarkable that a scheduler told."""

    number: int
    at: float
    kind: str
    host_id: str
    task_id: str
    text: str
    scheduler: str = ""


@dataclass(frozen=True, slots=True)
class Swarm:
    """One answer of one scheduler. `hosts` is None when they were not asked for."""

    boot_id: str
    host_count: int
    task_count: int
    peer_count: int
    tasks: tuple[Task, ...]
    hosts: tuple[Host, ...] | None
    traffic: Traffic
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """From whom a peer took bytes; an empty host is the origin."""

    host_id: str
    size_bytes: int
    rate: float


@dataclass(frozen=True, slots=True)
class Peer:
    id: str
    host_id: str
    state: str
    seed: bool
    complete: bool
    finished_bytes: int
    rate: float
    pieces: bytes
    sources: tuple[Source, ...]
    neighbours: tuple[str, ...]
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class Held:
    """What one host has of one task."""

    task_id: str
    url: str
    state: str
    finished_bytes: int
    size_bytes: int

    @property
    def share(self) -> float:
        """0 to 1."""
        if self.state == "Succeeded":
            return 1.0
        return min(1.0, self.finished_bytes / self.size_bytes) if self.size_bytes else 0.0


@dataclass(frozen=True, slots=True)
class TaskDetail:
    """One task to the last edge. `hosts` are those that are named, by id."""

    task: Task
    piece_length: int
    piece_count: int
    peers: tuple[Peer, ...]
    feeder: str
    hosts: dict[str, Host] = field(default_factory=dict)
