"""A real scheduler service, and daemons that talk to it by gRPC as real ones do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from dfinfra.pb import (
    common_pb2,
    dfdaemon_pb2,
    dfdaemon_pb2_grpc,
    meganeura_pb2,
    meganeura_pb2_grpc,
    scheduler_pb2,
    scheduler_pb2_grpc,
)
from scheduler import app
from scheduler.config import AdminConfig, SchedulerConfig, ServerConfig
from scheduler.policy import OriginPolicy

TASK = "ab" * 32
PATIENCE_S = 10.0


def config(port: int = 0, **sections: Any) -> SchedulerConfig:
    sections.setdefault("origin", OriginPolicy(settle_s=0))
    server = ServerConfig(listen_ip="127.0.0.1", port=port, grace_s=1.0)
    return SchedulerConfig(server=server, admin=AdminConfig(port=0), **sections)


@asynccontextmanager
async def scheduler(settings: SchedulerConfig | None = None) -> AsyncIterator[app.App]:
    built = app.build(settings or config())
    for part in built.services:
        await part.start()
    try:
        yield built
    finally:
        for part in reversed(built.services):
            await part.stop()
        built.shell.core.validate()


class Conversation:
    """One AnnouncePeer stream of a daemon."""

    def __init__(self, daemon: Daemon, task_id: str, peer_id: str) -> None:
        self.peer_id = peer_id
        self._ids = {"host_id": daemon.host.id, "task_id": task_id, "peer_id": peer_id}
        self._call = daemon.scheduler.AnnouncePeer()

    async def say(self, **request: Any) -> None:
        await self._call.write(scheduler_pb2.AnnouncePeerRequest(**self._ids, **request))

    async def register(self, **download: Any) -> None:
        download.setdefault("url", "https://example.com/blob")
        wish = common_pb2.Download(**download)
        await self.say(register_peer_request=scheduler_pb2.RegisterPeerRequest(download=wish))

    async def hear(self) -> scheduler_pb2.AnnouncePeerResponse:
        async with asyncio.timeout(PATIENCE_S):
            answer = await self._call.read()
        assert answer is not grpc.aio.EOF, "the stream ended"
        return answer

    async def parents(self) -> list[common_pb2.Peer]:
        answer = await self.hear()
        assert answer.WhichOneof("response") == "normal_task_response", answer
        return list(answer.normal_task_response.candidate_parents)

    async def parent_hosts(self) -> set[str]:
        return {parent.host.id for parent in await self.parents()}

    async def may_go_to_the_origin(self) -> None:
        answer = await self.hear()
        assert answer.WhichOneof("response") == "need_back_to_source_response", answer

    async def started(self, *, at_origin: bool = False) -> None:
        if at_origin:
            begun = scheduler_pb2.DownloadPeerBackToSourceStartedRequest()
            await self.say(download_peer_back_to_source_started_request=begun)
        else:
            await self.say(download_peer_started_request=scheduler_pb2.DownloadPeerStartedRequest())

    async def piece(self, number: int, parent: str = "", *, at_origin: bool = False) -> None:
        piece = common_pb2.Piece(
            number=number, offset=number << 22, length=1 << 22, digest="crc32:1929153120"
        )
        piece.cost.FromMilliseconds(5)
        piece.created_at.GetCurrentTime()
        if parent:
            piece.parent_id = parent
        if at_origin:
            done = scheduler_pb2.DownloadPieceBackToSourceFinishedRequest(piece=piece)
            await self.say(download_piece_back_to_source_finished_request=done)
        else:
            got = scheduler_pb2.DownloadPieceFinishedRequest(piece=piece)
            await self.say(download_piece_finished_request=got)

    async def bad_piece(self, parent: str) -> None:
        failed = scheduler_pb2.DownloadPieceFailedRequest(parent_id=parent, temporary=False)
        await self.say(download_piece_failed_request=failed)

    async def reschedule(self, *bad: str) -> None:
        request = scheduler_pb2.ReschedulePeerRequest()
        for peer_id in bad:
            request.candidate_parents.add(id=peer_id)
        await self.say(reschedule_peer_request=request)

    async def finished(self, *, at_origin: bool = False) -> None:
        if at_origin:
            done = scheduler_pb2.DownloadPeerBackToSourceFinishedRequest()
            await self.say(download_peer_back_to_source_finished_request=done)
        else:
            await self.say(
                download_peer_finished_request=scheduler_pb2.DownloadPeerFinishedRequest()
            )

    async def ended(self) -> grpc.StatusCode:
        """Wait for the end of the stream; its status."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                answer = await self._call.read()
            except grpc.aio.AioRpcError:
                pass
            else:
                assert answer is grpc.aio.EOF, answer
            code: grpc.StatusCode = await self._call.code()
            return code

    async def why(self) -> str:
        return await self._call.details()

    def hang_up(self) -> None:
        self._call.cancel()


