"""How long a call takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median


def latency_ms(call: Callable[[], object], times: int = 5) -> float:
    """The median time of some calls."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        spent.append(1000 * (time.perf_counter() - began))
    return median(spent)
