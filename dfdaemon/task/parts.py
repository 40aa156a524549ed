"""What every conductor of this host shares. Built once, by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from blobstore.store import BlobStore
from dfdaemon.control.links import Links
from dfdaemon.control.scheduler import SchedulerClient
from dfdaemon.fetch.limiter import AdjustableLimiter
from dfdaemon.fetch.origin import OriginPool
from dfdaemon.fetch.parent import ParentPool
from dfdaemon.task.memory import Memory
from dfdaemon.task.metrics import TaskMetrics
from dfdaemon.task.policy import TaskPolicy
from dfdaemon.task.spec import TaskSpec
from dfinfra.clock import Clock
from dfinfra.offload import Pool
from dfinfra.rpc.channels import Channels


def _as_it_is(spec: TaskSpec) -> TaskSpec:
    return spec


@dataclass
class Limiters:
    """The host's bandwidth limits: everything that comes in, what comes from origins, and the rate
    of each single task (bytes per second, None is no limit)."""

    download: AdjustableLimiter
    origin: AdjustableLimiter
    task_rate_bytes_s: float | None = None


@dataclass(frozen=True)
class HostIdentity:
    """This host as the others know it."""

    host_id: str
    hostname: str
    ip: str
    vortex_port: int
    seed: bool


def _verified(_url: str) -> bool:
    return False


@dataclass(frozen=True)
class EngineParts:
    """Collaborators of the task engine.

    ``changed`` is told the id of a task whose origin fetch ended or that failed; ``secure`` tells
    that this host has a cluster certificate: without one, restricted blobs do not
    travel between hosts. ``linger_s`` is how long a task without readers goes on.
    """

    host: HostIdentity
    policy: TaskPolicy
    store: BlobStore
    parents: ParentPool
    origin: OriginPool
    links: Links
    scheduler: SchedulerClient
    channels: Channels
    limiters: Limiters
    disk: Pool
    cpu: Pool
    clock: Clock
    rng: Random
    metrics: TaskMetrics
    new_peer_id: Callable[[], str]
    changed: Callable[[str], None]
    secure: bool
    linger_s: float = 10.0
    memory: Memory | None = None
    """What is asked before the origin, on a seed."""
    admit: Callable[[TaskSpec], TaskSpec] = _as_it_is
    """What the cluster's rules make of a wish: the same, or one with another priority. Raises Denied."""
    may_skip_verify: Callable[[str], bool] = _verified
    """Whether this host's own configuration lets a URL's origin go unverified, whoever asks for it."""
