"""`scheduler.v2.Scheduler` for standard tasks, by gRPC.

What a daemon must know:

- Announce the host first; a registration of an unknown host ends with NOT_FOUND, and so does a
  request for other parents of a peer that is not registered (after a restart of the scheduler:
  announce and register again, peer ids may stay).
- The first message of a stream registers the peer; a stream speaks for one peer.
- An own peer (`Host.build.platform` begins with `meganeura/`) may hear several answers: each
  NormalTask names parents to take from *as well*; NeedBackToSource may come at any time, alone or
  after a NormalTask. A plain peer hears one answer per registration or reschedule.
- The stream ends with OK after the peer said how its download ended.

All other families of tasks, and preheating, answer UNIMPLEMENTED (the generated base class).
"""
# ruff: noqa: N802 - gRPC names

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from dfcore.errors import BadInput, NotFound, Unavailable
from dfinfra.jobs import spawn
from dfinfra.logs import get_logger
from dfinfra.pb import common_pb2, scheduler_pb2, scheduler_pb2_grpc
from scheduler import edge
from scheduler import events as ev
from scheduler.answers import host_message
from scheduler.resource.host import Host
from scheduler.resource.task import Task
from scheduler.shell import Shell
from scheduler.streams import Stream, StreamEnded

SERVICE_NAME = "scheduler.v2.Scheduler"
_log = get_logger("service")

Requests = AsyncIterator[scheduler_pb2.AnnouncePeerRequest]


Prioritize = Callable[[ev.PeerRegistered], ev.PeerRegistered]


def _as_it_is(event: ev.PeerRegistered) -> ev.PeerRegistered:
    return event


