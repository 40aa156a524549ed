"""A scheduler that behaves as Dragonfly's own does, for standard tasks.

Rules after dragonflyoss/dragonfly (scheduler/service/service_v2.go, scheduling/scheduling.go,
resource/standard) and the validators of dragonflyoss/api: messages of a stream are handled one after
the other, a peer id is good for one stream, a wrong message or a wrong order ends the stream. What it
found wrong is kept in ``complaints``. It knows nothing of what we add.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from dfinfra.pb import (
    common_pb2,
    dfdaemon_pb2,
    dfdaemon_pb2_grpc,
    scheduler_pb2,
    scheduler_pb2_grpc,
)

RETRY_S = 0.05
#: While a seed that was told of the task is on its way; a busy machine takes its time.
SEED_RETRIES = 100
RETRY_BACK_TO_SOURCE_LIMIT, RETRY_LIMIT = 4, 5
CANDIDATES = 3
_DIGEST = re.compile(
    "(md5:[a-fA-F0-9]{32}|sha1:[a-fA-F0-9]{40}|sha256:[a-fA-F0-9]{64}"
    "|sha512:[a-fA-F0-9]{128}|blake3:[a-fA-F0-9]{64}|crc32:[a-fA-F0-9]+)"
)
# Peer states, and from which each may be entered (resource/standard/peer.go).
_RECEIVED = ("ReceivedEmpty", "ReceivedNormal")
_FROM = {
    "ReceivedEmpty": ("Pending",),
    "ReceivedNormal": ("Pending",),
    "Running": _RECEIVED,
    "BackToSource": (*_RECEIVED, "Running"),
    "Succeeded": (*_RECEIVED, "Running", "BackToSource"),
    "Failed": ("Pending", *_RECEIVED, "Running", "BackToSource", "Succeeded"),
}


class Wrong(Exception):  # noqa: N818 - says what is the case
    """A message that Dragonfly's scheduler does not take."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(eq=False)
class Peer:
    id: str
    host: common_pb2.Host
    task: Task
    state: str = "Pending"
    need_back_to_source: bool = False
    ranged: bool = False
    parents: list[Peer] = field(default_factory=list)
    blocked: set[str] = field(default_factory=set)
    pieces: set[int] = field(default_factory=set)

    def enter(self, state: str) -> None:
        if self.state not in _FROM[state]:
            raise Wrong(grpc.StatusCode.INTERNAL, f"peer {self.state} cannot be {state}")
        self.state = state


@dataclass(eq=False)
class Task:
    id: str
    download: common_pb2.Download
    state: str = "Pending"
    peers: dict[str, Peer] = field(default_factory=dict)

    @property
    def message(self) -> common_pb2.Task:
        message = common_pb2.Task(
            id=self.id,
            url=self.download.url,
            content_length=self.download.actual_content_length,
            piece_count=self.download.actual_piece_count,
            state=self.state,
        )
        message.created_at.GetCurrentTime()
        message.updated_at.GetCurrentTime()
        return message


