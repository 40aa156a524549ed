"""The choice of parents for a plain Dragonfly peer."""

from __future__ import annotations

from random import Random

from scheduler.evaluate.filters import is_rooted, may_feed
from scheduler.evaluate.score import Weights, score
from scheduler.policy import Policy
from scheduler.resource.peer import Peer


class BestOfSamplePolicy:
    """The best few of a random sample; one of them has its bytes from elsewhere, if any does.

    Without a rooted peer in the task nobody is offered: a circle of plain peers that wait for each
    other would stand still.
    """

    def __init__(self, policy: Policy, rng: Random, weights: Weights | None = None) -> None:
        self._policy = policy
        self._rng = rng
        self._weights = weights or Weights()

    def choose(self, child: Peer, now: float) -> list[Peer]:
        """Parents, best first; none if the child must wait or go to the origin."""
        sample = self._sample(child)
        if not any(is_rooted(parent) and child.accepts(parent) for parent in sample):
            return []
        upload = self._policy.upload
        scored = sorted(
            (parent for parent in sample if may_feed(parent, child, upload)),
            key=lambda parent: -score(parent, child, self._weights, upload, now),
        )
        best = scored[: self._policy.plain.candidate_parent_limit]
        if best and not any(is_rooted(parent) for parent in best):
            rooted = next((parent for parent in scored if is_rooted(parent)), None)
            if rooted is not None:
                best[-1] = rooted
        return best

    def plain_ones(self, child: Peer, now: float) -> list[Peer]:
        """Plain Dragonfly peers that an own peer may take whole pieces from, best first."""
        upload = self._policy.upload
        limit = self._policy.plain
        sample = child.task.plain.sample(self._rng, limit.filter_parent_limit)
        usable = [parent for parent in sample if may_feed(parent, child, upload)]
        usable.sort(key=lambda parent: -score(parent, child, self._weights, upload, now))
        return usable[: limit.candidate_parent_limit]

    def _sample(self, child: Peer) -> list[Peer]:
        task = child.task
        limit = self._policy.plain.filter_parent_limit
        found: dict[str, Peer] = {}
        for parent in (
            *task.seeds.values(),
            *task.grants,
            *task.holders.sample(self._rng, limit // 4),
            *task.plain.sample(self._rng, limit),
            *task.members.sample(self._rng, limit),
        ):
            found.setdefault(parent.host.id, parent)
            if parent.complete:
                found[parent.host.id] = parent
        return list(found.values())
