"""The numbers that shape a swarm, as the core takes them. `config` loads them from YAML.

Defaults of the graph are those of a simulation study: degree 16 is within 0.01 of the best at any
size, everybody knows everybody up to 17 nodes, a seed in 32 lists, refilled below 24.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dfinfra.config import Seconds


@dataclass(frozen=True, slots=True)
class SwarmPolicy:
    """The neighbour graph of own peers."""

    full_mesh: int = 17
    """Up to so many own peers of a task, everybody gets everybody."""
    degree: int = 16
    min_degree: int = 8
    max_degree: int = 32
    """A peer takes no further newcomers above this; see `graph` for why it is twice the degree."""
    feeder_children: int = 32
    """So many peers are on the seed's list, a random few of all; the others live from their
    neighbours."""
    feeder_low_water: int = 24
    swap: int = 2
    """Neighbours exchanged for a peer that is offered nothing."""

    def __post_init__(self) -> None:
        if not 1 <= self.min_degree <= self.degree <= self.max_degree:
            raise ValueError(
                f"minDegree {self.min_degree}, degree {self.degree}, maxDegree {self.max_degree}: "
                "must be at least 1 and in ascending order"
            )
        if not 0 <= self.feeder_low_water <= self.feeder_children or self.feeder_children < 1:
            raise ValueError(
                f"feederLowWater {self.feeder_low_water}, feederChildren {self.feeder_children}: "
                "the first must not be above the second, and the second at least 1"
            )
        if self.full_mesh < 1 or self.swap < 0:
            raise ValueError("fullMesh must be at least 1 and swap at least 0")


@dataclass(frozen=True, slots=True)
class PlainPolicy:
    """Parents for plain Dragonfly peers (Dragonfly's candidateParentLimit, filterParentLimit)."""

    candidate_parent_limit: int = 4
    filter_parent_limit: int = 24

    def __post_init__(self) -> None:
        if not 1 <= self.candidate_parent_limit <= self.filter_parent_limit:
            raise ValueError(
                f"candidateParentLimit {self.candidate_parent_limit}, filterParentLimit "
                f"{self.filter_parent_limit}: the first must be 1 or more and not above the second"
            )


@dataclass(frozen=True, slots=True)
class OriginPolicy:
    """Who may go to the origin, counted in the whole cluster of this scheduler."""

    max_hosts_per_task: int = 1
    idle_s: Seconds = 60.0
    """A granted host that reports no progress for so long loses the grant."""
    suspect_idle_s: Seconds = 3.0
    """... and for so long when one of its children complains."""
    seed_start_s: Seconds = 10.0
    """How long a seed may take to start what it was asked to fetch for a plain peer."""
    seed_retry_s: Seconds = 60.0
    """How long a seed that failed a task is passed over for it."""
    wait_s: Seconds = 30.0
    """How long a peer without any possible parent waits for one."""
    settle_s: Seconds = 10.0
    """After its start the scheduler grants nothing but to seeds for so long: the seeds and holders
    of a cluster must have the time to announce themselves, and their connections back off for up to
    two seconds."""

    def __post_init__(self) -> None:
        if self.max_hosts_per_task < 1:
            raise ValueError(f"maxHostsPerTask {self.max_hosts_per_task}: must be at least 1")


@dataclass(frozen=True, slots=True)
class UploadPolicy:
    """How many plain peers may be sent to one host (Dragonfly's loadLimit)."""

    peer_limit: int = 200
    seed_limit: int = 2000

    def __post_init__(self) -> None:
        if self.peer_limit < 1 or self.seed_limit < 1:
            raise ValueError("peerLimit and seedLimit must be at least 1")


@dataclass(frozen=True, slots=True)
class QuarantinePolicy:
    """A host whose bytes did not verify `failures` times within `window_s` is not a parent."""

    failures: int = 3
    window_s: Seconds = 600.0
    duration_s: Seconds = 600.0

    def __post_init__(self) -> None:
        if self.failures < 1:
            raise ValueError(f"failures {self.failures}: must be at least 1")


@dataclass(frozen=True, slots=True)
class LeasePolicy:
    """When silent things are forgotten (Dragonfly's gc)."""

    host_interval_s: Seconds = 60.0
    """Assumed of a host that does not tell how often it announces itself."""
    stream_grace_s: Seconds = 10.0
    """A peer whose stream broke may come back within this."""
    piece_timeout_s: Seconds = 1800.0
    """A download without progress for so long is over."""
    peer_ttl_s: Seconds = 86400.0
    task_ttl_s: Seconds = 1800.0
    """A task without peers is forgotten after this."""


@dataclass(frozen=True, slots=True)
class Policy:
    swarm: SwarmPolicy = field(default_factory=SwarmPolicy)
    plain: PlainPolicy = field(default_factory=PlainPolicy)
    origin: OriginPolicy = field(default_factory=OriginPolicy)
    upload: UploadPolicy = field(default_factory=UploadPolicy)
    quarantine: QuarantinePolicy = field(default_factory=QuarantinePolicy)
    lease: LeasePolicy = field(default_factory=LeasePolicy)
