"""A plain Dragonfly daemon: joins a scheduler, takes pieces from parents, serves pieces to others.

Its conversation is that of dragonflyoss/client (resource/task.rs, piece_collector.rs), in the same
order; its announcement has nothing that only our hosts say.
"""

from __future__ import annotations

import asyncio
import hashlib
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc

from dfinfra.pb import (
    common_pb2,
    dfdaemon_pb2,
    dfdaemon_pb2_grpc,
    scheduler_pb2,
    scheduler_pb2_grpc,
)
from tests.interop import vortex

MIB = 1 << 20
PIECE = 4 * MIB
PATIENCE_S = 60.0
MAX_SCHEDULES = 5


@dataclass
class Held:
    """A task as this daemon has it."""

    size_bytes: int
    piece_length: int
    pieces: dict[int, bytes] = field(default_factory=dict)
    parents: dict[int, str] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    finished: bool = False

    @property
    def piece_count(self) -> int:
        return -(-self.size_bytes // self.piece_length)

    @property
    def missing(self) -> list[int]:
        return [number for number in range(self.piece_count) if number not in self.pieces]

    @property
    def sha256(self) -> str:
        content = b"".join(self.pieces[number] for number in range(self.piece_count))
        return hashlib.sha256(content).hexdigest()

    def add(self, number: int, content: bytes, parent: str = "") -> None:
        self.pieces[number] = content
        self.parents[number] = parent
        self.changed.set()
        self.changed = asyncio.Event()


@dataclass
class Story:
    """How a download went: answers of the scheduler, hosts of the parents, and what was held."""

    held: Held
    answers: list[str] = field(default_factory=list)
    offered: set[str] = field(default_factory=set)
    refusals: list[grpc.StatusCode] = field(default_factory=list)
    end: grpc.StatusCode | None = None

    @property
    def parent_hosts(self) -> set[str]:
        return set(self.held.parents.values())


class PlainDaemon:
    """One host. ``seed``: a scheduler may trigger it."""

    def __init__(self, scheduler: str, name: str, *, seed: bool = False) -> None:
        self.name = name
        self.seed = seed
        self.host_id = f"127.0.0.1-{name}" + ("-seed" if seed else "")
        self.tasks: dict[str, Held] = {}
        self.triggered: list[common_pb2.Download] = []
        self.first_piece = asyncio.Event()
        self._channel = grpc.aio.insecure_channel(scheduler)
        self.scheduler: Any = scheduler_pb2_grpc.SchedulerStub(self._channel)
        self._server = grpc.aio.server()
        self._port = 0
        self.vortex = vortex.Server(self._find)

    async def __aenter__(self) -> PlainDaemon:
        dfdaemon_pb2_grpc.add_DfdaemonUploadServicer_to_server(_Upload(self), self._server)
        self._port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        await self.vortex.start()
        await self.announce()
        return self

    async def __aexit__(self, *_: object) -> None:
        request = scheduler_pb2.DeleteHostRequest(host_id=self.host_id)
        try:
            await self.scheduler.DeleteHost(request, timeout=5)
        except grpc.aio.AioRpcError:
            pass  # the scheduler has gone before
        await self._server.stop(None)
        await self.vortex.stop()
        await self._channel.close()

    async def announce(self) -> None:
        host = common_pb2.Host(
            id=self.host_id,
            type=int(self.seed),
            hostname=self.name,
            ip="127.0.0.1",
            port=self._port,
            # Dragonfly's daemons announce their gRPC port here, too; pieces are served elsewhere.
            download_port=self._port,
            os="linux",
            build=common_pb2.Build(git_version="1.5.1", platform="linux"),
        )
        request = scheduler_pb2.AnnounceHostRequest(host=host)
        request.interval.FromSeconds(300)
        await self.scheduler.AnnounceHost(request, timeout=PATIENCE_S)

    async def _find(self, task_id: str, number: int) -> tuple[int, bytes] | None:
        held = self.tasks.get(task_id)
        if held is None or number not in held.pieces:
            return None
        return number * held.piece_length, held.pieces[number]

    def hold(self, task_id: str, content: bytes, piece_length: int = PIECE) -> Held:
        """Have a finished task."""
        held = Held(len(content), piece_length, finished=True)
        for number in range(held.piece_count):
            held.add(number, content[number * piece_length : (number + 1) * piece_length])
        self.tasks[task_id] = held
        return held

    async def download(self, task_id: str, download: common_pb2.Download, size_bytes: int) -> Story:
        """Take the task from whom the scheduler names, as Dragonfly does."""
        held = Held(size_bytes, download.piece_length or PIECE)
        self.tasks[task_id] = held
        download.actual_content_length = size_bytes
        download.actual_piece_length = held.piece_length
        download.actual_piece_count = held.piece_count
        story = Story(held)
        talk = _Talk(self, task_id)
        await talk.say(register_peer_request=scheduler_pb2.RegisterPeerRequest(download=download))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._follow(talk, story, task_id, download)
        except grpc.aio.AioRpcError as error:
            story.end = error.code()
        held.finished = not held.missing
        return story

    async def _follow(
        self, talk: _Talk, story: Story, task_id: str, download: common_pb2.Download
    ) -> None:
        held = story.held
        while (answer := await talk.hear()) is not None:
            kind = answer.WhichOneof("response")
            story.answers.append(kind)
            assert len(story.answers) <= MAX_SCHEDULES
            if kind == "normal_task_response":
                parents = answer.normal_task_response.candidate_parents
                story.offered.update(parent.host.id for parent in parents)
                await talk.say(
                    download_peer_started_request=scheduler_pb2.DownloadPeerStartedRequest()
                )
                await self._from_parents(talk, story, task_id, parents)
                if not held.missing:
                    done = scheduler_pb2.DownloadPeerFinishedRequest()
                    await talk.say(download_peer_finished_request=done)
                else:
                    other = scheduler_pb2.ReschedulePeerRequest(candidate_parents=parents)
                    await talk.say(reschedule_peer_request=other)
            elif kind == "need_back_to_source_response":
                begun = scheduler_pb2.DownloadPeerBackToSourceStartedRequest()
                await talk.say(download_peer_back_to_source_started_request=begun)
                await self._from_source(talk, held, download)
                over = scheduler_pb2.DownloadPeerBackToSourceFinishedRequest()
                await talk.say(download_peer_back_to_source_finished_request=over)
            else:
                await talk.say(
                    download_peer_started_request=scheduler_pb2.DownloadPeerStartedRequest()
                )
                await talk.say(
                    download_peer_finished_request=scheduler_pb2.DownloadPeerFinishedRequest()
                )
        story.end = grpc.StatusCode.OK

    async def _from_parents(
        self, talk: _Talk, story: Story, task_id: str, parents: Iterable[common_pb2.Peer]
    ) -> None:
        async with asyncio.TaskGroup() as group:
            for parent in parents:
                group.create_task(self._from_parent(talk, story, task_id, parent))

    async def _from_parent(
        self, talk: _Talk, story: Story, task_id: str, parent: common_pb2.Peer
    ) -> None:
        held = story.held
        request = dfdaemon_pb2.SyncPiecesRequest(
            host_id=self.host_id, task_id=task_id, interested_piece_numbers=held.missing
        )
        target = f"{parent.host.ip}:{parent.host.port}"
        async with grpc.aio.insecure_channel(target) as channel:
            stub = dfdaemon_pb2_grpc.DfdaemonUploadStub(channel)
            try:
                async for told in stub.SyncPieces(request):
                    if told.number in held.pieces:
                        continue
                    piece = await vortex.fetch(told.ip, told.tcp_port, task_id, told.number)
                    assert (piece.offset, len(piece.content)) == (told.offset, told.length)
                    held.add(told.number, piece.content, parent.host.id)
                    self.first_piece.set()
                    await talk.say(
                        download_piece_finished_request=(
                            scheduler_pb2.DownloadPieceFinishedRequest(
                                piece=_piece(piece, parent.id)
                            )
                        )
                    )
            except grpc.aio.AioRpcError as error:
                story.refusals.append(error.code())

    async def _from_source(self, talk: _Talk, held: Held, download: common_pb2.Download) -> None:
        for number in held.missing:
            first = number * held.piece_length
            last = min(first + held.piece_length, held.size_bytes) - 1
            content = await asyncio.to_thread(_get, download, first, last)
            held.add(number, content, "origin")
            self.first_piece.set()
            piece = _piece(vortex.Piece(number, first, "", content), "")
            piece.traffic_type = common_pb2.BACK_TO_SOURCE
            message = scheduler_pb2.DownloadPieceBackToSourceFinishedRequest(piece=piece)
            await talk.say(download_piece_back_to_source_finished_request=message)


class _Talk:
    """One AnnouncePeer stream."""

    def __init__(self, daemon: PlainDaemon, task_id: str) -> None:
        suffix = "-seed" if daemon.seed else ""
        peer_id = f"127.0.0.1-{daemon.name}-{uuid.uuid4()}{suffix}"
        self._ids = {"host_id": daemon.host_id, "task_id": task_id, "peer_id": peer_id}
        self.peer_id = peer_id
        self._call = daemon.scheduler.AnnouncePeer()
        self._writing = asyncio.Lock()

    async def say(self, **request: Any) -> None:
        async with self._writing:
            await self._call.write(scheduler_pb2.AnnouncePeerRequest(**self._ids, **request))

    async def hear(self) -> scheduler_pb2.AnnouncePeerResponse | None:
        """The next answer; None when the scheduler has closed the stream."""
        answer = await self._call.read()
        if answer is not grpc.aio.EOF:
            return answer
        code = await self._call.code()
        if code is not grpc.StatusCode.OK:
            raise grpc.aio.AioRpcError(
                code, self._call.initial_metadata(), self._call.trailing_metadata()
            )
        return None


class _Upload(dfdaemon_pb2_grpc.DfdaemonUploadServicer):
    """What other hosts and schedulers ask of a plain daemon."""

    def __init__(self, daemon: PlainDaemon) -> None:
        self._daemon = daemon

    async def _held(self, task_id: str, context: Any) -> Held:
        held = self._daemon.tasks.get(task_id)
        if held is None:
            await context.abort(grpc.StatusCode.INTERNAL, f"task {task_id} not found")
            raise AssertionError
        return held

    async def SyncPieces(
        self, request: dfdaemon_pb2.SyncPiecesRequest, context: Any
    ) -> AsyncIterator[dfdaemon_pb2.SyncPiecesResponse]:
        held = await self._held(request.task_id, context)
        wanted = set(request.interested_piece_numbers)
        while wanted:
            changed = held.changed
            for number in sorted(wanted & held.pieces.keys()):
                wanted.discard(number)
                yield dfdaemon_pb2.SyncPiecesResponse(
                    number=number,
                    offset=number * held.piece_length,
                    length=len(held.pieces[number]),
                    ip="127.0.0.1",
                    tcp_port=self._daemon.vortex.port,
                    quic_port=self._daemon.vortex.port,
                )
            if held.finished or not wanted:
                return
            await changed.wait()

    async def StatTask(
        self, request: dfdaemon_pb2.StatTaskRequest, context: Any
    ) -> common_pb2.Task:
        """Dragonfly's daemon asks its scheduler."""
        question = scheduler_pb2.StatTaskRequest(
            host_id=self._daemon.host_id, task_id=request.task_id
        )
        task: common_pb2.Task = await self._daemon.scheduler.StatTask(question)
        return task

    async def StatLocalTask(
        self, request: dfdaemon_pb2.StatLocalTaskRequest, context: Any
    ) -> dfdaemon_pb2.StatLocalTaskResponse:
        held = await self._held(request.task_id, context)
        return dfdaemon_pb2.StatLocalTaskResponse(
            task_id=request.task_id,
            piece_length=held.piece_length,
            content_length=held.size_bytes,
        )

    async def DownloadTask(
        self, request: dfdaemon_pb2.DownloadTaskRequest, context: Any
    ) -> AsyncIterator[dfdaemon_pb2.DownloadTaskResponse]:
        """A scheduler's trigger: register as a seed, go to the origin."""
        download = request.download
        self._daemon.triggered.append(download)
        size_bytes = await asyncio.to_thread(_length, download)
        task_id = task_id_of(download)
        yield dfdaemon_pb2.DownloadTaskResponse(
            host_id=self._daemon.host_id, task_id=task_id, peer_id="seed-peer"
        )
        await self._daemon.download(task_id, download, size_bytes)


def task_id_of(download: common_pb2.Download) -> str:
    """Dragonfly's id, for URLs without a query (client, id_generator)."""
    if download.content_for_calculating_task_id:
        return hashlib.sha256(download.content_for_calculating_task_id.encode()).hexdigest()
    length = str(download.piece_length) if download.HasField("piece_length") else ""
    revision = download.hugging_face.revision
    parts = (download.url, download.tag, download.application, revision, length, "STANDARD")
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _piece(piece: vortex.Piece, parent_id: str) -> common_pb2.Piece:
    message = common_pb2.Piece(
        number=piece.number,
        offset=piece.offset,
        length=len(piece.content),
        digest=piece.digest,
        traffic_type=common_pb2.REMOTE_PEER,
    )
    if parent_id:
        message.parent_id = parent_id
    message.cost.FromMilliseconds(5)
    message.created_at.GetCurrentTime()
    return message


def _get(download: common_pb2.Download, first: int, last: int) -> bytes:
    headers = {**dict(download.request_header), "Range": f"bytes={first}-{last}"}
    request = urllib.request.Request(download.url, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=PATIENCE_S) as answer:
        data: bytes = answer.read()
    return data


def _length(download: common_pb2.Download) -> int:
    request = urllib.request.Request(download.url, headers={"Range": "bytes=0-0"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=PATIENCE_S) as answer:
        return int(answer.headers["Content-Range"].rpartition("/")[2])
