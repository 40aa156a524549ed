"""What a peer is answered when it registers, asks anew, or has waited. Pure.

An own peer is answered at once with neighbours and, where it helps, the feeder. A plain peer gets
the best parents that can serve whole pieces now. Who can get nothing goes to the origin if there is
a grant left, else waits: for a seed to start, a grant to come free, a blob to be complete. Whatever
makes that true calls `wake`; nobody sleeps or polls.
"""

from __future__ import annotations

from itertools import islice

from scheduler.commands import (
    AnswerEmpty,
    AnswerMetadataOnly,
    CloseStream,
    Parent,
    Refuse,
)
from scheduler.desk import Desk, as_parent
from scheduler.evaluate.policy import BestOfSamplePolicy
from scheduler.feeding import Feeding
from scheduler.graph import Graph
from scheduler.policy import Policy
from scheduler.resource.peer import Peer
from scheduler.resource.task import Task

_FORBIDDEN, _ABSENT, _ITSELF = 1, 2, 3
"""Dragonfly's priorities LEVEL1 to LEVEL3, which decide when nobody holds the blob yet."""
_WAKE_BATCH, _WAKE_MISSES = 256, 8
_SEED_PARENTS = 16


class Admission:
    def __init__(self, desk: Desk, graph: Graph, feeding: Feeding) -> None:
        self._desk = desk
        self._graph = graph
        self._feeding = feeding
        self._plain = BestOfSamplePolicy(desk.policy, desk.rng)

    def adopt(self, policy: Policy) -> None:
        """Choose parents for plain peers by other limits."""
        self._plain = BestOfSamplePolicy(policy, self._desk.rng)

    def answer_first(self, peer: Peer) -> None:
        """Answer a registration."""
        task, wish = peer.task, peer.wish
        if wish.metadata_only:
            self._desk.say(AnswerMetadataOnly(peer.id))
        elif task.size_bytes == 0:
            self._desk.say(AnswerEmpty(peer.id))
        elif self._forbidden(peer):
            self._refuse_by_priority(peer)
        else:
            if peer.own and not peer.seed:
                self._graph.link_up(peer)
            self._answer_or_promise(peer, list(peer.links))

    def answer_again(self, peer: Peer, fresh: list[Peer]) -> None:
        """Answer a peer that asked for other parents, with the new ones."""
        self._answer_or_promise(peer, fresh)

    def wake(self, task: Task) -> None:
        """Something changed that waiting peers may live from: answer them, the longest waiting first.

        After a few that still get nothing the others would not either; those few go to the end of
        the queue, so that the next wake tries others.
        """
        left = len(task.waiting)
        misses = 0
        while left > 0 and task.waiting:
            batch = list(islice(task.waiting, min(left, _WAKE_BATCH)))
            left -= len(batch)
            for peer in batch:
                if not peer.awaits or self._answer(peer, self._unnamed(peer)):
                    continue
                del task.waiting[peer]
                task.waiting[peer] = None
                misses += 1
                if misses >= _WAKE_MISSES:
                    return

    def _unnamed(self, peer: Peer) -> list[Peer]:
        """The neighbours of an own peer, those included that have come since it asked."""
        if peer.own and not peer.seed:
            self._graph.link_up(peer)
        return list(peer.links)

    def give_up(self, peer: Peer) -> None:
        """The wait is over: whatever is left to say, or an error."""
        if self._answer(peer, self._unnamed(peer)) or not peer.awaits:
            return
        if peer.links:
            # Its neighbours live: it may learn of units from them yet.
            self._desk.offer(peer, [as_parent(other) for other in peer.links])
            return
        self._desk.settle(peer)
        self._desk.say(
            Refuse(
                peer.id,
                "FAILED_PRECONDITION" if peer.wish.disable_back_to_source else "UNAVAILABLE",
                self._why_nothing(peer),
            )
        )

    def _why_nothing(self, peer: Peer) -> str:
        begin = f"task {peer.task.id}: no seed is alive and no usable host holds it"
        if peer.wish.disable_back_to_source:
            return f"{begin}, and the request forbids to go to the origin"
        return f"{begin}, and as many hosts as may are at the origin already"

    # Priority

    def _forbidden(self, peer: Peer) -> bool:
        return (
            peer.wish.priority in (_FORBIDDEN, _ABSENT)
            and not peer.seed
            and self._feeding.holder_for(peer) is None
        )

    def _refuse_by_priority(self, peer: Peer) -> None:
        if peer.wish.priority == _FORBIDDEN:
            code, why = "FAILED_PRECONDITION", "priority LEVEL1 forbids to download it"
        else:
            code, why = "NOT_FOUND", "priority LEVEL2 takes it only from hosts that hold it"
        self._desk.say(Refuse(peer.id, code, f"task {peer.task.id}: {why}"))

    # The three kinds of peers

    def _answer_or_promise(self, peer: Peer, fresh: list[Peer]) -> None:
        if not self._answer(peer, fresh):
            self._desk.promise(peer)

    def _answer(self, peer: Peer, fresh: list[Peer]) -> bool:
        if peer.seed:
            return self._answer_seed(peer)
        if peer.own:
            return self._answer_own(peer, fresh)
        return self._answer_plain(peer)

    def _answer_own(self, peer: Peer, fresh: list[Peer]) -> bool:
        feeding = self._feeding
        parents = [as_parent(other) for other in fresh]
        prefers_origin = self._prefers_origin(peer)
        if prefers_origin and feeding.may_grant(peer):
            self._desk.offer(peer, parents)
            feeding.grant(peer, "the request asks for it")
            return True
        feeder = feeding.attach(peer)
        plain = [as_parent(other) for other in self._plain.plain_ones(peer, self._desk.now)]
        self._note_sources(peer, plain)
        sources = [*([feeder] if feeder else []), *plain]
        if sources or (parents and self._is_fed(peer)):
            self._desk.offer(peer, _unique([*parents, *sources]))
            return True
        if feeder is None and not self._is_fed(peer):
            if feeding.trigger(peer):
                return False
            if feeding.may_grant(peer):
                self._desk.offer(peer, parents)
                feeding.grant(peer, "no seed is alive, and nobody holds the blob")
                return True
        return False

    def _is_fed(self, peer: Peer) -> bool:
        """Whether bytes reach its neighbours from somewhere it has not given up."""
        task = peer.task
        if task.feeder is not None and task.feeder.host is not peer.host:
            return not peer.has_given_up(task.feeder.host) or len(task.feeder.children) > 0
        if any(peer.accepts(granted) for granted in task.grants):
            return True
        return self._feeding.holder_for(peer) is not None

    def _answer_seed(self, peer: Peer) -> bool:
        """A seed goes to the origin, unless the cluster has the bytes or is fetching them."""
        feeding, task = self._feeding, peer.task
        held = [
            as_parent(other)
            for other in task.holders.sample(self._desk.rng, _SEED_PARENTS)
            if peer.accepts(other)
        ]
        if held:
            self._desk.offer(peer, held)
            return True
        partial = [
            as_parent(other)
            for other in task.members.sample(self._desk.rng, _SEED_PARENTS)
            if other.finished_bytes and peer.accepts(other)
        ]
        if feeding.may_grant(peer):
            self._desk.offer(peer, partial)
            feeding.grant(peer, "it is a seed, and nobody holds the blob")
            return True
        granted = [as_parent(other) for other in task.grants if peer.accepts(other)]
        if granted:
            self._desk.offer(peer, _unique([*granted, *partial]))
        return bool(granted)

    def _answer_plain(self, peer: Peer) -> bool:
        feeding = self._feeding
        if not (self._prefers_origin(peer) and feeding.may_grant(peer)):
            chosen = self._plain.choose(peer, self._desk.now)
            if chosen:
                parents = [as_parent(parent) for parent in chosen]
                self._note_sources(peer, parents)
                self._desk.offer(peer, parents)
                return True
            starting = bool(peer.task.grants) and peer not in peer.task.grants
            if starting or feeding.trigger(peer):
                return False
        if feeding.may_grant(peer):
            feeding.grant(peer, self._why_plain(peer))
            return True
        return False

    def _why_plain(self, peer: Peer) -> str:
        if self._prefers_origin(peer):
            return "the request asks for it"
        if peer.wish.credentialed:
            return "the request carries credentials, which go to no seed"
        return "no seed is alive, and nobody holds the blob"

    def _prefers_origin(self, peer: Peer) -> bool:
        return peer.wish.need_back_to_source or peer.wish.priority == _ITSELF

    def _note_sources(self, peer: Peer, parents: list[Parent]) -> None:
        """Count the peer among the uploads of plain-protocol parents it is sent to."""
        for parent in parents:
            host = self._desk.pool.hosts[parent.host_id]
            if host not in peer.sources:
                peer.sources[host] = None
                host.uploads += 1

    def drop_sources(self, peer: Peer) -> None:
        for host in peer.sources:
            host.uploads -= 1
        peer.sources.clear()

    def end_stream(self, peer: Peer) -> None:
        """The last message was exchanged: the scheduler closes."""
        self._desk.settle(peer)
        if peer.streaming:
            peer.streaming = False
            self._desk.say(CloseStream(peer.id))


def _unique(parents: list[Parent]) -> list[Parent]:
    """One of each host, the first named."""
    found: dict[str, Parent] = {}
    for parent in parents:
        found.setdefault(parent.host_id, parent)
    return list(found.values())
