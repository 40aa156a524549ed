"""One blob wished for in the cluster: who takes part and who feeds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dfcore.fsm import Machine
from scheduler.events import Wish
from scheduler.resource.intake import Rate
from scheduler.resource.sampler import Sampler
from scheduler.resource.states import TASK_TABLE, TaskEvent, TaskState

if TYPE_CHECKING:
    from scheduler.resource.host import Host
    from scheduler.resource.peer import Peer


@dataclass(slots=True, eq=False)
class Feeder:
    """The host that brings the bytes in: a seed (perhaps not started yet) or a granted peer."""

    host: Host
    children: dict[Peer, None] = field(default_factory=dict)
    complaints: dict[Peer, None] = field(default_factory=dict)
    """Children that could not use it; they may have gone since."""


@dataclass(slots=True, eq=False)
class Trigger:
    """A plain peer's wish is on its way to a seed."""

    host: Host
    until: float


class Task:
    """The rosters are kept by `pool.Pool.enrol`, never changed elsewhere:

    `members` own peers that serve what they have; `plain` plain ones; `holders` those of both, and
    of the seeds, that hold the whole blob; `active` own peers with a stream that still fetch.
    """

    __slots__ = (
        "active",
        "created_at",
        "failed_seeds",
        "feeder",
        "flow",
        "grants",
        "holders",
        "id",
        "machine",
        "members",
        "peers",
        "plain",
        "seeds",
        "size_bytes",
        "trigger",
        "updated_at",
        "waiting",
        "wish",
    )

    def __init__(self, task_id: str, now: float) -> None:
        self.id = task_id
        self.machine = Machine(TASK_TABLE, TaskState.PENDING, task_id)
        self.wish = Wish()
        self.size_bytes: int | None = None
        self.flow = Rate(now)
        """What all peers together were given; for people who watch."""
        self.peers: dict[str, Peer] = {}
        self.seeds: dict[str, Peer] = {}
        """The peers of this task on seed hosts, by host id."""
        self.members: Sampler[Peer] = Sampler()
        self.plain: Sampler[Peer] = Sampler()
        self.holders: Sampler[Peer] = Sampler()
        self.active: Sampler[Peer] = Sampler()
        self.waiting: dict[Peer, None] = {}
        self.grants: dict[Peer, None] = {}
        self.feeder: Feeder | None = None
        self.trigger: Trigger | None = None
        self.failed_seeds: dict[str, float] = {}
        """Seed host id -> until when it is passed over for this task."""
        self.created_at = now
        self.updated_at = now

    @property
    def state(self) -> TaskState:
        return self.machine.state

    def fire(self, event: TaskEvent, now: float) -> None:
        if (self.machine.state, event) in TASK_TABLE:
            self.machine.fire(event)
            self.updated_at = now

    def learn(self, wish: Wish) -> None:
        """Take over what a registrant knows and we do not; nobody overwrites what is known."""
        known = self.wish
        if not known.url or (known.size_bytes is None and wish.size_bytes is not None):
            self.wish = wish
        if self.size_bytes is None:
            self.size_bytes = wish.size_bytes
