"""This host's conversation with the schedulers, one AnnouncePeer stream per task.

The task's scheduler is the one that a consistent hash of the id names, among those that answer; the
next one on the ring takes over. Nothing of a requester's headers is said here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

import grpc

from dfcore.errors import MeganeuraError, Unavailable
from dfcore.hashring import HashRing
from dfcore.pieces import Geometry
from dfdaemon.control.scheduler_messages import candidates, origin_failed, piece_finished
from dfdaemon.task import events as it
from dfdaemon.task.spec import TaskSpec
from dfdaemon.task.spec_proto import to_download
from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from dfinfra.pb import scheduler_pb2 as pb
from dfinfra.pb import scheduler_pb2_grpc
from dfinfra.rpc.channels import Channels

log = get_logger("scheduler-client")

OUTBOX_MESSAGES = 1024
RETRY_S = 1.0
REFUSED_RETRY_S = 0.2
REFUSALS = (
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)
DOWN_S = 5.0
HASHED_CHARACTERS = 5
"""Of the task id, as plain Dragonfly daemons hash it."""

Post = Callable[[it.Event], None]


class SchedulerClient:
    """The schedulers that this host knows, and which of them answer."""

    def __init__(self, addresses: Sequence[str], channels: Channels, host_id: str) -> None:
        self.addresses = tuple(addresses)
        self.host_id = host_id
        self._channels = channels
        self._ring = HashRing(self.addresses)
        self._down_until: dict[str, float] = {}
        self._unknown: dict[str, asyncio.Event] = {}
        self.seeds: tuple[it.ParentAddress, ...] = ()

    def known_seed(self, task_id: str) -> tuple[it.ParentAddress, ...]:
        """The seed that any host would ask for the task while no scheduler answers."""
        if not self.seeds:
            return ()
        by_host = {seed.host_id: seed for seed in self.seeds}
        (host_id,) = HashRing(sorted(by_host)).get(task_id, 1)
        seed = by_host[host_id]
        return (replace(seed, peer_id=f"{host_id}-{task_id[:12]}"),)

    def session(self, spec: TaskSpec, peer_id: str, post: Post) -> SchedulerSession:
        return SchedulerSession(self, spec, peer_id, post)

    def stub(self, address: str) -> scheduler_pb2_grpc.SchedulerStub:
        return scheduler_pb2_grpc.SchedulerStub(self._channels.get(address))

    def choose(self, task_id: str) -> str | None:
        """The task's scheduler among those not known to be down; None if there is none at all."""
        if not self.addresses:
            return None
        now = asyncio.get_running_loop().time()
        order = self._ring.get(task_id[:HASHED_CHARACTERS], len(self.addresses))
        up = [address for address in order if self._down_until.get(address, 0.0) <= now]
        return up[0] if up else None

    def must_choose(self, task_id: str) -> str:
        """The task's scheduler; raises Unavailable if there is none."""
        address = self.choose(task_id)
        if address is None:
            raise Unavailable("no scheduler answers")
        return address

    def unknown_at(self, address: str) -> asyncio.Event:
        """Set when the scheduler said that it does not know this host: it was restarted."""
        return self._unknown.setdefault(address, asyncio.Event())

    def mark_down(self, address: str) -> None:
        self._down_until[address] = asyncio.get_running_loop().time() + DOWN_S

    def mark_up(self, address: str) -> None:
        self._down_until.pop(address, None)


