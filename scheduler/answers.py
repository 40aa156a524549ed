"""What the core knows, as messages of `common.v2` and `scheduler.v2`. Pure."""

from __future__ import annotations

from dfinfra.pb import common_pb2, meganeura_pb2, scheduler_pb2
from scheduler.commands import Offer, Parent
from scheduler.resource.host import Host
from scheduler.resource.peer import Peer
from scheduler.resource.pool import Pool
from scheduler.resource.task import Task

_MIN_PIECE_LENGTH = 4 << 20


class Answers:
    """Builds messages. `epoch_s` is what to add to the core's time to get the time of day."""

    def __init__(self, pool: Pool, epoch_s: float) -> None:
        self._pool = pool
        self._epoch_s = epoch_s

    def offer(self, offer: Offer) -> scheduler_pb2.AnnouncePeerResponse:
        """The candidate parents of a peer."""
        child = self._pool.peers.get(offer.peer_id)
        parents = [self._parent(parent, child) for parent in offer.parents]
        return scheduler_pb2.AnnouncePeerResponse(
            normal_task_response=scheduler_pb2.NormalTaskResponse(candidate_parents=parents)
        )

    def _parent(self, parent: Parent, child: Peer | None) -> common_pb2.Peer:
        known = self._pool.peers.get(parent.peer_id)
        if known is not None:
            return self.peer(known)
        message = common_pb2.Peer(id=parent.peer_id, state=parent.state)
        message.cost.SetInParent()
        message.created_at.GetCurrentTime()
        message.updated_at.GetCurrentTime()
        if (host := self._pool.hosts.get(parent.host_id)) is not None:
            message.host.CopyFrom(host_message(host))
        if child is not None:
            message.task.CopyFrom(self.task(child.task))
        return message

    def peer(self, peer: Peer) -> common_pb2.Peer:
        message = common_pb2.Peer(
            id=peer.id,
            priority=common_pb2.Priority.Name(peer.wish.priority),
            state=str(peer.state),
            task=self.task(peer.task),
            host=host_message(peer.host),
            need_back_to_source=peer in peer.task.grants,
        )
        message.cost.FromMilliseconds(int((peer.progressed_at - peer.created_at) * 1000))
        message.created_at.FromMilliseconds(self._milliseconds(peer.created_at))
        message.updated_at.FromMilliseconds(
            self._milliseconds(max(peer.moved_at, peer.progressed_at))
        )
        return message

    def task(self, task: Task) -> common_pb2.Task:
        wish = task.wish
        message = common_pb2.Task(
            id=task.id,
            url=wish.url,
            content_length=task.size_bytes or 0,
            piece_count=wish.piece_count,
            size_scope=size_scope(task),
            state=str(task.state),
            peer_count=len(task.peers),
            has_available_peer=len(task.holders) > 0,
        )
        if wish.digest:
            message.digest = wish.digest
        if wish.tag:
            message.tag = wish.tag
        if wish.application:
            message.application = wish.application
        message.created_at.FromMilliseconds(self._milliseconds(task.created_at))
        message.updated_at.FromMilliseconds(self._milliseconds(task.updated_at))
        return message

    def _milliseconds(self, moment: float) -> int:
        return int((moment + self._epoch_s) * 1000)


def host_message(host: Host) -> common_pb2.Host:
    """What the host announced."""
    announced = host.info.announced
    assert isinstance(announced, common_pb2.Host)
    return announced


def size_scope(task: Task) -> common_pb2.SizeScope:
    """Dragonfly's classes of sizes; all but EMPTY are treated alike."""
    size_bytes = task.size_bytes
    if size_bytes == 0:
        return common_pb2.SizeScope.EMPTY
    if size_bytes is not None and size_bytes <= 128:
        return common_pb2.SizeScope.TINY
    if size_bytes is not None and size_bytes <= (task.wish.piece_length or _MIN_PIECE_LENGTH):
        return common_pb2.SizeScope.SMALL
    return common_pb2.SizeScope.NORMAL


def peer_info(peer: Peer) -> meganeura_pb2.PeerInfo:
    return meganeura_pb2.PeerInfo(
        peer_id=peer.id,
        task_id=peer.task.id,
        host_id=peer.host.id,
        state=str(peer.state),
        finished_bytes=peer.finished_bytes,
        size_bytes=peer.task.size_bytes or 0,
        seed=peer.seed,
        url=peer.task.wish.url,
    )


def task_info(task: Task) -> meganeura_pb2.TaskInfo:
    return meganeura_pb2.TaskInfo(
        task_id=task.id,
        url=task.wish.url,
        state=str(task.state),
        size_bytes=task.size_bytes or 0,
        peer_count=len(task.peers),
        complete_count=len(task.holders),
    )
