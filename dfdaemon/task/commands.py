"""What the conductor is to do, in the imperative: the outputs of ``task/machine``."""

from __future__ import annotations

from dataclasses import dataclass, field

from dfcore.errors import MeganeuraError
from dfdaemon.task.events import Offer, ParentAddress


@dataclass(frozen=True, slots=True)
class Register:
    """Tell the scheduler that this host wants the task, and ask it for parents."""


@dataclass(frozen=True, slots=True)
class Reschedule:
    """Ask the scheduler for other parents than ``bad``."""

    bad: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class JoinParent:
    """Open a channel to the parent and subscribe to what it holds."""

    parent: ParentAddress


@dataclass(frozen=True, slots=True)
class LeaveParent:
    """Give up the parent."""

    parent: str


@dataclass(frozen=True, slots=True)
class CreateBlob:
    """Make room in the store for the blob."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class FetchUnit:
    """Take one named unit from the parent."""

    transfer: int
    parent: str
    unit: int


@dataclass(frozen=True, slots=True)
class FetchAny:
    """Take whichever of these units the seed chooses to send."""

    transfer: int
    parent: str
    wanted_bits: int


@dataclass(frozen=True, slots=True)
class FetchPiece:
    """Take a whole piece from a plain Dragonfly parent."""

    transfer: int
    parent: str
    piece: int


@dataclass(frozen=True, slots=True)
class OpenOrigin:
    """Ask the origin what the blob is, and take its first units in the same request."""

    transfer: int
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class FetchRun:
    """Take the units ``first`` to ``until`` (exclusive) from the origin in one request."""

    transfer: int
    first: int
    until: int
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CancelTransfer:
    transfer: int


@dataclass(frozen=True, slots=True)
class ReportBadParent:
    """Tell the scheduler of a parent that delivered bytes that do not verify."""

    parent: str
    unit: int


@dataclass(frozen=True, slots=True)
class CheckContent:
    """Compare the digest of the whole blob; every unit is in the store."""


@dataclass(frozen=True, slots=True)
class ForgetUnits:
    """Throw away every unit: the content is wrong, and this is ``why``."""

    why: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Succeed:
    """Everything wanted is here; ``whole`` if that is the whole blob, which is then sealed."""

    whole: bool


@dataclass(frozen=True, slots=True)
class Fail:
    error: MeganeuraError


Command = (
    Register
    | Reschedule
    | JoinParent
    | LeaveParent
    | CreateBlob
    | FetchUnit
    | FetchAny
    | FetchPiece
    | OpenOrigin
    | FetchRun
    | CancelTransfer
    | ReportBadParent
    | CheckContent
    | ForgetUnits
    | Succeed
    | Fail
)
