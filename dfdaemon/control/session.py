"""What one download says to its scheduler and hears from it: one AnnouncePeer stream at a time.

Nothing of a requester's headers is said here. Dragonfly's own scheduler is spoken to as its own
daemons speak (dragonflyoss/client, resource/task.rs): the start is told after the answer, a peer id is
used once, and parents are given up by the whole messages that named them, which it checks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

import grpc

from dfcore.errors import Denied, MeganeuraError, NotFound, Unavailable
from dfcore.pieces import Geometry
from dfdaemon.control.saying import say_all, under_way
from dfdaemon.control.scheduler_messages import candidates, origin_failed, piece_finished
from dfdaemon.task import events as it
from dfdaemon.task.spec import TaskSpec
from dfdaemon.task.spec_proto import to_download
from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from dfinfra.pb import common_pb2
from dfinfra.pb import scheduler_pb2 as pb

if TYPE_CHECKING:
    from dfdaemon.control.scheduler import SchedulerClient

log = get_logger("scheduler-client")

OUTBOX_MESSAGES = 1024
RETRY_S = 1.0
REFUSED_RETRY_S = 0.2
PLAIN_REFUSED_RETRY_S = 5.0
LAST_WORD_S = 2.0
SILENCE_S = 1.0
# While no scheduler answers: how long a seed that was lost is tried again before it counts as gone. A
# seed that restarts is back before; a download fails only after four times as long.
SEED_AWAY_S = 15.0
REFUSALS = (
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)
FORBIDDING = (1, 2)
PLAIN_REFUSALS = (*REFUSALS, grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT)

Post = Callable[[it.Event], None]
Outbox = asyncio.Queue[pb.AnnouncePeerRequest | None]


class SchedulerSession:
    """What one download says to its scheduler and hears from it."""

    def __init__(self, client: SchedulerClient, spec: TaskSpec, peer_id: str, post: Post) -> None:
        self._client = client
        self._spec = spec
        self._peer_id = peer_id
        self._post = post
        self._outbox: Outbox = asyncio.Queue(OUTBOX_MESSAGES)
        self._jobs = JobGroup(f"session {spec.task_id[:12]}")
        self._plain = False
        self._conversations = 0
        self._answered = False
        self._silent = False
        self._heard_out = False
        self._said_all = False
        self._started = False
        self._is_seed = False
        self._from_origin = False
        self._told_start: str | None = None
        self._finished_pieces: set[int] = set()
        self._named: dict[str, common_pb2.Peer] = {}
        self._seed_lost_at: float | None = None

    def register(self, *, need_back_to_source: bool) -> None:
        self._is_seed = need_back_to_source
        self._jobs.spawn(self._run(), name="announce")

    async def _run(self) -> None:
        while True:
            address = self._client.choose(self._spec.task_id)
            if address is None or not self._client.may_tell(address, self._spec):
                self._without_scheduler()
                await asyncio.sleep(RETRY_S)
                continue
            try:
                await self._converse(address)
                if self._said_all or (self._plain and not self._silent):
                    self._heard_out = True
                    return
                # It hung up first, as one that stops may: the download goes on, and needs one.
                await asyncio.sleep(REFUSED_RETRY_S)
            except grpc.aio.AioRpcError as error:
                log.debug("scheduler lost", scheduler=address, code=error.code().name)
                await self._lost(address, error)

    async def _lost(self, address: str, error: grpc.aio.AioRpcError) -> None:
        """Only a scheduler that cannot be reached is down; one that refuses is asked again."""
        if self._forbids(error):
            kind = NotFound if error.code() == grpc.StatusCode.NOT_FOUND else Denied
            self._post(it.DownloadForbidden(kind(error.details() or "the scheduler forbids it")))
        elif error.code() == grpc.StatusCode.NOT_FOUND:
            self._client.unknown_at(address).set()
        elif self._plain and error.code() in PLAIN_REFUSALS:
            # It found nobody, and lets nobody to the origin any more: that is its last word.
            refused = Unavailable(error.details() or "the scheduler refuses")
            self._post(it.SchedulerLost(refused, away_s=inf))
            await asyncio.sleep(PLAIN_REFUSED_RETRY_S)
            return
        elif error.code() not in REFUSALS:
            self._client.mark_down(address)
            return
        await asyncio.sleep(REFUSED_RETRY_S)

    def _forbids(self, error: grpc.aio.AioRpcError) -> bool:
        """The requester chose a priority that only takes what is there, or nothing at all."""
        return self._spec.priority in FORBIDDING and "priority" in (error.details() or "")

    def _without_scheduler(self) -> None:
        """The swarm goes on by what is known: the seed, else (if allowed) the origin."""
        seed = () if self._is_seed else self._client.known_seed(self._spec.task_id)
        if seed and not self._seed_is_away():
            self._post(it.CandidatesNamed(seed))
            return
        configured = bool(self._client.addresses)
        error = Unavailable("no scheduler answers")
        self._post(it.SchedulerLost(error, configured, self._client.away_s()))

    def _seed_is_away(self) -> bool:
        if self._seed_lost_at is None:
            return False
        return asyncio.get_running_loop().time() - self._seed_lost_at >= SEED_AWAY_S

    async def _converse(self, address: str) -> None:
        stub = self._client.stub(address)
        outbox: Outbox = asyncio.Queue(OUTBOX_MESSAGES)
        self._outbox = outbox
        self._plain = self._client.is_plain(address)
        self._conversations += 1
        self._answered, self._silent, self._told_start = False, False, None
        self._say(pb.AnnouncePeerRequest(register_peer_request=self._registration()))
        self._tell_start()
        call = stub.AnnouncePeer()
        # Not an iterator for gRPC to read from: what reads it is a job that gRPC forgets to end.
        talker = asyncio.current_task()
        assert talker is not None
        jobs = (
            self._jobs.spawn(say_all(call, _messages_of(outbox)), name="say"),
            self._jobs.spawn(self._watch(address, talker), name="watch"),
        )
        try:
            await under_way(call)
            async for response in call:
                self._client.mark_up(address)
                self._hear(response)
        except asyncio.CancelledError:
            if not self._silent or talker.uncancel():
                raise
            log.debug("scheduler silent", scheduler=address)
            self._client.mark_down(address)
        finally:
            call.cancel()
            for job in jobs:
                job.cancel()

    async def _watch(self, address: str, talker: asyncio.Task[Any]) -> None:
        """Give up a scheduler that neither answers nor says that it is there.

        The first answer may take its time, for want of a parent; a hung scheduler must not.
        """
        while not self._answered:
            await asyncio.sleep(SILENCE_S)
            if not self._answered and not await self._client.is_there(address):
                self._silent = True
                talker.cancel()
                return

    @property
    def _announced_id(self) -> str:
        """A plain scheduler takes no second stream of a peer."""
        if self._plain and self._conversations > 1:
            return f"{self._peer_id}-{self._conversations}"
        return self._peer_id

    def _registration(self) -> pb.RegisterPeerRequest:
        download = to_download(self._spec, need_back_to_source=self._is_seed)
        return pb.RegisterPeerRequest(download=download)

    def _hear(self, response: pb.AnnouncePeerResponse) -> None:
        self._answered = True
        self._seed_lost_at = None  # the scheduler knows better which seeds there are
        match response.WhichOneof("response"):
            case "normal_task_response":
                normal = response.normal_task_response
                if self._plain:
                    self._named.update((peer.id, peer) for peer in normal.candidate_parents)
                self._tell_start()
                self._post(it.CandidatesNamed(candidates(normal)))
            case "need_back_to_source_response":
                self._go_to_origin(response.need_back_to_source_response.description)
            case _:
                # The scheduler takes the content for empty; the origin's word counts.
                self._go_to_origin("the scheduler takes the task for empty")

    def _go_to_origin(self, reason: str) -> None:
        self._from_origin = True
        self._tell_start()
        self._post(it.OriginGranted(reason))
        self._post(it.CandidatesNamed(()))

    def _say(self, message: pb.AnnouncePeerRequest) -> None:
        message.host_id = self._client.host_id
        message.task_id = self._spec.task_id
        message.peer_id = self._announced_id
        try:
            self._outbox.put_nowait(message)
        except asyncio.QueueFull:
            # Reports are telemetry: the scheduler hears of the finished task all the same.
            log.debug("report dropped", task=self._spec.task_id)

    def started(self) -> None:
        """The download knows what it fetches, and has a place for it."""
        self._started = True
        self._tell_start()

    def _tell_start(self) -> None:
        """Say how the download goes on; a plain scheduler knows one order of messages only."""
        # A refusal is heard only if nothing else is under way when it ends the stream.
        waits = self._plain or self._spec.priority in FORBIDDING
        if not self._started or (waits and not self._answered):
            return
        way = "origin" if self._from_origin else "peers"
        if self._told_start in (way, "origin"):
            return
        self._told_start = way
        if way == "origin":
            begun = pb.DownloadPeerBackToSourceStartedRequest()
            self._say(pb.AnnouncePeerRequest(download_peer_back_to_source_started_request=begun))
        else:
            started = pb.DownloadPeerStartedRequest()
            self._say(pb.AnnouncePeerRequest(download_peer_started_request=started))

    def piece_held(self, piece: int, geometry: Geometry, parent_id: str, source: str) -> None:
        """A whole piece is in the store."""
        if piece in self._finished_pieces:
            return
        self._finished_pieces.add(piece)
        message = piece_finished(piece, geometry, parent_id, source)
        if source == "origin":
            self._say(
                pb.AnnouncePeerRequest(
                    download_piece_back_to_source_finished_request=(
                        pb.DownloadPieceBackToSourceFinishedRequest(piece=message)
                    )
                )
            )
        else:
            self._say(
                pb.AnnouncePeerRequest(
                    download_piece_finished_request=pb.DownloadPieceFinishedRequest(piece=message)
                )
            )

    def bad_parent(self, parent: str, piece: int) -> None:
        failed = pb.DownloadPieceFailedRequest(
            piece_number=piece, parent_id=parent, temporary=False
        )
        self._say(pb.AnnouncePeerRequest(download_piece_failed_request=failed))

    def reschedule(self, bad: Sequence[it.ParentAddress], reason: str) -> None:
        """Give these parents up, and ask for others."""
        if self._seed_lost_at is None and any(parent.seed for parent in bad):
            self._seed_lost_at = asyncio.get_running_loop().time()
        request = pb.ReschedulePeerRequest(description=reason)
        for parent in bad:
            if not self._plain:
                # Where it was tried: it may have been restarted elsewhere meanwhile.
                where = common_pb2.Host(id=parent.host_id, ip=parent.ip)
                request.candidate_parents.add(id=parent.peer_id, host=where)
            elif (named := self._named.get(parent.peer_id)) is not None:
                request.candidate_parents.add().CopyFrom(named)
        self._say(pb.AnnouncePeerRequest(reschedule_peer_request=request))

    async def aclose(self, word: str, error: MeganeuraError | None = None) -> None:
        """Tell how the download ended, give the message a moment to leave, and hang up."""
        if error is not None and self._from_origin:
            self._say(origin_failed(error))
        self._say(self._last_word(word))
        self._said_all = True
        try:
            self._outbox.put_nowait(None)
            async with asyncio.timeout(LAST_WORD_S):
                await self._jobs.join()
        except (asyncio.QueueFull, TimeoutError):
            pass
        await self._jobs.cancel_all()
        if word == "succeeded" and not self._heard_out:
            # Nobody was there to hear that the blob is here: say it with all the others.
            self._client.list_anew()

    def _last_word(self, word: str) -> pb.AnnouncePeerRequest:
        origin = self._from_origin
        if word == "succeeded":
            if origin:
                finished = pb.DownloadPeerBackToSourceFinishedRequest()
                return pb.AnnouncePeerRequest(
                    download_peer_back_to_source_finished_request=finished
                )
            return pb.AnnouncePeerRequest(
                download_peer_finished_request=pb.DownloadPeerFinishedRequest()
            )
        if origin:
            failed = pb.DownloadPeerBackToSourceFailedRequest(description=word)
            return pb.AnnouncePeerRequest(download_peer_back_to_source_failed_request=failed)
        return pb.AnnouncePeerRequest(
            download_peer_failed_request=pb.DownloadPeerFailedRequest(description=word)
        )


async def _messages_of(outbox: Outbox) -> AsyncGenerator[pb.AnnouncePeerRequest, None]:
    while (message := await outbox.get()) is not None:
        yield message
