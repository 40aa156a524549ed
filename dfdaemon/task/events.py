"""What happens to a download, in the past tense: the inputs of ``task/machine``.

The conductor makes them from what the scheduler, the parents, the origin, the store and the readers
did. ``parent`` is always a peer id; ``transfer`` a number that the machine gave out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dfcore.digest import Digest
from dfcore.errors import MeganeuraError
from dfcore.pieces import Geometry
from dfcore.ranges import ByteRange


@dataclass(frozen=True, slots=True)
class ParentAddress:
    """Where a candidate parent is, and what it speaks.

    ``ours`` tells a host that trades units over our own channel; a plain Dragonfly peer trades whole
    pieces instead, announced over gRPC at ``rpc_port``.
    """

    peer_id: str
    host_id: str
    ip: str
    port: int
    seed: bool = False
    ours: bool = True
    rpc_port: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """What a blob is, as a parent or the origin tells it."""

    geometry: Geometry
    response_headers: Mapping[str, str] = field(default_factory=dict)
    digest: Digest | None = None
    validator: str | None = None
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """The conductor runs. ``held`` are units that an earlier run left in the store."""

    held_bits: int = 0
    offer: Offer | None = None


@dataclass(frozen=True, slots=True)
class CandidatesNamed:
    """The scheduler named hosts to take units from."""

    parents: tuple[ParentAddress, ...]


@dataclass(frozen=True, slots=True)
class OriginGranted:
    """The scheduler lets this host go to the origin."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class SchedulerLost:
    """No scheduler could be asked; ``configured`` tells whether one may come back, ``away_s`` for how
    long all of them have been away."""

    error: MeganeuraError
    configured: bool = True
    away_s: float = 0.0


@dataclass(frozen=True, slots=True)
class DownloadForbidden:
    """The scheduler will not have this host take the content: its last word."""

    error: MeganeuraError


@dataclass(frozen=True, slots=True)
class ParentJoined:
    """A parent answered our Join: what the blob is and which units it holds."""

    parent: str
    offer: Offer
    held_bits: int
    digests: Mapping[int, bytes]
    complete: bool = False


@dataclass(frozen=True, slots=True)
class ParentHeld:
    """A parent has further units: those with digests, and those of ``bits`` (a plain peer's)."""

    parent: str
    digests: Mapping[int, bytes]
    complete: bool = False
    bits: int = 0


@dataclass(frozen=True, slots=True)
class ParentLost:
    """A parent cannot be reached any more."""

    parent: str
    reason: str


@dataclass(frozen=True, slots=True)
class ParentRefused:
    """A parent will not give us this task: it failed there, or the origin refused it there."""

    parent: str
    error: MeganeuraError


@dataclass(frozen=True, slots=True)
class UnitArrived:
    """A unit was received, verified against its digest, and is in the store."""

    transfer: int
    unit: int
    length: int
    digest: bytes
    cost_s: float


@dataclass(frozen=True, slots=True)
class TransferEbbed:
    """The last bytes of a unit are on their way: the next request can go out."""

    transfer: int


@dataclass(frozen=True, slots=True)
class TransferRefused:
    """The parent was busy."""

    transfer: int


@dataclass(frozen=True, slots=True)
class TransferEmpty:
    """The parent does not hold (any of) what was asked."""

    transfer: int


@dataclass(frozen=True, slots=True)
class TransferBroken:
    """The connection to the parent broke or stalled."""

    transfer: int
    reason: str


@dataclass(frozen=True, slots=True)
class TransferCorrupt:
    """The parent delivered bytes that are not those of the unit."""

    transfer: int


@dataclass(frozen=True, slots=True)
class OriginOpened:
    """The origin's first answer told what the blob is."""

    offer: Offer
    accepts_ranges: bool


@dataclass(frozen=True, slots=True)
class WholeSent:
    """The origin ignores ranges: the run's answer goes on to the end of the blob."""

    transfer: int


@dataclass(frozen=True, slots=True)
class OriginRunEnded:
    """A run of units from the origin ended: completely, or with an error after some units."""

    transfer: int
    error: MeganeuraError | None = None


@dataclass(frozen=True, slots=True)
class WantedChanged:
    """The readers and children want other parts. ``None`` is the whole blob."""

    ranges: tuple[ByteRange, ...] | None


@dataclass(frozen=True, slots=True)
class ReaderWaited:
    """A reader waits for the bytes at ``offset``."""

    offset: int


@dataclass(frozen=True, slots=True)
class ContentChecked:
    """The digest of the whole blob was compared."""

    matches: bool
    actual: str


@dataclass(frozen=True, slots=True)
class StoreFailed:
    """The store cannot take the blob."""

    error: MeganeuraError


@dataclass(frozen=True, slots=True)
class Superseded:
    """The origin has another version of the content by now."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time passed."""


Event = (
    Started
    | CandidatesNamed
    | OriginGranted
    | SchedulerLost
    | DownloadForbidden
    | ParentJoined
    | ParentHeld
    | ParentLost
    | ParentRefused
    | UnitArrived
    | TransferEbbed
    | TransferRefused
    | TransferEmpty
    | TransferBroken
    | TransferCorrupt
    | OriginOpened
    | WholeSent
    | OriginRunEnded
    | WantedChanged
    | ReaderWaited
    | ContentChecked
    | StoreFailed
    | Superseded
    | Ticked
)
