"""A download's dealings with the origin: when it may go there, and for which units. Pure.

Used by ``task/machine``. The origin is asked for runs of consecutive units, several at once on as many
connections, lowest first, so that a reader in order is served early and a broken connection costs the
rest of one run.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from dfcore.backoff import Backoff
from dfcore.bitmap import lowest
from dfcore.errors import ContentChanged, MeganeuraError, RangeIgnored
from dfcore.pieces import Geometry
from dfdaemon.task.commands import Command, FetchRun, OpenOrigin
from dfdaemon.task.planner import Flight, Planner

MIB = 1 << 20
FIRST_REQUEST_BYTES = 16 * MIB
"""How much the request that asks what the blob is takes along: small files need no second one."""
RANGES_IGNORED = 3
"""So often the whole came where a part was asked for, and parts are not asked for any more."""


@dataclass(frozen=True, slots=True)
class OriginPolicy:
    """How this host goes to the origin.

    ``first`` is the seed's profile: it asks to be sent there, and needs no grace where nobody can
    be asked. ``connections`` at once per blob,
    ``attempts`` in a row without progress before the task fails, delays in seconds; an origin that
    asks for a wait longer than ``longest_wait_s`` fails it at once.
    """

    first: bool = False
    allowed: bool = True
    connections: int = 4
    attempts: int = 6
    retry_base_s: float = 0.25
    retry_cap_s: float = 10.0
    longest_wait_s: float = 60.0


def run_length_bytes(size_bytes: int) -> int:
    """Bytes of one run: a 64th of the blob, between 8 and 64 MiB."""
    return min(max(size_bytes // 64, 8 * MIB), 64 * MIB)


class OriginSide:
    """Whether the origin may be asked, and the runs under way by transfer number.

    ``opening`` is the transfer that asks what the blob is, while it is under way.
    """

    def __init__(self, policy: OriginPolicy, rng: Random, *, allowed: bool) -> None:
        self.policy = policy
        self.allowed = allowed and policy.allowed
        self.granted = False
        self.accepts_ranges = True
        self.opening: int | None = None
        self.attempts = 0
        self._rng = rng
        self._unasked = False
        self._not_before: float | None = None
        self._retry_at = 0.0
        self._ignored = 0
        self._active: dict[int, tuple[int, int]] = {}
        self._backoff = Backoff(policy.retry_base_s, policy.retry_cap_s)

    def grant(self) -> None:
        self.granted = self.allowed
        self._unasked = False

    def grant_itself(self, moment: float) -> None:
        """Nobody can be asked: go at ``moment``, unless parents are found before that."""
        if not self.granted:
            self._unasked = True
            self.granted = self.allowed
            self.hold_until(moment)

    def parents_found(self) -> None:
        """Take back a grant that this host gave itself and has not used yet."""
        if self._unasked and self.opening is None and not self._active:
            self.granted = self._unasked = False
            self._not_before = None

    def hold_until(self, moment: float) -> None:
        """Do not start before ``moment``, unless a start was settled already."""
        if self._not_before is None:
            self._not_before = moment

    def _due(self, planner: Planner | None, now: float) -> bool:
        """May a request go out now? Peers that were named are heard first: what they hold is not
        fetched again."""
        if not self.granted or self._not_before is None or now < self._retry_at:
            return False
        met_all = planner is not None and all(v.joined for v in planner.parents.values())
        return met_all or now >= self._not_before

    def next_due(self, now: float) -> float | None:
        """When a request that waits may go out."""
        if not self.granted or self._not_before is None:
            return None
        moment = max(self._not_before, self._retry_at)
        return moment if moment > now else None

    def runs(self, transfer: int) -> bool:
        return transfer == self.opening or transfer in self._active

    def plan(self, planner: Planner | None, now: float, number: int) -> list[Command]:
        """The requests to make now, numbered from ``number``; each is noted as under way."""
        if not self._due(planner, now):
            return []
        if planner is None:
            if self.opening is not None:
                return []
            self.opening = number
            return [OpenOrigin(number)]
        commands: list[Command] = []
        while run := self._next_run(planner.geometry, planner.needed & ~planner.elsewhere):
            self._begin(planner, number, *run, now)
            commands.append(FetchRun(number, *run))
            number += 1
        return commands

    def opened(self, planner: Planner, now: float) -> None:
        """The first answer tells what the blob is, and brings its first units along."""
        if self.opening is None:
            return
        until = planner.geometry.unit_count
        if self.accepts_ranges:
            until = min(until, max(1, FIRST_REQUEST_BYTES // planner.geometry.unit_length))
        self._begin(planner, self.opening, 0, until, now)

    def _begin(self, planner: Planner, number: int, first: int, until: int, now: float) -> None:
        self._active[number] = (first, until)
        bits = ((1 << (until - first)) - 1) << first
        planner.take_off(number, Flight("", bits, False, now))

    def _next_run(self, geometry: Geometry, needed: int) -> tuple[int, int] | None:
        limit = self.policy.connections if self.accepts_ranges else 1
        if not needed or len(self._active) >= limit:
            return None
        if not self.accepts_ranges:
            return 0, geometry.unit_count
        first = lowest(needed)
        consecutive = lowest(~(needed >> first))
        longest = max(1, run_length_bytes(geometry.size_bytes) // geometry.unit_length)
        return first, first + min(consecutive, longest)

    def goes_to_the_end(self, planner: Planner, transfer: int) -> list[int]:
        """The run's answer is the whole blob: take all of it, and let the other runs be.

        Returns the others, which the caller cancels.
        """
        self.accepts_ranges = False
        others = [number for number in self._active if number != transfer]
        for number in (transfer, *others):
            planner.land(number)
        self._active.clear()
        self._begin(planner, transfer, 0, planner.geometry.unit_count, 0.0)
        return others

    def progressed(self) -> None:
        self.attempts = 0

    def dropped(self, transfer: int) -> None:
        self._active.pop(transfer, None)
        if transfer == self.opening:
            self.opening = None

    def broke(self, error: MeganeuraError, now: float) -> bool:
        """A request failed: wait and try again (True), or give up."""
        if not error.retryable or isinstance(error, ContentChanged):
            return False
        if isinstance(error, RangeIgnored):
            if not self.accepts_ranges:
                return True
            self._ignored += 1
            self.accepts_ranges = self._ignored < RANGES_IGNORED
        told_s: float | None = getattr(error, "retry_after_s", None)
        if told_s is not None and told_s > self.policy.longest_wait_s:
            return False
        # Runs that were under way together fail together: one trouble, one attempt.
        if now >= self._retry_at:
            self.attempts += 1
        delay_s = self._backoff.delay_s(max(0, self.attempts - 1), self._rng, told_s)
        self._retry_at = max(self._retry_at, now + delay_s)
        return self.attempts < self.policy.attempts
