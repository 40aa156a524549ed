"""What the core wants done: the only output of `core.Core.handle`.

`Offer`, `GrantOrigin`, `AnswerEmpty`, `AnswerMetadataOnly`, `Refuse` and `CloseStream` are messages
on a peer's stream, in this order of emission. The `Note…` commands change nothing: they are what
an operator should read in the log and count in the metrics.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parent:
    """A candidate parent: a known peer, or a seed that will start when it is joined."""

    peer_id: str
    host_id: str
    state: str
    seed: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """Take from these too (own peers), or from these (plain peers). Never empty."""

    peer_id: str
    parents: tuple[Parent, ...]


@dataclass(frozen=True, slots=True)
class GrantOrigin:
    peer_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class AnswerEmpty:
    peer_id: str


@dataclass(frozen=True, slots=True)
class AnswerMetadataOnly:
    peer_id: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """End the peer's stream with a gRPC status. `code` is the status name."""

    peer_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class CloseStream:
    peer_id: str


@dataclass(frozen=True, slots=True)
class TriggerSeed:
    """Ask the seed to fetch the task (`DfdaemonUpload.DownloadTask`), as `peer_id` wished it."""

    task_id: str
    host_id: str
    peer_id: str


@dataclass(frozen=True, slots=True)
class NoteOrigin:
    """A host goes to the origin: by grant, or on its own account."""

    task_id: str
    peer_id: str
    host_id: str
    granted: bool
    seed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class NoteQuarantine:
    host_id: str
    task_id: str
    failures: int
    until: float


@dataclass(frozen=True, slots=True)
class NoteHostExpired:
    host_id: str
    silent_s: float


@dataclass(frozen=True, slots=True)
class NoteFeederLost:
    """The seed (or the peer at the origin) of a task is given up."""

    task_id: str
    host_id: str
    reason: str


Command = (
    Offer
    | GrantOrigin
    | AnswerEmpty
    | AnswerMetadataOnly
    | Refuse
    | CloseStream
    | TriggerSeed
    | NoteOrigin
    | NoteQuarantine
    | NoteHostExpired
    | NoteFeederLost
)
