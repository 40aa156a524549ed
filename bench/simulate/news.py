"""When hosts tell their neighbours of units: the real ``dfdaemon.peerlink.outbox.NewsPace``.

`News` is one host's, for `node`. `Paces` are those of very many hosts at once, in arrays, for `crowd`;
``tests/unit/bench/test_news.py`` compares them with the real one. What a neighbour holds already has no
part in what it decides, and is not simulated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from bench.simulate.clock import Clock
from bench.simulate.fleet import Floats, Numbers, ranks
from dfdaemon.peerlink.outbox import LONGEST_SPACING_S, RECENT_NEWS, NewsPace

Child = TypeVar("Child")


def pace() -> NewsPace:
    """The latencies of a scenario contain the time in which news is gathered."""
    return NewsPace(gather_s=0.0)


@dataclass(slots=True)
class _Waiting:
    pace: NewsPace = field(default_factory=pace)
    bits: int = 0


class News(Generic[Child]):
    """What one host tells each of its children, by ``deliver``, which gets the child and unit bits."""

    def __init__(self, clock: Clock, deliver: Callable[[Child, int], None]) -> None:
        self._clock = clock
        self._deliver = deliver
        self._waiting: dict[Child, _Waiting] = {}

    def tell(self, child: Child, bits: int, *, urgent: bool) -> None:
        """There is news; what is not urgent goes nowhere, but sets the pace."""
        waiting = self._waiting.setdefault(child, _Waiting())
        now = self._clock.now
        waiting.pace.told(now)
        if not urgent:
            return
        if not waiting.bits:
            self._clock.at(waiting.pace.due(now), self._send, child)
        waiting.bits |= bits

    def _send(self, child: Child) -> None:
        waiting = self._waiting[child]
        waiting.pace.sent(self._clock.now)
        bits, waiting.bits = waiting.bits, 0
        self._deliver(child, bits)


class Paces:
    """A pace for each host, which tells all its listeners at the same moment."""

    def __init__(self, hosts: int) -> None:
        real = pace()
        self._most_s, self._per_frame = real.most_s, real.per_frame
        self._spacing_s: Floats = np.zeros(hosts)
        self._told_at: Floats = np.full(hosts, -np.inf)
        self._sent_at: Floats = np.full(hosts, -np.inf)

    def wait_s(self, hosts: Numbers, now: float) -> Floats:
        """Each of the hosts has news, some perhaps several times: how long until it goes out."""
        wait = np.zeros(len(hosts))
        places, by = ranks(hosts)
        for turn in range(int(places.max(initial=-1)) + 1):
            these = by[places == turn]
            host = hosts[these]
            spacing = np.minimum(now - self._told_at[host], LONGEST_SPACING_S)
            change = (spacing - self._spacing_s[host]) / RECENT_NEWS
            self._spacing_s[host] += np.where(np.isfinite(self._told_at[host]), change, 0.0)
            self._told_at[host] = now
            least = np.minimum(self._per_frame * self._spacing_s[host], self._most_s)
            due = np.maximum(now, self._sent_at[host] + least)
            # A frame that is to go out takes it along.
            due = np.where(self._sent_at[host] > now, self._sent_at[host], due)
            self._sent_at[host] = due
            wait[these] = due - now
        return wait
