"""Who neighbours whom: full mesh for a few, a random symmetric graph for many. Pure.

Source: our simulation study. Up to `full_mesh` own peers everybody gets everybody. Above, a newcomer
draws up to `degree` of one and a half times as many random members, passing over those that have
`max_degree` neighbours already. It does not hunt for free ones: with each newcomer taking 16 and
each member at most 32, the only free ones would soon be the latest, and the graph a long thin chain.
Drawn blindly, about half of the members are free in the long run, newcomers get about 13, and the
graph stays random. Cycles are welcome: units go both ways along a link.
"""

from __future__ import annotations

from scheduler.desk import Desk, as_parent
from scheduler.resource.peer import Peer


class Graph:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def link_up(self, peer: Peer) -> list[Peer]:
        """Give a peer the neighbours it lacks; the new ones."""
        policy = self._desk.policy.swarm
        members = peer.task.members
        others = len(members) - (peer in members)
        if others < policy.full_mesh:
            return [other for other in list(members) if self._link(peer, other)]
        return self._draw(peer, policy.degree - len(peer.links), policy.min_degree)

    def swap(self, peer: Peer) -> list[Peer]:
        """Exchange some neighbours for others, for a peer that is offered nothing."""
        count = self._desk.policy.swarm.swap
        if len(peer.task.members) > self._desk.policy.swarm.full_mesh:
            olds = list(peer.links)
            for other in self._desk.rng.sample(olds, min(count, len(olds))):
                self.unlink(peer, other)
            return self._draw(peer, count, len(peer.links) + count)
        return self.link_up(peer)

    def unlink(self, peer: Peer, other: Peer) -> None:
        peer.links.pop(other, None)
        other.links.pop(peer, None)

    def release(self, peer: Peer) -> None:
        """The peer is no parent any more: its neighbours get others in its place, at once."""
        orphans = list(peer.links)
        for other in orphans:
            self.unlink(peer, other)
        for other in orphans:
            self._replace_one(other)

    def slacken(self, peer: Peer) -> None:
        """The peer holds the whole blob: links to others that do are of no use."""
        for other in [other for other in peer.links if other.complete]:
            self.unlink(peer, other)

    def _replace_one(self, peer: Peer) -> None:
        members = peer.task.members
        if peer not in peer.task.active or len(peer.links) >= min(
            self._desk.policy.swarm.degree, len(members) - (peer in members)
        ):
            return
        for other in self._draw(peer, 1, len(peer.links) + 1):
            self._desk.offer(peer, [as_parent(other)])

    def _draw(self, peer: Peer, count: int, floor: int) -> list[Peer]:
        """Link up to `count` random members; full ones too, while there are less than `floor`."""
        if count <= 0:
            return []
        new: list[Peer] = []
        full: list[Peer] = []
        cap = self._desk.policy.swarm.max_degree
        for other in peer.task.members.sample(self._desk.rng, count + count // 2 + 2):
            if len(other.links) >= cap:
                full.append(other)
            elif self._link(peer, other):
                new.append(other)
                if len(new) == count:
                    return new
        while full and len(peer.links) < floor:
            other = full.pop()
            if self._link(peer, other):
                new.append(other)
        return new

    def _link(self, peer: Peer, other: Peer) -> bool:
        """Make them neighbours if both may be; False if they are already or may not."""
        if other is peer or other in peer.links or (peer.complete and other.complete):
            return False
        if not peer.accepts(other) or not other.accepts(peer):
            return False
        peer.links[other] = None
        other.links[peer] = None
        return True
