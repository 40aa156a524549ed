"""What a conductor asks of a parent, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from dfcore.bitmap import Bitmap
from dfcore.errors import PeerRefused

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class UnitRequest:
    """One unit wanted from one parent: a named one (``unit``), or any of ``wanted``.

    Exactly one of the two is set. ``tls`` is for restricted blobs: the parent refuses them in
    clear.
    """

    task_id: str
    child_host_id: str
    unit: int | None = None
    wanted: Bitmap | None = None
    tls: bool = False

    def __post_init__(self) -> None:
        if (self.unit is None) == (self.wanted is None):
            raise ValueError("a UnitRequest names a unit or a set of wanted units")


@dataclass(frozen=True, slots=True)
class UnitReceived:
    """A unit was received, verified, written and committed; ``cost_s`` from request to commit."""

    unit: int
    digest: bytes
    length: int
    cost_s: float


@dataclass(frozen=True, slots=True)
class PieceReceived:
    """A piece came from a plain Dragonfly parent; its ``units`` are committed."""

    piece: int
    length: int
    cost_s: float
    units: tuple[tuple[int, bytes], ...] = field(default_factory=tuple)


class ParentBusy(PeerRefused):
    """Every slot of the parent is taken: back off some 50 ms, or ask another."""

    code = "parent_busy"


class UnitAbsent(PeerRefused):
    """The parent does not serve this. ``absent_code`` is an ``AbsentCode`` of ``vortex.units``."""

    code = "unit_absent"

    def __init__(self, message: str, *, absent_code: int) -> None:
        super().__init__(message)
        self.absent_code = absent_code


class NotClaimed(PeerRefused):
    """The unit that a seed chose is not wanted any more; nothing was written."""

    code = "not_claimed"