class GoScheduler(scheduler_pb2_grpc.SchedulerServicer):
    """``keeps_build``: it names hosts with what they said of their build, as versions do that
    hand all of a host on. ``may_back_to_source``: it lets peers to the origin at all."""

    def __init__(self, *, keeps_build: bool = True, may_back_to_source: bool = True) -> None:
        self.keeps_build = keeps_build
        self.may_back_to_source = may_back_to_source
        self.hosts: dict[str, common_pb2.Host] = {}
        self.tasks: dict[str, Task] = {}
        self.complaints: list[str] = []
        self.heard: list[scheduler_pb2.AnnouncePeerRequest] = []
        self.triggers: list[str] = []
        self._changed = asyncio.Condition()
        self._jobs: set[asyncio.Task[None]] = set()
        self._server = grpc.aio.server()
        self.address = ""

    async def __aenter__(self) -> GoScheduler:
        scheduler_pb2_grpc.add_SchedulerServicer_to_server(self, self._server)
        port = self._server.add_insecure_port(self.address or "127.0.0.1:0")
        self.address = f"127.0.0.1:{port}"
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        await self._server.stop(0)

    def forget_tasks(self) -> None:
        """What a restart does to it, hosts aside, which announce themselves again."""
        self.tasks.clear()

    async def hosts_are(self, count: int) -> None:
        """Wait until so many hosts have announced themselves."""
        await self._until(lambda: len(self.hosts) >= count)

    async def all_succeeded(self, task_id: str) -> None:
        """Wait until every peer of the task has said that it has all of it."""
        peers = self.tasks[task_id].peers
        await self._until(lambda: {peer.state for peer in peers.values()} == {"Succeeded"})

    async def _until(self, true: Callable[[], bool]) -> None:
        async with self._changed, asyncio.timeout(30):
            await self._changed.wait_for(true)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # Hosts

    async def AnnounceHost(self, request: Any, context: Any) -> Empty:
        host = request.host
        ports = (host.port, host.download_port)
        if not host.id or not host.hostname or any(not 1024 <= p < 65535 for p in ports):
            self.complaints.append(f"host {host}")
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "invalid AnnounceHostRequest")
        kept = common_pb2.Host()
        kept.CopyFrom(host)
        if not self.keeps_build:
            kept.ClearField("build")
        self.hosts[host.id] = kept
        await self._tell()
        return Empty()

    async def DeleteHost(self, request: Any, context: Any) -> Empty:
        self.hosts.pop(request.host_id, None)
        return Empty()

    async def ListHosts(self, request: Any, context: Any) -> scheduler_pb2.ListHostsResponse:
        wanted = request.type if request.HasField("type") else None
        hosts = [h for h in self.hosts.values() if wanted is None or h.type == wanted]
        return scheduler_pb2.ListHostsResponse(hosts=hosts)

    # Tasks

    async def StatTask(self, request: Any, context: Any) -> common_pb2.Task:
        task = self.tasks.get(request.task_id)
        if task is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "task not found")
            raise AssertionError
        return task.message

    async def DeleteTask(self, request: Any, context: Any) -> Empty:
        """The host has deleted it: its peers are gone."""
        task = self.tasks.get(request.task_id)
        for peer in list(task.peers.values()) if task else ():
            if peer.host.id == request.host_id:
                del task.peers[peer.id]  # type: ignore[union-attr]
        return Empty()

    # Peers

    async def AnnouncePeer(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        answers: asyncio.Queue[Any] = asyncio.Queue()
        job = asyncio.get_running_loop().create_task(self._read(requests, answers))
        try:
            while (answer := await answers.get()) is not None:
                if isinstance(answer, Wrong):
                    await context.abort(answer.code, str(answer))
                yield answer
        finally:
            job.cancel()

    async def _read(self, requests: Any, answers: asyncio.Queue[Any]) -> None:
        peer: Peer | None = None
        try:
            async for request in requests:
                self.heard.append(request)
                kind = request.WhichOneof("request")
                _validate(request)
                if kind == "register_peer_request":
                    peer = self._peer(request)
                    await self._register(peer, request.register_peer_request.download, answers)
                    continue
                known = self._known(request)
                over = await self._report(known, kind, getattr(request, kind), answers)
                await self._tell()
                if over:
                    break
        except Wrong as wrong:
            if wrong.code is not grpc.StatusCode.FAILED_PRECONDITION:
                self.complaints.append(f"{wrong} after {self._story(request)}")
            if peer is not None:
                peer.state = "Failed"
            await answers.put(wrong)
        except grpc.aio.BaseError:
            pass  # the peer has hung up
        await answers.put(None)

    def _story(self, last: scheduler_pb2.AnnouncePeerRequest) -> list[str]:
        return [r.WhichOneof("request") for r in self.heard if r.peer_id == last.peer_id]

    def _peer(self, request: scheduler_pb2.AnnouncePeerRequest) -> Peer:
        host = self.hosts.get(request.host_id)
        if host is None:
            raise Wrong(grpc.StatusCode.NOT_FOUND, f"host {request.host_id} not found")
        download = request.register_peer_request.download
        task = self.tasks.setdefault(request.task_id, Task(request.task_id, download))
        if request.peer_id in task.peers:
            # Its stream is not taken over from the one before (peer.DeleteAnnouncePeerStream).
            raise Wrong(grpc.StatusCode.NOT_FOUND, "AnnouncePeerStream not found")
        peer = Peer(request.peer_id, host, task, ranged=download.HasField("range"))
        task.peers[peer.id] = peer
        return peer

    def _known(self, request: scheduler_pb2.AnnouncePeerRequest) -> Peer:
        task = self.tasks.get(request.task_id)
        peer = task.peers.get(request.peer_id) if task else None
        if peer is None:
            raise Wrong(grpc.StatusCode.NOT_FOUND, f"peer {request.peer_id} not found")
        return peer

    async def _register(
        self, peer: Peer, download: common_pb2.Download, answers: asyncio.Queue[Any]
    ) -> None:
        task = peer.task
        if download.metadata_only:
            task.state = "Running"
            peer.enter("ReceivedNormal")
            only = scheduler_pb2.MetadataOnlyResponse()
            await answers.put(scheduler_pb2.AnnouncePeerResponse(metadata_only_response=only))
            return
        unknown = task.state in ("Pending", "Failed") or (
            task.state == "Succeeded" and not self._has_available(task, peer)
        )
        if download.need_back_to_source:
            peer.need_back_to_source = True
        elif unknown:
            if peer.host.type == 0 and (seed := self._seed(task)) is not None:
                self._trigger(seed, download)
            else:
                peer.need_back_to_source = True
        task.state = "Running"
        if task.download.actual_content_length == 0:
            peer.enter("ReceivedEmpty")
            empty = scheduler_pb2.EmptyTaskResponse()
            await answers.put(scheduler_pb2.AnnouncePeerResponse(empty_task_response=empty))
            return
        peer.enter("ReceivedNormal")
        peer.blocked.add(peer.id)
        await self._schedule(peer, answers)

    @staticmethod
    def _has_available(task: Task, peer: Peer) -> bool:
        return any(
            other.host.id != peer.host.id
            and other.state in ("Running", "Succeeded", "BackToSource")
            for other in task.peers.values()
        )

    def _seed(self, task: Task) -> common_pb2.Host | None:
        seeds = sorted((h for h in self.hosts.values() if h.type == 1), key=lambda h: h.id)
        return seeds[int(task.id[:8], 16) % len(seeds)] if seeds else None

    def _trigger(self, seed: common_pb2.Host, download: common_pb2.Download) -> None:
        copy = common_pb2.Download()
        copy.CopyFrom(download)
        copy.need_back_to_source = True
        copy.ClearField("output_path")
        self.triggers.append(seed.id)
        job = asyncio.get_running_loop().create_task(_download(seed, copy))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def _schedule(self, peer: Peer, answers: asyncio.Queue[Any]) -> None:
        for attempt in range(RETRY_LIMIT + 1):
            lets = self.may_back_to_source
            if lets and (peer.need_back_to_source or attempt >= RETRY_BACK_TO_SOURCE_LIMIT):
                need = scheduler_pb2.NeedBackToSourceResponse(description="by the rules")
                message = scheduler_pb2.AnnouncePeerResponse(need_back_to_source_response=need)
                await answers.put(message)
                return
            if attempt == RETRY_LIMIT:
                break
            peer.parents = self._candidates(peer)
            if peer.parents:
                normal = scheduler_pb2.NormalTaskResponse(
                    candidate_parents=[_message(parent) for parent in peer.parents]
                )
                await answers.put(scheduler_pb2.AnnouncePeerResponse(normal_task_response=normal))
                return
            await self._retry_interval(peer)
        raise Wrong(grpc.StatusCode.FAILED_PRECONDITION, "scheduling exceeded RetryLimit")

    async def _retry_interval(self, peer: Peer) -> None:
        for _ in range(SEED_RETRIES):
            await asyncio.sleep(RETRY_S)
            if not self._jobs or self._candidates(peer):
                return

    @staticmethod
    def _candidates(peer: Peer) -> list[Peer]:
        others = list(peer.task.peers.values())
        random.shuffle(others)
        usable = [
            other
            for other in others
            if other.id not in peer.blocked
            and other.host.id != peer.host.id
            and not other.host.disable_shared
            and other.state in ("Running", "BackToSource", "Succeeded")
            and (other.host.type or other.parents or other.state != "Running")
            and peer not in _ancestors(other)
        ]
        return usable[:CANDIDATES]

    async def _report(
        self, peer: Peer, kind: str, report: Any, answers: asyncio.Queue[Any]
    ) -> bool:
        """Take in what a peer reports; True if that is its last word."""
        match kind:
            case "download_peer_started_request":
                if peer.state != "Running":
                    peer.enter("Running")
            case "download_peer_back_to_source_started_request":
                if peer.state != "Running":
                    peer.enter("BackToSource")
            case "reschedule_peer_request":
                peer.blocked.update(parent.id for parent in report.candidate_parents)
                await self._schedule(peer, answers)
            case "download_piece_finished_request":
                peer.pieces.add(report.piece.number)
            case "download_piece_back_to_source_finished_request":
                peer.pieces.add(report.piece.number)
            case "download_piece_failed_request":
                if report.temporary:
                    peer.blocked.add(report.parent_id)
            case "download_piece_back_to_source_failed_request":
                pass
            case "download_peer_finished_request":
                peer.enter("Succeeded")
                return True
            case "download_peer_back_to_source_finished_request":
                peer.enter("Succeeded")
                if not peer.ranged:
                    peer.task.state = "Succeeded"
                return True
            case "download_peer_failed_request":
                peer.enter("Failed")
                return True
            case "download_peer_back_to_source_failed_request":
                peer.enter("Failed")
                peer.task.state = "Failed"
                return True
        return False


async def _download(seed: common_pb2.Host, download: common_pb2.Download) -> None:
    async with grpc.aio.insecure_channel(f"{seed.ip}:{seed.port}") as channel:
        stub = dfdaemon_pb2_grpc.DfdaemonUploadStub(channel)
        request = dfdaemon_pb2.DownloadTaskRequest(download=download)
        try:
            async for _ in stub.DownloadTask(request):
                pass
        except grpc.aio.AioRpcError:
            pass  # it is logged there, and the peers go to the origin


def _ancestors(peer: Peer) -> set[Peer]:
    found: set[Peer] = set()
    pending = [peer]
    while pending:
        for parent in pending.pop().parents:
            if parent not in found:
                found.add(parent)
                pending.append(parent)
    return found


def _message(peer: Peer) -> common_pb2.Peer:
    message = common_pb2.Peer(id=peer.id, state=peer.state, host=peer.host, task=peer.task.message)
    message.cost.SetInParent()
    message.created_at.GetCurrentTime()
    message.updated_at.GetCurrentTime()
    return message


def _validate(request: scheduler_pb2.AnnouncePeerRequest) -> None:
    """What the validators of the API would refuse, as far as it concerns us."""
    wrong = ""
    if not (request.host_id and request.task_id and request.peer_id):
        wrong = "an id is missing"
    match request.WhichOneof("request"):
        case "register_peer_request":
            wrong = wrong or _wrong_download(request.register_peer_request.download)
        case "reschedule_peer_request":
            for peer in request.reschedule_peer_request.candidate_parents:
                wrong = wrong or _wrong_peer(peer)
        case "download_piece_finished_request":
            wrong = wrong or _wrong_piece(request.download_piece_finished_request.piece)
        case "download_piece_back_to_source_finished_request":
            report = request.download_piece_back_to_source_finished_request
            wrong = wrong or _wrong_piece(report.piece)
        case "download_piece_failed_request":
            if not request.download_piece_failed_request.parent_id:
                wrong = wrong or "parent_id is missing"
        case "download_piece_back_to_source_failed_request":
            report = request.download_piece_back_to_source_failed_request
            if report.WhichOneof("response") is None:
                wrong = wrong or "the response is missing"
            if report.backend.status_code and not 100 <= report.backend.status_code < 599:
                wrong = wrong or "status_code"
        case None:
            wrong = wrong or "the request is missing"
    if wrong:
        raise Wrong(grpc.StatusCode.INVALID_ARGUMENT, wrong)


def _wrong_download(download: common_pb2.Download) -> str:
    if "://" not in download.url:
        return "url"
    if download.digest and not _DIGEST.fullmatch(download.digest):
        return "digest"
    if download.piece_length and not 4 << 20 <= download.piece_length <= 64 << 20:
        return "piece_length"
    if download.HasField("hugging_face") and not download.hugging_face.revision:
        return "hugging_face.revision"
    return ""


def _wrong_peer(peer: common_pb2.Peer) -> str:
    for name in ("cost", "task", "host", "created_at", "updated_at"):
        if not peer.HasField(name):
            return f"candidate_parents.{name}"
    return "" if peer.id and peer.state else "candidate_parents"


def _wrong_piece(piece: common_pb2.Piece) -> str:
    if not piece.HasField("cost") or not piece.HasField("created_at"):
        return "piece.cost or piece.created_at"
    if piece.digest and not _DIGEST.fullmatch(piece.digest):
        return "piece.digest"
    return ""
