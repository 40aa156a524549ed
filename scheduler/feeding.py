"""Who brings a blob into the swarm: the seed of a task, or a peer that may go to the origin. Pure.

A task has at most one feeder at a time. It is a seed, started or not, as long as one is alive and
no host holds the whole blob already; without a seed, the peer that has the grant. Grants are counted
per task: with the default of one, one host of the cluster asks the origin for it.
"""

from __future__ import annotations

from scheduler.commands import GrantOrigin, NoteFeederLost, NoteOrigin, Parent, TriggerSeed
from scheduler.desk import Desk, Lease, as_parent
from scheduler.resource.host import Host
from scheduler.resource.peer import Peer
from scheduler.resource.states import PeerState
from scheduler.resource.task import Feeder, Task, Trigger

_SEEDS_TRIED = 8
_REFILL_SAMPLE = 128


class Feeding:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # The feeder as a parent of own peers

    def attach(self, peer: Peer) -> Parent | None:
        """Name the feeder to an own peer that still needs bytes, choosing one if there is none.

        The first 32 get it, and whoever has no neighbour to live from. A later one may take the
        place of one of those (which keeps the feeder, but is not counted), so that in the end any
        peer is as likely to be in the list. In a flash crowd the first ones are close neighbours:
        units that all go to them first take their time to get out.
        """
        task = peer.task
        feeder = task.feeder or self._install(task, peer)
        if feeder is None or feeder.host is peer.host or not feeder.host.serves:
            return None
        if peer.has_given_up(feeder.host):
            return self._second_seed(peer)
        if peer not in feeder.children and not self._put_on_list(peer, feeder) and peer.links:
            return None
        return self.view(task, feeder.host)

    def _put_on_list(self, peer: Peer, feeder: Feeder) -> bool:
        """If there is room; else by chance in another's place, as in sampling from a reservoir."""
        active, places = peer.task.active, self._desk.policy.swarm.feeder_children
        if peer not in active:
            return len(feeder.children) < places
        if len(feeder.children) >= places:
            rng = self._desk.rng
            if peer.links:
                # One chance each: who starves and asks time and again must not crowd the seed.
                if peer.answered or rng.random() * len(active) >= places:
                    return False
                del feeder.children[rng.choice(list(feeder.children))]
        feeder.children[peer] = None
        return True

    def _second_seed(self, peer: Peer) -> Parent | None:
        """Another seed that has begun, for a peer that cannot use the feeder."""
        for seed in peer.task.seeds.values():
            if _has_begun(seed) and self._may_feed(seed.host, peer.task) and peer.accepts(seed):
                return as_parent(seed)
        return None

    def view(self, task: Task, host: Host) -> Parent:
        """The host as a parent; a seed without a peer yet starts when it is joined."""
        peer = host.tasks.get(task.id)
        if peer is not None and _has_begun(peer):
            return as_parent(peer)
        peer_id = f"{host.id}-{task.id[:12]}"
        return Parent(peer_id, host.id, str(PeerState.PENDING), host.info.seed)

    def _install(self, task: Task, peer: Peer) -> Feeder | None:
        host = self._granted_host(task, peer) or self._chosen_seed(task, peer)
        if host is not None:
            self._put(task, Feeder(host))
        return task.feeder

    def _put(self, task: Task, feeder: Feeder | None) -> None:
        if task.feeder is not None:
            task.feeder.host.feeds.pop(task, None)
        task.feeder = feeder
        if feeder is not None:
            feeder.host.feeds[task] = None

    def _granted_host(self, task: Task, peer: Peer) -> Host | None:
        for granted in task.grants:
            if granted.host.serves and peer.accepts(granted) and granted.own:
                return granted.host
        return None

    def _chosen_seed(self, task: Task, peer: Peer) -> Host | None:
        """A seed that has begun; else, if nobody holds the blob, the one the ring names."""
        begun = [seed for seed in task.seeds.values() if _has_begun(seed)]
        begun.sort(key=lambda seed: not seed.complete)
        for seed in begun:
            if self._may_feed(seed.host, task) and peer.accepts(seed):
                return seed.host
        if self.holder_for(peer) is not None:
            return None
        return self.seed_for(peer, own=True)

    def seed_for(self, peer: Peer, *, own: bool | None) -> Host | None:
        """The seed responsible for the task, or the next one; `own` restricts the kind."""
        for host in self._desk.pool.seed_hosts(peer.task.id, _SEEDS_TRIED):
            if own is not None and host.info.own != own:
                continue
            known_bad = host is peer.host or peer.has_given_up(host)
            if not known_bad and self._may_feed(host, peer.task):
                return host
        return None

    def _may_feed(self, host: Host, task: Task) -> bool:
        if not host.serves:
            return False
        passed_over_until = task.failed_seeds.get(host.id, 0.0)
        failed_at = passed_over_until - self._desk.policy.origin.seed_retry_s
        # A seed that was restarted since then is as good as another one.
        return passed_over_until <= self._desk.now or host.began_at > failed_at

    def holder_for(self, peer: Peer) -> Peer | None:
        """Some host that holds the whole blob and that the peer has not given up."""
        for holder in peer.task.holders.sample(self._desk.rng, 4):
            if peer.accepts(holder) and self._may_feed(holder.host, peer.task):
                return holder
        return None

    # Children of the feeder

    def detach(self, peer: Peer) -> None:
        """The peer needs the feeder no more. Below the low water mark others take its place."""
        feeder = peer.task.feeder
        if feeder is None or peer not in feeder.children:
            return
        del feeder.children[peer]
        if len(feeder.children) < self._desk.policy.swarm.feeder_low_water:
            self._refill(peer.task, feeder)

    def _refill(self, task: Task, feeder: Feeder) -> None:
        """Tell those of a random few that have got least."""
        room = self._desk.policy.swarm.feeder_children - len(feeder.children)
        if len(task.active) <= len(feeder.children) or not feeder.host.serves:
            return
        some = [
            peer
            for peer in task.active.sample(self._desk.rng, _REFILL_SAMPLE)
            if peer not in feeder.children
            and peer.host is not feeder.host
            and not peer.has_given_up(feeder.host)
        ]
        some.sort(key=lambda peer: peer.finished_bytes)
        for peer in some[:room]:
            feeder.children[peer] = None
            self._desk.offer(peer, [self.view(task, feeder.host)])

    def adopt(self, peer: Peer) -> None:
        """A seed, or a peer with a grant, begins: it is the feeder unless another one has begun."""
        task = peer.task
        feeder = task.feeder
        if feeder is not None and feeder.host is not peer.host:
            begun = feeder.host.tasks.get(task.id)
            if begun is not None and _has_begun(begun):
                return
        if feeder is None or feeder.host is not peer.host:
            children = feeder.children if feeder is not None else {}
            fresh = Feeder(peer.host)
            self._put(task, fresh)
            self._tell_children(task, fresh, list(children))

    def complain(self, peer: Peer) -> bool:
        """A child cannot use the feeder. True if it was given up for that.

        Two children agree, or there is no second one, or the feeder itself looks dead.
        """
        task = peer.task
        feeder = task.feeder
        if feeder is None:
            return False
        feeder.complaints[peer] = None
        feeder.children.pop(peer, None)
        believed = (
            len(feeder.complaints) >= 2
            or len(task.active) - (peer in task.active) < 1
            or self.looks_dead(feeder.host.tasks.get(task.id))
        )
        if believed:
            self.lose(task, "its children cannot use it")
        return believed

    def looks_dead(self, begun: Peer | None) -> bool:
        if begun is None or begun.ended:
            return False
        idle_s = self._desk.now - begun.progressed_at
        return not begun.streaming or idle_s > self._desk.policy.origin.suspect_idle_s

    def pass_over(self, task: Task, host: Host) -> None:
        """Choose other seeds for this task for a while."""
        task.failed_seeds[host.id] = self._desk.now + self._desk.policy.origin.seed_retry_s

    def forget(self, task: Task) -> None:
        """The task is over."""
        self._put(task, None)
        self.end_trigger(task)

    def lose(self, task: Task, reason: str, *, failed: bool = True, refeed: bool = True) -> None:
        """Give the feeder up; its children get another one, or one of them the origin.

        `failed` passes a seed over for a while; without `refeed` the children know by themselves.
        """
        feeder = task.feeder
        if feeder is None:
            return
        self._put(task, None)
        self._desk.say(NoteFeederLost(task.id, feeder.host.id, reason))
        if failed and feeder.host.info.seed:
            self.pass_over(task, feeder.host)
        begun = feeder.host.tasks.get(task.id)
        if begun is not None:
            task.grants.pop(begun, None)
        if refeed:
            self.refeed(task, [*feeder.children, *feeder.complaints])

    def refeed(self, task: Task, children: list[Peer]) -> None:
        """Find a new feeder for those that fetch, if nobody holds the blob already."""
        children = [child for child in children if child in task.active]
        if not children:
            children = task.active.sample(self._desk.rng, self._desk.policy.swarm.feeder_children)
        children.sort(key=lambda peer: -peer.finished_bytes)
        if not children or self.holder_for(children[0]) is not None:
            return
        if self._install(task, children[0]) is None:
            for child in children:
                if self.may_grant(child):
                    self.grant(child, "no seed is alive, and nobody holds the blob")
                    break
        if task.feeder is not None:
            self._tell_children(task, task.feeder, children)

    def _tell_children(self, task: Task, feeder: Feeder, children: list[Peer]) -> None:
        for child in children:
            fits = child.host is not feeder.host and not child.has_given_up(feeder.host)
            if fits and child in task.active and child not in feeder.children:
                feeder.children[child] = None
                self._desk.offer(child, [self.view(task, feeder.host)])

    # The origin

    def may_grant(self, peer: Peer) -> bool:
        if peer.wish.disable_back_to_source or peer.ended:
            return False
        if not peer.seed and self._desk.settling:
            return False
        grants = peer.task.grants
        return peer in grants or len(grants) < self._desk.policy.origin.max_hosts_per_task

    def grant(self, peer: Peer, reason: str) -> None:
        """Let the peer go to the origin, and make it the feeder if there is none."""
        task = peer.task
        desk = self._desk
        desk.settle(peer)
        peer.answered = True
        if peer not in task.grants:
            task.grants[peer] = None
            peer.progressed_at = desk.now
            desk.leases.add(desk.now + desk.policy.origin.idle_s, Lease.GRANT, peer)
        desk.say(GrantOrigin(peer.id, reason))
        desk.say(NoteOrigin(task.id, peer.id, peer.host.id, True, peer.seed, reason))
        self._leave_feeder(peer)
        if peer.host.serves and peer.own:
            self.adopt(peer)

    def _leave_feeder(self, peer: Peer) -> None:
        if peer.task.feeder is not None:
            peer.task.feeder.children.pop(peer, None)

    # Seeds for plain peers

    def trigger(self, peer: Peer) -> bool:
        """Have a seed fetch the task on behalf of a plain peer; False if no seed can.

        What a seed must be told is at hand until the peer has its first answer, and never if there
        are credentials in it.
        """
        task = peer.task
        if task.trigger is not None:
            return True
        if peer.wish.credentialed or peer.answered:
            return False
        host = self.seed_for(peer, own=None)
        if host is None:
            return False
        self.send_trigger(peer, host)
        return True

    def send_trigger(self, peer: Peer, host: Host) -> None:
        desk = self._desk
        until = desk.now + desk.policy.origin.seed_start_s
        peer.task.trigger = Trigger(host, until)
        host.triggers[peer.task] = None
        desk.leases.add(until, Lease.TRIGGER, peer.task)
        desk.say(TriggerSeed(peer.task.id, host.id, peer.id))

    def end_trigger(self, task: Task) -> None:
        """The seed has begun, or will not."""
        if task.trigger is not None:
            task.trigger.host.triggers.pop(task, None)
            task.trigger = None


def _has_begun(peer: Peer) -> bool:
    """Whether the peer fetches the task or holds all of it."""
    return not peer.ended or peer.complete
