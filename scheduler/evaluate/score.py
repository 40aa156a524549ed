"""How good a parent is for a plain Dragonfly peer: a weighted sum, 0 to 1.

The weights are Dragonfly's (evaluator_default.go): 0.6 load, 0.2 IDC, 0.1 location, 0.1 kind of
host. Load is measured: what the host says it sends, and what children said they took from it, over
what its link can carry; and how many were sent to it already, over its limit. A host that does not
know its link is judged by the latter alone instead of scoring nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.evaluate.filters import upload_limit
from scheduler.policy import UploadPolicy
from scheduler.resource.host import Host
from scheduler.resource.peer import Peer

_LOCATION_ELEMENTS = 5


@dataclass(frozen=True, slots=True)
class Weights:
    load: float = 0.6
    idc: float = 0.2
    location: float = 0.1
    kind: float = 0.1


def score(parent: Peer, child: Peer, weights: Weights, policy: UploadPolicy, now: float) -> float:
    """Higher is better."""
    ours, theirs = child.host.info, parent.host.info
    return (
        weights.load * idleness(parent.host, policy, now)
        + weights.idc * same_idc(ours.idc, theirs.idc)
        + weights.location * nearness(ours.location, theirs.location)
        + weights.kind * kind(parent)
    )


def idleness(host: Host, policy: UploadPolicy, now: float) -> float:
    """1 for an idle host, 0 for a saturated one."""
    slots = 1.0 - min(1.0, host.uploads / upload_limit(host, policy))
    capacity_bps = host.info.max_tx_bps
    if capacity_bps <= 0:
        return slots
    said = 1.0 - min(1.0, host.info.tx_bps / capacity_bps)
    measured = 1.0 - min(1.0, host.served_rate(now) / capacity_bps)
    return 0.5 * said + 0.3 * measured + 0.2 * slots


def same_idc(ours: str, theirs: str) -> float:
    return 1.0 if ours and ours.casefold() == theirs.casefold() else 0.0


def nearness(ours: str, theirs: str) -> float:
    """How many leading `|` elements of the location agree, of five."""
    if not ours or not theirs:
        return 0.0
    if ours.casefold() == theirs.casefold():
        return 1.0
    agreed = 0
    mine, other = ours.split("|"), theirs.split("|")
    for one, another in zip(mine[:_LOCATION_ELEMENTS], other[:_LOCATION_ELEMENTS], strict=False):
        if one.casefold() != another.casefold():
            break
        agreed += 1
    return agreed / _LOCATION_ELEMENTS


def kind(parent: Peer) -> float:
    """A seed is best while it still fetches: it has what nobody else has. Then spare it."""
    if parent.seed:
        return 0.0 if parent.ended else 1.0
    return 0.5