class SchedulerService(scheduler_pb2_grpc.SchedulerServicer):
    """Translates between messages and events; decides nothing."""

    def __init__(
        self, shell: Shell, *, outbox_limit: int, prioritize: Prioritize = _as_it_is
    ) -> None:
        """``prioritize`` gives registrations that name no priority the one of their application."""
        self._shell = shell
        self._prioritize = prioritize
        self._outbox_limit = outbox_limit

    # Peers

    async def AnnouncePeer(
        self, request_iterator: Requests, context: Any
    ) -> AsyncIterator[scheduler_pb2.AnnouncePeerResponse]:
        """One peer's conversation: its reports in, parents out."""
        stream = Stream(self._outbox_limit)
        reader = spawn(
            self._read(request_iterator, stream),
            name="announce stream",
            on_error=lambda error: _reading_failed(stream, error),
        )
        try:
            async for message in stream.messages():
                yield message
        except StreamEnded as ended:
            reader.cancel()
            await _abort(context, ended)
        finally:
            reader.cancel()
            self._shell.detach(stream)

    async def _read(self, requests: Requests, stream: Stream) -> None:
        async for request in requests:
            try:
                event = edge.peer_event(request)
                self._take(stream, request, event)
            except (BadInput, NotFound) as error:
                stream.end(error.grpc_code, str(error))
            if stream.ended:
                return
        stream.end()

    def _take(
        self, stream: Stream, request: scheduler_pb2.AnnouncePeerRequest, event: ev.Event
    ) -> None:
        if isinstance(event, ev.PeerRegistered):
            self._register(stream, request, event)
            return
        if not stream.peer_id:
            raise NotFound(f"peer {request.peer_id}: a stream begins with its registration")
        self._check_same(stream, request)
        if self._shell.speaks(stream):
            self._shell.tell(event)

    def _register(
        self,
        stream: Stream,
        request: scheduler_pb2.AnnouncePeerRequest,
        event: ev.PeerRegistered,
    ) -> None:
        if stream.peer_id:
            self._check_same(stream, request)
        known = self._shell.core.pool.peers.get(request.peer_id)
        if known is not None and (known.host.id, known.task.id) != (event.host_id, event.task_id):
            stream.end("ALREADY_EXISTS", f"peer {known.id} belongs to another host or task")
            return
        stream.peer_id, stream.host_id = request.peer_id, request.host_id
        stream.task_id = request.task_id
        if not event.wish.credentialed:
            stream.download = edge.for_seed(request.register_peer_request.download)
        self._shell.attach(stream)
        self._shell.tell(self._prioritize(event))

    @staticmethod
    def _check_same(stream: Stream, request: scheduler_pb2.AnnouncePeerRequest) -> None:
        bound = (stream.host_id, stream.task_id, stream.peer_id)
        if (request.host_id, request.task_id, request.peer_id) != bound:
            raise BadInput(f"peer_id: this stream speaks for peer {stream.peer_id} only")

    async def StatPeer(
        self, request: scheduler_pb2.StatPeerRequest, context: Any
    ) -> common_pb2.Peer:
        _check_ids(request)
        peer = self._shell.core.pool.peers.get(request.peer_id)
        if peer is None or peer.task.id != request.task_id:
            raise NotFound(f"peer {request.peer_id} is not known here")
        return self._shell.answers.peer(peer)

    async def DeletePeer(self, request: scheduler_pb2.DeletePeerRequest, context: Any) -> Empty:
        _check_ids(request)
        if request.peer_id not in self._shell.core.pool.peers:
            raise NotFound(f"peer {request.peer_id} is not known here")
        self._shell.tell(ev.PeerLeft(request.peer_id))
        return Empty()

    # Tasks

    async def StatTask(
        self, request: scheduler_pb2.StatTaskRequest, context: Any
    ) -> common_pb2.Task:
        return self._shell.answers.task(self._task(request.task_id))

    async def DeleteTask(self, request: scheduler_pb2.DeleteTaskRequest, context: Any) -> Empty:
        """Have every host that holds the task delete it.

        A plain Dragonfly daemon calls this of itself when it has deleted a task: then only what is
        known of that host is dropped, or one host would empty the cluster.
        """
        task = self._task(request.task_id)
        caller = self._shell.core.pool.hosts.get(request.host_id)
        if caller is not None and not caller.info.own:
            self._shell.tell(ev.TaskLeft(task.id, (caller.id,)))
            return Empty()
        hosts: dict[str, Host] = {peer.host.id: peer.host for peer in task.peers.values()}
        done, failed = await self._shell.daemons.delete(task.id, hosts.values())
        self._shell.tell(ev.TaskLeft(task.id, tuple(done)))
        if failed:
            raise Unavailable(
                f"task {task.id}: {len(failed)} of {len(hosts)} hosts did not delete it, "
                f"{sorted(failed)[0]} is one"
            )
        return Empty()

    def _task(self, task_id: str) -> Task:
        if not task_id:
            raise BadInput("task_id: must not be empty")
        task = self._shell.core.pool.tasks.get(task_id)
        if task is None:
            raise NotFound(f"task {task_id} is not known here")
        return task

    # Hosts

    async def AnnounceHost(self, request: scheduler_pb2.AnnounceHostRequest, context: Any) -> Empty:
        event = edge.host_announced(request)
        if event.host.id not in self._shell.core.pool.hosts:
            _log.info("host announced", host=event.host.id, seed=event.host.seed, ip=event.host.ip)
        self._shell.tell(event)
        return Empty()

    async def ListHosts(
        self, request: scheduler_pb2.ListHostsRequest, context: Any
    ) -> scheduler_pb2.ListHostsResponse:
        hosts = (host_message(host) for host in self._shell.core.pool.hosts.values())
        wanted = request.type if request.HasField("type") else None
        return scheduler_pb2.ListHostsResponse(
            hosts=[host for host in hosts if wanted is None or host.type == wanted]
        )

    async def DeleteHost(self, request: scheduler_pb2.DeleteHostRequest, context: Any) -> Empty:
        if not request.host_id:
            raise BadInput("host_id: must not be empty")
        if request.host_id not in self._shell.core.pool.hosts:
            raise NotFound(f"host {request.host_id} is not known here")
        _log.info("host left", host=request.host_id)
        self._shell.tell(ev.HostLeft(request.host_id))
        return Empty()


def _check_ids(request: scheduler_pb2.StatPeerRequest | scheduler_pb2.DeletePeerRequest) -> None:
    for name in ("host_id", "task_id", "peer_id"):
        if not getattr(request, name):
            raise BadInput(f"{name}: must not be empty")


async def _abort(context: Any, ended: StreamEnded) -> None:
    try:
        await context.abort(grpc.StatusCode[ended.end.code], ended.end.message)
    except grpc.aio.InternalError:
        _log.debug("peer was gone before its stream ended")


def _reading_failed(stream: Stream, error: BaseException) -> None:
    """The connection broke, or we have a bug; the peer's stream is over either way."""
    if not isinstance(error, grpc.RpcError | grpc.aio.BaseError):
        _log.error("announce stream failed", peer=stream.peer_id, exc_info=error)
    stream.end("INTERNAL", "internal error, see the log of the scheduler")
