"""What happened: the only input of `core.Core`.

The service makes events from gRPC messages, the simulator from its virtual hosts. Nothing here
can carry a request header, a token or the query of a URL: those are dropped at the edge.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HostInfo:
    """What a host says of itself. `announced` is the caller's own record, opaque to the core."""

    id: str
    ip: str = "127.0.0.1"
    port: int = 4000
    hostname: str = ""
    seed: bool = False
    own: bool = True
    """True for Meganeura's own nodes, False for plain Dragonfly ones."""
    disable_shared: bool = False
    idc: str = ""
    location: str = ""
    tx_bps: int = 0
    max_tx_bps: int = 0
    """Bits per second; 0 when the host does not know."""
    announced: object = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Wish:
    """The part of a Download that scheduling needs."""

    url: str = ""
    """Without user info, query and fragment."""
    digest: str = ""
    tag: str = ""
    application: str = ""
    priority: int = 0
    size_bytes: int | None = None
    piece_length: int = 0
    piece_count: int = 0
    ranged: bool = False
    disable_back_to_source: bool = False
    need_back_to_source: bool = False
    metadata_only: bool = False
    credentialed: bool = False
    """The requester sent credentials along: no seed may fetch it on the scheduler's word."""


@dataclass(frozen=True, slots=True)
class HeldBlob:
    task_id: str
    peer_id: str
    size_bytes: int
    complete: bool
    url: str = ""


@dataclass(frozen=True, slots=True)
class HostAnnounced:
    host: HostInfo
    interval_s: float | None = None


@dataclass(frozen=True, slots=True)
class HostLeft:
    host_id: str


@dataclass(frozen=True, slots=True)
class BlobsAnnounced:
    """What a host holds. With `replace` it is the beginning of a full list, and with `more` not the
    end of one."""

    host_id: str
    blobs: tuple[HeldBlob, ...]
    replace: bool = False
    more: bool = False


@dataclass(frozen=True, slots=True)
class PeerRegistered:
    host_id: str
    task_id: str
    peer_id: str
    wish: Wish = Wish()


@dataclass(frozen=True, slots=True)
class PeerStarted:
    peer_id: str
    back_to_source: bool = False


@dataclass(frozen=True, slots=True)
class BadParent:
    """A parent that a peer gives up. `ip`: where it was tried, if the peer says so."""

    peer_id: str
    host_id: str = ""
    ip: str = ""


@dataclass(frozen=True, slots=True)
class PeerRescheduled:
    """The peer wants other parents than these; none named means "nobody offers me anything"."""

    peer_id: str
    bad: tuple[BadParent, ...] = ()


@dataclass(frozen=True, slots=True)
class PeerFinished:
    peer_id: str
    back_to_source: bool = False


@dataclass(frozen=True, slots=True)
class PeerFailed:
    peer_id: str
    back_to_source: bool = False


@dataclass(frozen=True, slots=True)
class PieceFinished:
    """Bytes arrived at a peer. Own peers gather many units in one event."""

    peer_id: str
    length_bytes: int
    cost_s: float = 0.0
    parent_id: str = ""
    back_to_source: bool = False
    number: int = -1
    """Of the piece; negative when nobody named it."""


@dataclass(frozen=True, slots=True)
class PieceFailed:
    peer_id: str
    parent_id: str
    temporary: bool


@dataclass(frozen=True, slots=True)
class OriginRefusedPiece:
    """The origin answered a peer with an error. `status` is 0 when it did not answer at all."""

    peer_id: str
    status: int = 0


@dataclass(frozen=True, slots=True)
class StreamClosed:
    """The peer's stream ended without a terminal message."""

    peer_id: str


@dataclass(frozen=True, slots=True)
class PeerLeft:
    peer_id: str


@dataclass(frozen=True, slots=True)
class SeedTriggered:
    """The seed serves the task that `commands.TriggerSeed` asked it to fetch."""

    task_id: str
    host_id: str
    peer_id: str


@dataclass(frozen=True, slots=True)
class SeedTriggerFailed:
    """The seed did not take the task that `commands.TriggerSeed` asked it to fetch."""

    task_id: str
    host_id: str


@dataclass(frozen=True, slots=True)
class TaskLeft:
    """These hosts gave the task up on request."""

    task_id: str
    host_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time passed; send one when `Core.next_deadline` is due."""


Event = (
    HostAnnounced
    | HostLeft
    | BlobsAnnounced
    | PeerRegistered
    | PeerStarted
    | PeerRescheduled
    | PeerFinished
    | PeerFailed
    | PieceFinished
    | PieceFailed
    | OriginRefusedPiece
    | StreamClosed
    | PeerLeft
    | SeedTriggered
    | SeedTriggerFailed
    | TaskLeft
    | Ticked
)
