"""One task on one host: its state, progress, and neighbours in the task's graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfcore.fsm import Machine
from scheduler.events import Wish
from scheduler.resource.intake import Intake
from scheduler.resource.states import ENDED_STATES, PEER_TABLE, PeerEvent, PeerState

if TYPE_CHECKING:
    from scheduler.resource.host import Host
    from scheduler.resource.task import Task

_BLOCKED_MAX = 64


class Peer:
    """A member of a task.

    `links` is the symmetric neighbour relation of own peers (a dict for its order). `sources` are
    the hosts a plain peer was told to take from; each counts as one upload of that host.
    """

    __slots__ = (
        "__weakref__",
        "_blocked",
        "answered",
        "awaits",
        "closed_at",
        "created_at",
        "finished_bytes",
        "host",
        "id",
        "intake",
        "links",
        "machine",
        "moved_at",
        "origin_status",
        "progressed_at",
        "sources",
        "streaming",
        "task",
        "wait_until",
        "wish",
    )

    def __init__(self, peer_id: str, host: Host, task: Task, now: float) -> None:
        self.id = peer_id
        self.host = host
        self.task = task
        self.machine = Machine(PEER_TABLE, PeerState.PENDING, peer_id)
        self.wish = Wish()
        self.links: dict[Peer, None] = {}
        self._blocked: dict[str, float] = {}
        self.sources: dict[Host, None] = {}
        self.finished_bytes = 0
        self.intake = Intake()
        self.streaming = False
        """Its announce stream is open."""
        self.answered = False
        """It has had an answer since it registered."""
        self.awaits = False
        """It was promised an answer."""
        self.wait_until = 0.0
        self.origin_status: int | None = None
        """What the origin answered it, if that was an error; 0 for no answer."""
        self.closed_at = now
        self.created_at = now
        self.moved_at = now
        self.progressed_at = now

    @property
    def state(self) -> PeerState:
        return self.machine.state

    @property
    def ended(self) -> bool:
        return self.machine.state in ENDED_STATES

    @property
    def own(self) -> bool:
        return self.host.info.own

    @property
    def seed(self) -> bool:
        return self.host.info.seed

    @property
    def complete(self) -> bool:
        """It holds the whole blob (one that asked for a range does not)."""
        return self.machine.state is PeerState.SUCCEEDED and not self.wish.ranged

    @property
    def holds_something(self) -> bool:
        """Worth asking by somebody who cannot wait for it to get pieces."""
        state = self.machine.state
        return (
            state is PeerState.SUCCEEDED
            or state is PeerState.BACK_TO_SOURCE
            or (state is PeerState.RUNNING and self.finished_bytes > 0)
        )

    def fire(self, event: PeerEvent, now: float) -> bool:
        """Make the move if the table has it; a late or repeated message is no error."""
        if (self.machine.state, event) not in PEER_TABLE:
            return False
        self.machine.fire(event)
        self.moved_at = now
        return True

    def restart(self, now: float) -> None:
        """Begin again after a re-registration; neighbours and progress are kept."""
        self.machine = Machine(PEER_TABLE, PeerState.PENDING, self.id)
        self.answered = False
        self.moved_at = now
        self.progressed_at = now

    def block(self, host: Host, now: float) -> None:
        """Do not offer this host to the peer again, unless it is restarted (the last 64 are
        remembered)."""
        self._blocked.pop(host.id, None)
        self._blocked[host.id] = now
        if len(self._blocked) > _BLOCKED_MAX:
            del self._blocked[next(iter(self._blocked))]

    def has_given_up(self, host: Host) -> bool:
        """The peer could not use the host, which has not been restarted since."""
        blocked_at = self._blocked.get(host.id)
        return blocked_at is not None and host.began_at <= blocked_at

    def accepts(self, other: Peer) -> bool:
        return other.host is not self.host and not self.has_given_up(other.host)
