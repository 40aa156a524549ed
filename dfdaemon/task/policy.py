"""How a download behaves: its states as data, and the parameters of its decisions. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from dfcore.fsm import Table
from dfdaemon.task.origin_runs import OriginPolicy
from dfdaemon.task.planner import PlanPolicy

STATES: Table[str, str] = {
    ("new", "start"): "searching",
    ("searching", "describe"): "fetching",
    ("fetching", "complete"): "checking",
    ("fetching", "satisfy"): "satisfied",
    ("satisfied", "want_more"): "fetching",
    ("satisfied", "complete"): "checking",
    ("checking", "confirm"): "succeeded",
    ("checking", "deny"): "fetching",
    ("new", "give_up"): "failed",
    ("searching", "give_up"): "failed",
    ("fetching", "give_up"): "failed",
    ("satisfied", "give_up"): "failed",
    ("checking", "give_up"): "failed",
}


@dataclass(frozen=True, slots=True)
class TaskPolicy:
    """How a download behaves. Times in seconds.

    ``starving_s`` without a byte, other parents are asked for; ``patience_s`` without a byte, the
    task fails. ``introduction_s`` is how long a seed waits for peers that may hold units already
    before it asks the origin for them; ``scheduler_return_s`` is how long after the
    schedulers went away they are expected back: so long, and ``scheduler_grace_s`` at least, a host
    without any parent waits before it goes to the origin by itself. ``mismatches`` is how
    often the whole content may turn out wrong before the task fails. After ``stood_still_s``
    without a tick this host itself was stopped, and its patience with others is not at an end.
    """

    plan: PlanPolicy = field(default_factory=PlanPolicy)
    origin: OriginPolicy = field(default_factory=OriginPolicy)
    starving_s: float = 2.0
    patience_s: float = 60.0
    introduction_s: float = 1.0
    scheduler_grace_s: float = 2.0
    scheduler_return_s: float = 10.0
    seed_failures: int = 3
    corrupt_seed_units: int = 3
    mismatches: int = 3
    stood_still_s: float = 5.0
