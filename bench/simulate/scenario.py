"""What is simulated: hosts, rates, blob, latencies, arrivals and deaths, and the bound of it all."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

from dfcore.pieces import MIN_PIECE_LENGTH, Geometry
from dfdaemon.task.planner import PlanPolicy
from dfdaemon.upload.config import UploadConfig
from scheduler.policy import SwarmPolicy

MIB = 1 << 20
BYTES_PER_MBIT = 125_000.0


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds, drawn evenly between two limits for every message.

    ``request_s``: until a request is at the parent, which answers from then on. ``news_s``: until a
    neighbour knows of a unit. ``death_s``: until a neighbour notices that a host is dead.
    """

    request_s: tuple[float, float] = (0.002, 0.010)
    news_s: tuple[float, float] = (0.005, 0.020)
    death_s: tuple[float, float] = (0.010, 0.050)


@dataclass(frozen=True, slots=True)
class Unfairness:
    """TCP shares a link by weights exp(sigma x normal), drawn per transfer or once per pair."""

    sigma: float = 0.0
    per_pair: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """One blob, one seed, some nodes.

    Rates are payload rates in Mbit/s, full duplex. ``origin_mbit`` None: the seed holds the blob
    when the run begins. ``arrive_s`` and ``die_s`` are by node, empty for "all at 0" and "never".
    ``up_factor`` and ``down_factor`` scale the rate by node, empty for equal nodes. ``reader``: a
    client on every node reads as fast as bytes come.
    """

    nodes: int = 16
    units: int = 256
    unit_bytes: int = MIB
    rate_mbit: float = 100.0
    seed_mbit: float = 100.0
    origin_mbit: float | None = None
    up_factor: tuple[float, ...] = ()
    down_factor: tuple[float, ...] = ()
    arrive_s: tuple[float, ...] = ()
    die_s: tuple[float | None, ...] = ()
    delays: Delays = field(default_factory=Delays)
    unfair: Unfairness = field(default_factory=Unfairness)
    reader: bool = False
    leave_when_done: bool = False
    plan: PlanPolicy = field(default_factory=PlanPolicy)
    swarm: SwarmPolicy = field(default_factory=SwarmPolicy)
    slots: int = field(default_factory=lambda: UploadConfig().slots)
    seed_slots: int = field(default_factory=lambda: UploadConfig().seed_slots)

    @property
    def geometry(self) -> Geometry:
        piece = max(self.unit_bytes, MIN_PIECE_LENGTH)
        return Geometry(self.units * self.unit_bytes, piece, self.unit_bytes)

    @property
    def size_bytes(self) -> int:
        return self.units * self.unit_bytes

    def up(self, node: int) -> float:
        """Bytes per second that the node can send."""
        return self.rate_mbit * BYTES_PER_MBIT * (self.up_factor[node] if self.up_factor else 1.0)

    def down(self, node: int) -> float:
        """Bytes per second that the node can receive."""
        factor = self.down_factor[node] if self.down_factor else 1.0
        return self.rate_mbit * BYTES_PER_MBIT * factor

    @property
    def seed_up(self) -> float:
        return self.seed_mbit * BYTES_PER_MBIT

    def arrives(self, node: int) -> float:
        return self.arrive_s[node] if self.arrive_s else 0.0

    def dies(self, node: int) -> float | None:
        return self.die_s[node] if self.die_s else None

    @property
    def unit_s(self) -> float:
        """How long one unit takes at the nodes' rate."""
        return self.unit_bytes / (self.rate_mbit * BYTES_PER_MBIT)

    def bound_s(self, without: frozenset[int] = frozenset()) -> float:
        """The least time from the first arrival in which all nodes but ``without`` can be done."""
        size = float(self.size_bytes)
        staying = [node for node in range(self.nodes) if node not in without]
        total = self.seed_up + sum(self.up(node) for node in staying)
        least = max(size / self.seed_up, len(staying) * size / total)
        if self.origin_mbit is not None:
            least = max(least, size / (self.origin_mbit * BYTES_PER_MBIT))
        return max(least, *(self.arrives(node) + size / self.down(node) for node in staying))

    def but(self, **changes: object) -> Scenario:
        """The same with changes."""
        return replace(self, **changes)  # type: ignore[arg-type]


def mixed(nodes: int, spread: float, rng: Random) -> tuple[float, ...]:
    """Factors drawn evenly around 1, ``spread`` to either side."""
    return tuple(rng.uniform(1 - spread, 1 + spread) for _ in range(nodes))


def one_slow(nodes: int, factor: float) -> tuple[float, ...]:
    """The first node has ``factor`` of the others' rate."""
    return (factor, *(1.0 for _ in range(nodes - 1)))


def rolling(nodes: int, over_s: float, rng: Random) -> tuple[float, ...]:
    """Arrivals at random moments."""
    return tuple(rng.uniform(0.0, over_s) for _ in range(nodes))


def churn(nodes: int, share: float, around_s: float, rng: Random) -> tuple[float | None, ...]:
    """A share of the nodes dies, each at a random moment around ``around_s``."""
    return tuple(
        rng.uniform(0.8, 1.2) * around_s if rng.random() < share else None for _ in range(nodes)
    )
