"""What the parts of the manager share, and what each of them brings.

``manager.app`` makes one :class:`Core` and asks each part for its :class:`Part`: a module has a
function ``part(core: Core) -> Part`` and stands in the list of ``manager.app``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dfinfra.clock import Clock
from dfinfra.lifecycle import Service
from dfinfra.metrics import CollectorRegistry
from dfinfra.rpc.channels import Channels
from manager.changes import Changes
from manager.config import ManagerConfig
from manager.db.database import Database
from manager.rest.routes import Route


@dataclass(frozen=True, slots=True)
class Core:
    """What every part may use. Open from the first to the last moment of the parts' services."""

    config: ManagerConfig
    database: Database
    changes: Changes
    """What changed, in this replica or another: wait on it instead of asking again and again."""
    channels: Channels
    """gRPC channels to schedulers and nodes."""
    secure: Channels | None
    """The same over the cluster's TLS, if this manager has a certificate."""
    metrics: CollectorRegistry
    clock: Clock
    replica: str
    """A name of this process that no other replica has, for leases."""
    table: list[Route] = field(default_factory=list)
    """All rows of REST, complete before the first service starts; the console reads through them."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one part brings: routes, and services in start order."""

    routes: tuple[Route, ...] = ()
    services: tuple[Service, ...] = field(default=())