class SchedulerSession:
    """What one download says to its scheduler and hears from it."""

    def __init__(self, client: SchedulerClient, spec: TaskSpec, peer_id: str, post: Post) -> None:
        self._client = client
        self._spec = spec
        self._peer_id = peer_id
        self._post = post
        self._outbox: asyncio.Queue[pb.AnnouncePeerRequest | None] = asyncio.Queue(OUTBOX_MESSAGES)
        self._jobs = JobGroup(f"session {spec.task_id[:12]}")
        self._started = False
        self._is_seed = False
        self._from_origin = False
        self._finished_pieces: set[int] = set()

    def register(self, *, need_back_to_source: bool) -> None:
        self._is_seed = need_back_to_source
        self._jobs.spawn(self._run(), name="announce")

    async def _run(self) -> None:
        while True:
            address = self._client.choose(self._spec.task_id)
            if address is None:
                self._without_scheduler()
                await asyncio.sleep(RETRY_S)
                continue
            try:
                await self._converse(address)
                return
            except grpc.aio.AioRpcError as error:
                log.debug("scheduler lost", scheduler=address, code=error.code().name)
                await self._lost(address, error)

    async def _lost(self, address: str, error: grpc.aio.AioRpcError) -> None:
        """Only a scheduler that cannot be reached is down; one that refuses is asked again."""
        if error.code() == grpc.StatusCode.NOT_FOUND:
            self._client.unknown_at(address).set()
        elif error.code() not in REFUSALS:
            self._client.mark_down(address)
            return
        await asyncio.sleep(REFUSED_RETRY_S)

    def _without_scheduler(self) -> None:
        """The swarm goes on by what is known: the seed, else (if allowed) the origin."""
        if seed := () if self._is_seed else self._client.known_seed(self._spec.task_id):
            self._post(it.CandidatesNamed(seed))
            return
        configured = bool(self._client.addresses)
        self._post(it.SchedulerLost(Unavailable("no scheduler answers"), configured))

    async def _converse(self, address: str) -> None:
        stub = self._client.stub(address)
        self._outbox = asyncio.Queue(OUTBOX_MESSAGES)
        self._say(pb.AnnouncePeerRequest(register_peer_request=self._registration()))
        if self._started:
            self.started()
        async for response in stub.AnnouncePeer(self._messages()):
            self._client.mark_up(address)
            self._hear(response)

    def _registration(self) -> pb.RegisterPeerRequest:
        download = to_download(self._spec, need_back_to_source=self._is_seed)
        return pb.RegisterPeerRequest(download=download)

    async def _messages(self) -> AsyncIterator[pb.AnnouncePeerRequest]:
        while (message := await self._outbox.get()) is not None:
            yield message

    def _hear(self, response: pb.AnnouncePeerResponse) -> None:
        match response.WhichOneof("response"):
            case "normal_task_response":
                self._post(it.CandidatesNamed(candidates(response.normal_task_response)))
            case "need_back_to_source_response":
                self._sent_to_origin()
                self._post(it.OriginGranted(response.need_back_to_source_response.description))
                self._post(it.CandidatesNamed(()))
            case _:
                self._post(it.CandidatesNamed(()))

    def _sent_to_origin(self) -> None:
        self._from_origin = True
        if self._started:
            self.started()

    def _say(self, message: pb.AnnouncePeerRequest) -> None:
        message.host_id = self._client.host_id
        message.task_id = self._spec.task_id
        message.peer_id = self._peer_id
        try:
            self._outbox.put_nowait(message)
        except asyncio.QueueFull:
            # Reports are telemetry: the scheduler hears of the finished task all the same.
            log.debug("report dropped", task=self._spec.task_id)

    def started(self) -> None:
        self._started = True
        if self._from_origin:
            started = pb.DownloadPeerBackToSourceStartedRequest()
            self._say(pb.AnnouncePeerRequest(download_peer_back_to_source_started_request=started))
        else:
            self._say(
                pb.AnnouncePeerRequest(
                    download_peer_started_request=pb.DownloadPeerStartedRequest()
                )
            )

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

    def reschedule(self, bad: Sequence[str], reason: str) -> None:
        request = pb.ReschedulePeerRequest(description=reason)
        for peer_id in bad:
            request.candidate_parents.add(id=peer_id)
        self._say(pb.AnnouncePeerRequest(reschedule_peer_request=request))

    async def aclose(self, word: str, error: MeganeuraError | None = None) -> None:
        """Tell how the download ended, give the message a moment to leave, and hang up."""
        if error is not None and self._from_origin:
            self._say(origin_failed(error))
        self._say(self._last_word(word))
        try:
            self._outbox.put_nowait(None)
            async with asyncio.timeout(LAST_WORD_S):
                await self._jobs.join()
        except (asyncio.QueueFull, TimeoutError):
            pass
        await self._jobs.cancel_all()

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


LAST_WORD_S = 2.0