class Uploads(dfdaemon_pb2_grpc.DfdaemonUploadServicer):
    """What a daemon is asked by the scheduler."""

    def __init__(self) -> None:
        self.triggered: asyncio.Queue[common_pb2.Download] = asyncio.Queue(10)
        self.deleted: list[str] = []
        self.refuses = False
        self.answer = asyncio.Event()

    async def DownloadTask(self, request: Any, context: Any) -> AsyncIterator[Any]:
        if self.refuses:
            await context.abort(grpc.StatusCode.INTERNAL, "no")
        await self.triggered.put(request.download)
        await self.answer.wait()
        yield dfdaemon_pb2.DownloadTaskResponse(host_id="seed", task_id=TASK, peer_id="seed-peer")

    async def DeleteTask(self, request: Any, context: Any) -> Empty:
        if self.refuses:
            await context.abort(grpc.StatusCode.INTERNAL, "no")
        self.deleted.append(request.task_id)
        return Empty()


class Daemon:
    """One host. Ours unless `own=False`."""

    def __init__(self, port: int, name: str, *, seed: bool = False, own: bool = True) -> None:
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        self.scheduler: Any = scheduler_pb2_grpc.SchedulerStub(self._channel)
        self.extension: Any = meganeura_pb2_grpc.SchedulerExtensionStub(self._channel)
        self.uploads = Uploads()
        self._server: grpc.aio.Server | None = None
        self.host = common_pb2.Host(
            id=f"127.0.0.1-{name}",
            type=int(seed),
            hostname=name,
            ip="127.0.0.1",
            port=4000,
            download_port=4005,
        )
        self.host.build.platform = "meganeura/1" if own else "linux"

    async def serve_uploads(self) -> None:
        self._server = grpc.aio.server()
        dfdaemon_pb2_grpc.add_DfdaemonUploadServicer_to_server(self.uploads, self._server)
        self.host.port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()

    async def announce(self) -> None:
        request = scheduler_pb2.AnnounceHostRequest(host=self.host)
        request.interval.FromSeconds(30)
        await self.scheduler.AnnounceHost(request, timeout=PATIENCE_S)

    async def announce_blobs(self, *task_ids: str, complete: bool = True) -> None:
        request = meganeura_pb2.AnnounceBlobsRequest(host_id=self.host.id, replace=True)
        for task_id in task_ids:
            request.blobs.add(
                task_id=task_id,
                size_bytes=1 << 24,
                complete=complete,
                url="https://example.com/blob",
                peer_id=f"{self.host.id}-{task_id[:12]}",
            )
        await self.extension.AnnounceBlobs(request, timeout=PATIENCE_S)

    def converse(self, task_id: str = TASK, peer_id: str = "") -> Conversation:
        return Conversation(self, task_id, peer_id or f"{self.host.id}-peer")

    async def aclose(self) -> None:
        await self._channel.close(None)
        if self._server is not None:
            await self._server.stop(None)


class Bed:
    """One scheduler and the daemons of a test."""

    def __init__(self, built: app.App) -> None:
        self.app = built
        self.daemons: list[Daemon] = []

    async def daemon(self, name: str, **kind: Any) -> Daemon:
        daemon = Daemon(self.app.grpc.port, name, **kind)
        self.daemons.append(daemon)
        await daemon.serve_uploads()
        await daemon.announce()
        return daemon

    async def joined(self, name: str) -> tuple[Daemon, Conversation, set[str]]:
        daemon = await self.daemon(name)
        talk = daemon.converse()
        await talk.register()
        return daemon, talk, await talk.parent_hosts()

    async def streams_are(self, count: int) -> None:
        """Wait until the scheduler has seen all but so many streams of peers end."""
        peers = self.app.shell.core.pool.peers
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if sum(peer.streaming for peer in peers.values()) == count:
                    return
                await asyncio.sleep(0.01)


@asynccontextmanager
async def bed(settings: SchedulerConfig | None = None) -> AsyncIterator[Bed]:
    async with scheduler(settings) as built:
        made = Bed(built)
        try:
            yield made
        finally:
            for daemon in made.daemons:
                await daemon.aclose()
